"""Detectors side by side: agreement by hand, an ensemble that earns its place, relative errors."""

import numpy as np
import pandas as pd
import pytest
from test_evaluation import table

from offkey import evaluation
from offkey.core.errors import BadInput

TARGET = np.tile([0, 1], 40)
RNG = np.random.default_rng(0)


def judged(detector: str, clean: np.ndarray, noise: np.ndarray | None = None) -> pd.DataFrame:
    scores = {"clean": clean} if noise is None else {"clean": clean, "tempo0.9": noise}
    return table(scores, TARGET).assign(detector=detector)


def noisy(strength: float) -> np.ndarray:
    logits = strength * (2 * TARGET - 1) + RNG.standard_normal(len(TARGET))
    return np.round(1 / (1 + np.exp(-logits)), 6)


def test_agreement_by_hand() -> None:
    one = np.where(TARGET == 1, 0.9, 0.1)
    two = one.copy()
    two[:8] = 1 - two[:8]  # wrong on eight clips
    found = evaluation.agreement(pd.concat([judged("a", one), judged("b", two)]))
    (row,) = found.to_dict("records")
    assert (row["first"], row["second"], row["variant"]) == ("a", "b", "clean")
    assert row["same"] == pytest.approx(0.9) and row["low"] < 0.9 < row["high"]
    assert row["kappa"] == pytest.approx(0.8)
    assert row["both_wrong"] == 0
    same = evaluation.agreement(pd.concat([judged("a", two), judged("b", two)]))
    assert same["same"].iat[0] == 1 and same["both_wrong"].iat[0] == pytest.approx(0.1)


def test_a_detector_stands_for_one_model() -> None:
    one = judged("a", noisy(1))
    with pytest.raises(BadInput, match="detector 'a' stands for several models"):
        evaluation.agreement(pd.concat([one, one.assign(seed=1)]))


def test_an_ensemble_of_independent_detectors_beats_each() -> None:
    members = {name: (noisy(1.0), noisy(1.0)) for name in ("a", "b", "c")}
    validation = pd.concat([judged(n, v).assign(split="val") for n, (v, _) in members.items()])
    test = pd.concat([judged(name, scores, scores) for name, (_, scores) in members.items()])
    test = pd.concat([test, judged("deaf", np.full(len(TARGET), 0.5))], ignore_index=True)
    found, weights = evaluation.ensemble(validation, test, without=("deaf",))
    assert set(found["detector"]) == {"ensemble"} and set(found["variant"]) == {"clean", "tempo0.9"}
    assert list(weights["detector"]) == ["a", "b", "c"] and (weights["weight"] > 0).all()
    assert list(found.columns) == list(test.columns)
    scores = evaluation.score(pd.concat([test, found]), subsets=["all"], n_resamples=50)
    auc = scores[(scores["metric"] == "auc") & (scores["variant"] == "clean")]
    auc = auc.set_index("detector")["value"]
    assert auc["ensemble"] > auc[["a", "b", "c"]].max()


def test_an_ensemble_needs_two_that_judge_the_same() -> None:
    one = judged("a", noisy(1)).assign(split="val")
    with pytest.raises(BadInput, match="two detectors or more"):
        evaluation.ensemble(one, one)
    other = judged("b", noisy(1)).assign(split="val")
    apart = other.assign(variant="tempo0.9", perturbation="tempo", severity=-1, label="×0.9")
    with pytest.raises(BadInput, match="no variant was judged by all"):
        evaluation.ensemble(pd.concat([one, other]), pd.concat([one, apart]))


def test_relative_errors_are_shares_of_the_references() -> None:
    clean, half = np.where(TARGET == 1, 0.9, 0.1), np.where(TARGET == 1, 0.9, 0.1)
    half[:40] = 1 - half[:40]
    quarter = clean.copy()
    quarter[:20] = 1 - quarter[:20]
    scores = evaluation.score(
        pd.concat([judged("ours", clean, quarter), judged("ref", clean, half)]),
        subsets=["all"],
        n_resamples=20,
    )
    found = evaluation.relative(scores, "ref").set_index("detector")
    assert found.loc["ours", "error_ratio"] == pytest.approx(0.5)
    assert found.loc["ours", "rise_ratio"] == pytest.approx(0.5)
    assert found.loc["ours", "drop"] == pytest.approx(0.25)
    with pytest.raises(BadInput, match="unknown detector 'reff'"):
        evaluation.relative(scores, "reff")


def test_measures_by_class_have_means_and_an_auc() -> None:
    rows = pd.DataFrame(
        {
            "track_id": [f"t{i // 2}" for i in range(80)],
            "target": TARGET,
            "variant": "clean",
            "label": "clean",
            "size": np.where(TARGET == 1, 2.0, 1.0) + 0.01 * RNG.standard_normal(80),
        }
    )
    found = evaluation.by_class(rows, ["size"], n_resamples=200).set_index("what")
    assert found.loc["human", "value"] == pytest.approx(1, abs=0.01)
    assert found.loc["AI", "low"] < 2.01 and found.loc["AI", "high"] > 1.99
    assert found.loc["auc", "value"] == 1 and np.isnan(found.loc["auc", "low"])
    assert found.loc["auc", "n_clips"] == 80 and found.loc["AI", "n_clips"] == 40
