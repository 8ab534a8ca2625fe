"""Three verdicts: cut-offs from scores, the card that states them, and the detector that ships."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import tune
from typer.testing import CliRunner

from offkey import detectors, evaluation, reports
from offkey.__main__ import app
from offkey.core import code, seeding, store
from offkey.core.errors import BadInput
from offkey.detectors import detection, trained, verdicts
from offkey.evaluation import predictions as table_of
from offkey.metrics import cutoffs
from offkey.metrics.cutoffs import CutOffs
from offkey.runner import run_states
from offkey.sound import audio


def spread(n: int, first: float, last: float) -> np.ndarray:
    """Scores at equal distances, shape (n,)."""
    return np.linspace(first, last, n)


def test_cut_offs_are_the_scores_that_keep_the_promise() -> None:
    human, ai = spread(99, 0.00, 0.98), spread(39, 0.02, 0.40)
    target = np.repeat([0, 1], [99, 39])
    found = cutoffs.cut_offs(target, np.concatenate([human, ai]), np.arange(138))
    # 1 in 50 of 100: one of the 99 may lie above, a new one in 2 of 100 cases
    assert found.ai_from == np.nextafter(0.97, 1)
    assert (human >= found.ai_from).sum() == 1
    assert found.human_below == pytest.approx(0.03)
    assert (ai < found.human_below).sum() == 1


def test_a_track_counts_by_its_worst_clip() -> None:
    target = np.repeat([0, 0, 1, 1], [49, 49, 19, 19])
    track = np.concatenate([np.arange(49), np.arange(49), 49 + np.arange(19), 49 + np.arange(19)])
    score = np.concatenate([spread(49, 0, 0.1), spread(49, 0.5, 0.6), spread(19, 0.9, 1)])
    score = np.concatenate([score, spread(19, 0.3, 0.4)])
    found = cutoffs.cut_offs(target, score, track)
    assert found == (pytest.approx(0.3), np.nextafter(0.6, 1))


def test_classes_far_apart_leave_nothing_uncertain() -> None:
    target = np.repeat([0, 1], [49, 19])
    score = np.concatenate([spread(49, 0, 0.2), spread(19, 0.8, 1)])
    found = cutoffs.cut_offs(target, score, np.arange(68))
    assert found == (pytest.approx(0.5), pytest.approx(0.5))
    assert set(cutoffs.verdicts(score, *found)) == {"AI", "human"}


def test_the_promise_holds_for_new_tracks() -> None:
    rng = seeding.rng(0, "promise")
    wrong = []
    for _ in range(400):
        score = np.concatenate([rng.uniform(0, 1, 99), rng.uniform(0.5, 1, 19)])
        found = cutoffs.cut_offs(np.repeat([0, 1], [99, 19]), score, np.arange(118))
        wrong.append(max(0.0, 1 - found.ai_from))  # of new human tracks, uniform scores
    # 2 of 100 on average; the mean of 400 has a deviation of 0.0007
    assert np.mean(wrong) == pytest.approx(0.02, abs=0.0025)


@pytest.mark.parametrize(("n_human", "n_ai", "named"), [(48, 19, "48 human"), (49, 18, "18 AI")])
def test_too_few_tracks_promise_nothing(n_human: int, n_ai: int, named: str) -> None:
    target = np.repeat([0, 1], [n_human, n_ai])
    with pytest.raises(BadInput, match=rf"{named} tracks cannot promise .* at least \d+ are"):
        cutoffs.cut_offs(target, spread(len(target), 0, 1), np.arange(len(target)))


def test_verdict_words() -> None:
    known = verdicts.Verdicts(CutOffs(0.3, 0.6), {}, {})
    words = {0.0: "human", 0.2999: "human", 0.3: "uncertain", 0.5999: "uncertain", 0.6: "AI"}
    assert {score: known.verdict(score) for score in words} == words
    np.testing.assert_array_equal(
        cutoffs.verdicts([0.1, 0.1], [0.2, 0.05], [0.3, 0.08]), ["human", "AI"]
    )


FOLDS = 5
EDITED = {"perturbation": "pitch", "severity": -1, "level": -0.5, "unit": "semitones"}
CONDITIONS = {
    "clean": {"perturbation": "clean", "severity": 0, "level": math.nan, "unit": ""}
    | {"label": "clean", "engine": ""},
    "pitch-0.5": EDITED | {"label": "−0.5 st", "engine": "vocoder"},
}


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    """Manifest columns of 200 human tracks of 20 sources and 100 AI tracks of 10 families."""
    number = np.arange(300)
    target = (number >= 200).astype(int)
    group = np.where(target == 1, number // 10 + 100, number // 10)
    return pd.DataFrame(
        {
            "clip_id": [f"clip{k:03d}" for k in number],
            "track_id": [f"track{k:03d}" for k in number],
            "group": [f"group{k:03d}" for k in group],
            "target": target,
            "generator": [f"maker{k}" for k in group],
            "family": [f"family{k}" if k >= 100 else "human" for k in group],
            "dataset": "some",
            "split": "test",
            "fold": group % FOLDS,
            "duration_s": 10.0,
            "source_codec": "mp3",
            "source_sample_rate_hz": 44_100,
        }
    )


@pytest.fixture(scope="module")
def cross_fitted(clips: pd.DataFrame) -> pd.DataFrame:
    """Predictions: clean, one family in ten is not found; edited, none is."""
    rng = seeding.rng(0, "cross-fitted")
    ai = clips["target"] == 1
    clean = np.clip(rng.normal(np.where(ai, 0.8, 0.3), 0.1), 0, 1)
    clean = np.where(clips["family"] == "family120", 0.4, clean)
    edited = np.where(ai, 0.45, clean)
    about = {"detector": "some", "regime": "clean", "stage": "", "train_variant": "clean"}
    about |= {"seed": 0, "threshold": 0.5, **dict.fromkeys(table_of.FINGERPRINTS, "0")}
    keys = clips.drop(columns=["duration_s", "source_codec", "source_sample_rate_hz"])
    parts = [
        keys.assign(variant=variant, **CONDITIONS[variant], score=score, **about)
        for variant, score in (("clean", clean), ("pitch-0.5", edited))
    ]
    return pd.concat(parts, ignore_index=True)


def share(table: pd.DataFrame, true: str, called: str, variant: str = "clean") -> pd.Series:
    """The one row of a class and a verdict."""
    rows = table[
        (table["true"] == true) & (table["called"] == called) & (table["variant"] == variant)
    ]
    assert len(rows) == 1
    return rows.iloc[0]


def test_shares_of_verdicts_count_clips_tracks_and_groups(cross_fitted: pd.DataFrame) -> None:
    given = CutOffs(0.3, 0.6)
    found = evaluation.verdict_shares(evaluation.at_cut_offs(cross_fitted, given))
    clean = cross_fitted[cross_fitted["variant"] == "clean"]
    human, ai = clean[clean["target"] == 0]["score"], clean[clean["target"] == 1]["score"]
    assert share(found, "human", "AI")["value"] == (human >= 0.6).mean()
    assert share(found, "AI", "human")["value"] == (ai < 0.3).mean()
    uncertain = share(found, "AI", "uncertain")
    assert uncertain["value"] == ((ai >= 0.3) & (ai < 0.6)).mean() >= 0.1
    assert (uncertain["n_clips"], uncertain["n_tracks"], uncertain["n_groups"]) == (100, 100, 10)
    assert uncertain["low"] < uncertain["value"] < uncertain["high"]
    assert uncertain["group_high"] > uncertain["high"]  # whole families are missed
    sums = found.groupby(["variant", "true"])["value"].sum()
    np.testing.assert_allclose(sums, 1)
    assert share(found, "AI", "AI", "pitch-0.5")["value"] == 0


def test_no_clip_chooses_the_cut_offs_it_is_judged_at(cross_fitted: pd.DataFrame) -> None:
    clean = cross_fitted[cross_fitted["variant"] == "clean"].reset_index(drop=True)
    before = evaluation.at_cut_offs_of_other_folds(clean)
    own = clean["fold"] == 0
    moved = clean.assign(score=clean["score"].where(~own, 1 - clean["score"]))
    after = evaluation.at_cut_offs_of_other_folds(moved)
    names = ["human_below", "ai_from"]
    pd.testing.assert_frame_equal(before.loc[own, names], after.loc[own, names])
    assert (before.loc[~own, "ai_from"] < after.loc[~own, "ai_from"]).all()


def test_cut_offs_need_one_detector_and_folds(cross_fitted: pd.DataFrame) -> None:
    assert evaluation.cut_offs(cross_fitted) == evaluation.cut_offs(
        cross_fitted[cross_fitted["variant"] == "clean"]
    )
    two = pd.concat([cross_fitted, cross_fitted.assign(detector="other")])
    with pytest.raises(BadInput, match="one detector with one seed"):
        evaluation.cut_offs(two)
    with pytest.raises(BadInput, match=r"09_compare_detectors on a data set with folds"):
        evaluation.cut_offs(cross_fitted.assign(fold=0))


@pytest.fixture(scope="module")
def parts(cross_fitted: pd.DataFrame) -> list[pd.DataFrame | CutOffs]:
    """What a card is made of, as notebook 23 makes it."""
    given = evaluation.cut_offs(cross_fitted)
    judged = evaluation.at_cut_offs(cross_fitted, given)
    clean = judged[judged["variant"] == "clean"]
    return [
        given,
        evaluation.score(cross_fitted, n_resamples=50, subsets=["all"]),
        evaluation.verdict_shares(judged),
        evaluation.verdict_shares(evaluation.at_cut_offs_of_other_folds(clean)),
        evaluation.verdict_shares(clean[clean["target"] == 1], ["family"]),
    ]


def test_the_card_says_what_the_tables_say(clips: pd.DataFrame, parts: list) -> None:
    card = json.loads(json.dumps(reports.verdict_card(clips, *parts), allow_nan=False))
    given, scores, shares, *_ = parts
    assert [card["cutoffs"][name] for name in CutOffs._fields] == list(given)
    assert card["learnt_from"] == {
        **{"clips": 300, "tracks": 300, "human_clips": 200, "ai_clips": 100},
        **{"human_sources": 20, "ai_families": 10, "clip_s": 10.0},
    }
    clean = card["tested"]["clean"]
    rate = share(shares, "human", "AI")
    for name in ("value", "low", "high", "group_low", "group_high"):
        assert clean["false_positive_rate"][name] == pytest.approx(rate[name], abs=5e-5)
    assert clean["false_positive_rate"]["n_clips"] == 200
    auc = scores[(scores["metric"] == "auc") & (scores["variant"] == "clean")].iloc[0]
    assert clean["auc"]["value"] == pytest.approx(auc["value"], abs=5e-5)
    assert [row["edit"] for row in card["tested"]["edits"]] == ["−0.5 st by vocoder"]
    assert card["tested"]["families"][0]["family"] == "family120"
    assert "Families of which it finds less than half: family120 (0 of 10)." in card["limits"]
    weak = "Edits after which it finds less than half of the AI clips: −0.5 st by vocoder (0 %)."
    assert weak in card["limits"]
    assert verdicts.read(card).cut_offs == given


def test_a_card_of_other_clips_is_refused(clips: pd.DataFrame, parts: list) -> None:
    with pytest.raises(BadInput, match="learns from 290 clips, its cross-fitted scores are of 300"):
        reports.verdict_card(clips.head(290), *parts)


def test_a_card_without_cut_offs_keeps_its_threshold(tmp_path: Path) -> None:
    detectors.create("cnn", width=1).save(tmp_path / "model")
    assert verdicts.read(store.read_json(tmp_path / "model" / "model.json")) is None
    path = audio.write(tmp_path / "tune.wav", tune("tune"))
    answer = detection.detect(detectors.load(tmp_path / "model"), path)
    assert answer["threshold"] == 0.5 and "ai_from" not in answer
    assert answer["verdict"] == ("AI" if answer["score"] >= 0.5 else "human")


def test_what_ships_is_a_result_and_makes_no_other_result_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code, "PACKAGE", tmp_path)
    (tmp_path / "module.py").write_text("x = 1\n")
    before = run_states.code_fingerprint()
    store.write_json(tmp_path / "detectors" / "shipped" / "model.json", {"a": 1})
    assert run_states.code_fingerprint() == before
    store.write_json(tmp_path / "detectors" / "other" / "model.json", {"a": 1})
    assert run_states.code_fingerprint() != before


def card() -> dict:
    """The card of the detector that ships."""
    return store.read_json(trained.SHIPPED / "model.json")


def test_the_shipped_detector_is_small_and_its_card_is_complete() -> None:
    files = {path.name: path.stat().st_size for path in trained.SHIPPED.iterdir()}
    assert set(files) == {"model.json", "model.safetensors"}
    assert sum(files.values()) <= 3e6
    shipped = card()
    assert shipped["sha256"] == store.file_sha256(trained.SHIPPED / "model.safetensors")
    assert (shipped["detector"], shipped["purpose"]) == ("comb", trained.AI_OR_HUMAN)
    assert shipped["dataset"] == "public_clips"
    assert shipped["cutoffs"]["human_below"] <= shipped["cutoffs"]["ai_from"]
    learnt, tested = shipped["learnt_from"], shipped["tested"]
    assert learnt["clips"] == learnt["human_clips"] + learnt["ai_clips"]
    for rates in (tested["clean"], *tested["edits"]):
        for name in ("auc", "false_positive_rate", "found", "miss_rate"):
            value, low, high = (rates[name][end] for end in ("value", "low", "high"))
            assert 0 <= low <= value <= high <= 1
            assert 0 <= rates[name]["group_low"] <= rates[name]["group_high"] <= 1
    assert tested["clean"]["false_positive_rate"]["value"] <= 1 / 50
    assert tested["clean"]["false_positive_rate"]["n_clips"] == learnt["human_clips"]
    families = [one["found"]["n_clips"] for one in tested["families"]]
    assert len(families) == learnt["ai_families"] and sum(families) == learnt["ai_clips"]
    assert "clean_at_cut_offs_of_other_folds" in tested and len(shipped["limits"]) >= 3
    assert "/" not in shipped["dataset"] and str(Path.home()) not in json.dumps(shipped)


def test_the_shipped_detector_judges_by_its_cut_offs_and_says_which_it_is(tmp_path: Path) -> None:
    path = audio.write(tmp_path / "tune.wav", tune("tune", 10.0))
    shown = CliRunner().invoke(app, ["detect", str(path), "--data", str(tmp_path)])
    assert shown.exit_code == 0 and shown.stderr == ""
    n = card()["learnt_from"]["clips"]
    assert f"shipped detector comb, trained on {n} clips of public_clips" in shown.stdout
    assert "false positive rate: " in shown.stdout and " human clips were called AI" in shown.stdout
    words = ["detect", str(path), "--data", str(tmp_path), "--json"]
    (answer,) = json.loads(CliRunner().invoke(app, words).stdout)
    low, high = answer["human_below"], answer["ai_from"]
    assert (low, high) == (card()["cutoffs"]["human_below"], card()["cutoffs"]["ai_from"])
    assert answer["false_positive_rate"] == card()["tested"]["clean"]["false_positive_rate"]
    score, verdict = answer["score"], answer["verdict"]
    assert verdict == ("AI" if score >= high else "human" if score < low else "uncertain")
    assert f"{score:.3f}" in shown.stdout and f" {verdict} " in shown.stdout
    assert answer["seconds_heard"] == answer["seconds"] == pytest.approx(10)


def test_a_changed_file_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = audio.write(tmp_path / "tune.wav", tune("tune"))
    shutil.copytree(trained.SHIPPED, tmp_path / "shipped")
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")
    weights = tmp_path / "shipped" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    for missing in (False, True):
        if missing:
            weights.unlink()
        shown = CliRunner().invoke(app, ["detect", str(path)])
        assert (shown.exit_code, shown.stdout) == (2, "")
        assert shown.stderr == (
            f"offkey: error: the shipped detector: {weights} is missing or does not match the "
            "hash in model.json: install offkey again.\n"
        )


def test_the_shipped_detector_needs_no_network_library_and_no_scikit_learn(tmp_path: Path) -> None:
    path = audio.write(tmp_path / "tune.wav", tune("tune"))
    program = """
import sys
from offkey.__main__ import main
try:
    main()
except SystemExit as done:
    heavy = "torch torchvision sklearn skops statsmodels librosa numba matplotlib dask IPython"
    print("HEAVY", *{name.partition('.')[0] for name in sys.modules} & set(heavy.split()))
    sys.exit(done.code)
"""
    command = [sys.executable, "-c", program, "detect", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "HEAVY"
