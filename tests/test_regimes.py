"""Differences of trainings, temperatures and left-out worlds, on tables checked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from test_evaluation import table

from offkey import evaluation, metrics
from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.metrics import calibration

TARGET = np.tile([0, 1], 20)


def scored(wrong: int, **model) -> pd.DataFrame:
    """Forty clips of which the first `wrong` are called wrongly, by halves of either class."""
    score = np.where(TARGET == 1, 0.9, 0.1)
    score[:wrong] = 1 - score[:wrong]
    return table({"clean": score}, TARGET, **model)


def test_gain_is_the_difference_of_balanced_accuracies() -> None:
    both = pd.concat([scored(14), scored(2, regime="joint", train_variant="joint")])
    gains = evaluation.compare_regimes(both, n_resamples=400)
    row = gains.iloc[0]
    assert len(gains) == 1
    assert row["gain"] == pytest.approx(0.3)
    assert row["low"] < 0.3 < row["high"]
    assert row["low"] > 0
    assert row["p_tracks_holm"] == row["p_tracks"] < 0.05
    assert (row["n_clips"], row["n_tracks"], row["n_seeds"]) == (40, 20, 1)


def test_seeds_are_averaged_and_their_spread_is_told() -> None:
    seeds = [scored(wrong, regime="joint", seed=seed) for seed, wrong in enumerate((0, 4, 8))]
    gains = evaluation.compare_regimes(pd.concat([scored(4), *seeds]), n_resamples=200)
    row = gains.iloc[0]
    assert row["n_seeds"] == 3
    assert row["gain"] == pytest.approx(0.0)
    assert row["seed_low"] == pytest.approx(-0.1)
    assert row["seed_high"] == pytest.approx(0.1)


def test_equal_models_have_no_gain_as_far_as_twenty_tracks_can_tell() -> None:
    gains = evaluation.compare_regimes(pd.concat([scored(4), scored(4, regime="joint")]))
    row = gains.iloc[0]
    reach = (1 - 0.025 ** (1 / 20)) / 2**0.5
    assert (row["gain"], row["p_tracks"]) == (0, 1)
    assert (row["low"], row["high"]) == (pytest.approx(-reach), pytest.approx(reach))


def test_losses_average_the_seeds_and_pair_the_clips() -> None:
    def model(seed: int, wrong: int) -> pd.DataFrame:
        clean = np.where(TARGET == 1, 0.9, 0.1)
        pitched = clean.copy()
        pitched[:wrong] = 1 - pitched[:wrong]
        return table({"clean": clean, "pitch+2": pitched, "tempo0.9": clean}, TARGET, seed=seed)

    found = evaluation.losses(pd.concat([model(0, 16), model(1, 8)])).set_index("variant")
    assert found.loc["pitch+2", "drop"] == pytest.approx(0.3)
    assert found.loc["pitch+2", "seed_low"] == pytest.approx(0.2)
    assert found.loc["pitch+2", "seed_high"] == pytest.approx(0.4)
    assert found.loc["pitch+2", "low"] > 0
    assert found.loc["pitch+2", "p_tracks_holm"] < 0.05
    assert found.loc["tempo0.9", "drop"] == 0
    assert found.loc["tempo0.9", "detectable_drop"] == pytest.approx(100 * 6 / (2 * 20))
    assert (found["n_seeds"] == 2).all()


def test_a_seed_is_measured_against_its_own_clean_score() -> None:
    def model(seed: int, wrong: int) -> pd.DataFrame:
        score = np.where(TARGET == 1, 0.9, 0.1)
        score[:wrong] = 1 - score[:wrong]
        return table({"clean": score, "tempo0.9": score}, TARGET, seed=seed)

    unmoved = evaluation.losses(pd.concat([model(0, 2), model(1, 10)])).iloc[0]
    assert (unmoved["drop"], unmoved["seed_low"], unmoved["seed_high"]) == (0, 0, 0)


def test_what_could_be_seen_counts_the_tracks_of_one_class() -> None:
    apart = np.repeat([0, 1], [24, 16])  # pairs of clips of one class: 12 and 8 tracks
    same = np.where(apart == 1, 0.9, 0.1)
    found = evaluation.losses(table({"clean": same, "pitch+2": same}, apart)).iloc[0]
    assert found["n_tracks"] == 20
    assert found["detectable_drop"] == pytest.approx(100 * 6 / (2 * 12))
    old = evaluation.compare(table({"clean": same, "pitch+2": same}, apart)).iloc[0]
    assert found["detectable_drop"] == pytest.approx(old["detectable_drop"])


def test_several_detectors_are_not_mixed() -> None:
    with pytest.raises(BadInput, match="several detectors"):
        evaluation.compare_regimes(pd.concat([scored(4), scored(4, detector="cnn")]))


def test_left_out_groups_are_compared_apart() -> None:
    def world(wrong_heard: int, wrong_unheard: int, name: str) -> pd.DataFrame:
        parts = [
            scored(0, regime="heard"),
            scored(wrong_heard, regime="heard_same_size"),
            scored(wrong_unheard, regime="unheard"),
        ]
        return pd.concat(parts).assign(held_out=name)

    predictions = pd.concat([world(0, 10, "a"), world(2, 2, "b")])
    costs = evaluation.compare_held_out(predictions).set_index("held_out")
    assert costs["regime"].tolist() == ["unheard", "unheard"]
    assert costs.loc["a", "gain"] == pytest.approx(-0.25)
    assert costs.loc["b", "gain"] == 0  # worse than on all tracks, but not for want of hearing it
    scores = evaluation.score_held_out(predictions)
    accuracy = scores[(scores["metric"] == "balanced_accuracy") & (scores["held_out"] == "a")]
    assert dict(zip(accuracy["regime"], accuracy["value"], strict=True)) == {
        "heard": 1.0,
        "heard_same_size": 1.0,
        "unheard": 0.75,
    }
    with pytest.raises(BadInput, match="held_out"):
        evaluation.score_held_out(scored(1))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_temperature_is_found_again(temperature: float) -> None:
    rng = seeding.rng(0, "temperature")
    honest = rng.uniform(0.02, 0.98, 40_000)
    target = (rng.uniform(size=len(honest)) < honest).astype(int)
    distorted = calibration.scale(honest, 1 / temperature)
    assert calibration.fit_temperature(target, distorted) == pytest.approx(temperature, rel=0.05)


def test_scaling_keeps_the_order_and_the_middle() -> None:
    score = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    scaled = calibration.scale(score, 2.0)
    assert (np.diff(scaled) > 0).all()
    assert scaled[2] == pytest.approx(0.5)
    np.testing.assert_allclose(calibration.scale(score[1:4], 1.0), score[1:4])


def test_one_class_has_no_temperature() -> None:
    with pytest.raises(BadInput, match="both classes"):
        calibration.fit_temperature([1, 1], [0.2, 0.8])


def test_calibrated_predictions_keep_every_verdict() -> None:
    rng = seeding.rng(0, "sure")
    score = np.clip(TARGET * 0.7 + rng.normal(0.15, 0.2, 40), 0.001, 0.999)
    test, validation = table({"clean": score}, TARGET), table({"clean": score}, TARGET)
    fitted = evaluation.temperatures(validation)
    both = evaluation.calibrate(test.assign(threshold=0.4), fitted)
    raw, scaled = (part.reset_index(drop=True) for _, part in both.groupby("stage", sort=False))
    assert ((raw["score"] >= raw["threshold"]) == (scaled["score"] >= scaled["threshold"])).all()
    assert metrics.auc(raw["target"], raw["score"]) == metrics.auc(raw["target"], scaled["score"])
    with pytest.raises(BadInput, match="no temperature"):
        evaluation.calibrate(test.assign(seed=7), fitted)


def test_a_known_slope_and_offset_are_found_again() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 40_000)
    truth = 1 / (1 + np.exp(-(0.5 * logits + 1.0)))
    target = (rng.random(len(logits)) < truth).astype(int)
    slope, offset = calibration.fit_platt(target, 1 / (1 + np.exp(-logits)))
    share = target.mean()
    # as if both classes were equally frequent: the log of their odds is taken off
    assert slope == pytest.approx(0.5, rel=0.05)
    assert offset == pytest.approx(1.0 - np.log(share / (1 - share)), abs=0.05)


def test_few_clips_make_nothing_certain_and_a_wrong_order_means_nothing() -> None:
    target, score = [0] * 10 + [1] * 10, [0.1] * 10 + [0.9] * 10
    found = calibration.platt([0.1, 0.9], *calibration.fit_platt(target, score))
    assert found == pytest.approx([1 / 12, 11 / 12], abs=1e-3)
    backwards = calibration.fit_platt(target, score[::-1])
    assert calibration.platt([0.01, 0.99], *backwards) == pytest.approx([0.5, 0.5], abs=1e-3)
    with pytest.raises(BadInput, match="both classes"):
        calibration.fit_platt([1, 1], [0.2, 0.8])
