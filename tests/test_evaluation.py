"""Predictions table to scores, tests and transfer, on tables small enough to check by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from offkey import evaluation
from offkey.core import seeding, store
from offkey.core.errors import BadInput
from offkey.evaluation import family, predictions, scoring

CONDITIONS = {
    "clean": ("clean", 0, math.nan, "", "clean", ""),
    "pitch+2": ("pitch", 1, 2.0, "semitones", "+2 st", "vocoder"),
    "tempo0.9": ("tempo", -1, 0.9, "rate", "×0.9", "vocoder"),
}


def table(scores: dict[str, np.ndarray], target: np.ndarray, **model) -> pd.DataFrame:
    """Predictions of one model: clip k belongs to track k // 2, so that tracks are pairs."""
    parts = []
    for variant, score in scores.items():
        names = ["perturbation", "severity", "level", "unit", "label", "engine"]
        condition = dict(zip(names, CONDITIONS[variant], strict=True))
        number = np.arange(len(target))
        part = pd.DataFrame(
            {
                "clip_id": [f"clip{k:03d}" for k in number],
                "track_id": [f"track{k // 2:03d}" for k in number],
                "target": target,
                "generator": np.where(
                    target == 1, "codec", np.where(number % 4 < 2, "bach", "rag")
                ),
                "family": np.where(target == 1, "decoder", "human"),
                "dataset": "demo",
                "split": "test",
                "score": score,
            }
        )
        parts.append(part.assign(variant=variant, **condition))
    about = {"detector": "resnet", "regime": "clean", "stage": "", "train_variant": "clean"}
    marks = dict.fromkeys(predictions.FINGERPRINTS, "0")
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(**{**about, "seed": 0, "threshold": 0.5, **marks, **model})


@pytest.fixture
def small() -> pd.DataFrame:
    """Eighty clips in forty pairs: clean nearly right, pitched worse, tempo as clean."""
    rng = seeding.rng(0, "small")
    target = np.tile([0, 1], 40)
    clean = np.clip(0.5 + 0.2 * (2 * target - 1) + rng.normal(0, 0.2, 80), 0, 1)
    pitched = np.clip(0.5 + 0.05 * (2 * target - 1) + rng.normal(0, 0.2, 80), 0, 1)
    return table({"pitch+2": pitched, "clean": clean, "tempo0.9": clean}, target)


def cell(scores: pd.DataFrame, metric: str, variant: str = "clean", subset: str = "all"):
    """The one row of a metric."""
    rows = scores[
        (scores["metric"] == metric) & (scores["variant"] == variant) & (scores["subset"] == subset)
    ]
    assert len(rows) == 1
    return rows.iloc[0]


def test_scores_table_by_hand():
    target = np.array([0, 1] * 6)
    clean = np.array([0.1, 0.9] * 5 + [0.7, 0.4])
    edited = np.array([0.1, 0.9] * 3 + [0.6, 0.4] * 2 + [0.7, 0.4])
    scores = evaluation.score(table({"clean": clean, "pitch+2": edited}, target), n_resamples=200)
    assert list(scores.columns) == scoring.SCORE_COLUMNS
    assert cell(scores, "balanced_accuracy")["value"] == pytest.approx(5 / 6)
    assert cell(scores, "accuracy")["value"] == pytest.approx(5 / 6)
    assert cell(scores, "false_accusation_rate")["value"] == pytest.approx(1 / 6)
    assert cell(scores, "miss_rate", "pitch+2")["value"] == pytest.approx(3 / 6)
    assert cell(scores, "brier")["value"] == pytest.approx((10 * 0.01 + 0.49 + 0.36) / 12)
    # of 36 pairs AI wins 5 * 6 clean, plus .4 against the five .1
    assert cell(scores, "auc")["value"] == pytest.approx(35 / 36)
    assert cell(scores, "drop_balanced_accuracy", "pitch+2")["value"] == pytest.approx(2 / 6)
    assert cell(scores, "drift_mean", "pitch+2")["value"] == pytest.approx(4 * 0.5 / 12)
    assert cell(scores, "drift_max", "pitch+2")["value"] == pytest.approx(0.5)
    assert cell(scores, "flip_rate", "pitch+2")["value"] == pytest.approx(4 / 12)
    rate = cell(scores, "false_accusation_rate")
    assert (rate["n_clips"], rate["n_tracks"]) == (6, 6)
    assert cell(scores, "auc")["n_clips"] == 12
    pitched = cell(scores, "auc", "pitch+2")
    assert [pitched[name] for name in ("perturbation", "severity", "level", "unit", "label")] == [
        *("pitch", 1, 2.0, "semitones", "+2 st")
    ]


def test_values_lie_in_their_intervals(small):
    scores = evaluation.score(small)
    with_interval = scores[scores["low"].notna()]
    assert {"balanced_accuracy", "auc", "eer", "brier", "drop_auc", "flip_rate"} <= set(
        with_interval["metric"]
    )
    assert (with_interval["low"] <= with_interval["value"] + 1e-12).all()
    assert (with_interval["value"] <= with_interval["high"] + 1e-12).all()
    without = set(scores.loc[scores["low"].isna(), "metric"])
    # of what no edit moved (tempo), the bootstrap shows no spread
    assert without <= {"ece", "drift_max", "oracle_balanced_accuracy", "drift_mean", "drop_auc"}
    unmoved = scores["metric"].isin(["drift_mean", "drop_auc"]) & scores["low"].isna()
    assert set(scores.loc[unmoved, "variant"]) == {"tempo0.9"}


def test_drop_of_identical_predictions_is_nothing_as_far_as_forty_tracks_can_tell(small):
    scores = evaluation.score(small)
    same = cell(scores, "drop_balanced_accuracy", "tempo0.9")
    reach = (1 - 0.025 ** (1 / 40)) / 2**0.5  # of either class, halved and combined
    assert same["value"] == 0
    assert (same["low"], same["high"]) == (pytest.approx(-reach), pytest.approx(reach))
    ranks = cell(scores, "drop_auc", "tempo0.9")
    assert ranks["value"] == 0 and math.isnan(ranks["low"])
    for metric in ("drop_balanced_accuracy", "drop_auc"):
        assert cell(scores, metric, "pitch+2")["low"] > 0
    assert "drop_auc" not in set(scores.loc[scores["variant"] == "clean", "metric"])


def test_drop_is_taken_over_the_clips_of_both(small):
    first_ten = small["clip_id"].isin([f"clip{k:03d}" for k in range(10)])
    short = small[~((small["variant"] == "pitch+2") & first_ten)]
    scores = evaluation.score(short)
    drop = cell(scores, "drop_auc", "pitch+2")
    assert (drop["n_clips"], drop["n_tracks"]) == (70, 35)
    only = evaluation.score(small[~first_ten])
    assert drop["value"] == pytest.approx(cell(only, "drop_auc", "pitch+2")["value"])


def test_order_of_rows_changes_nothing(small):
    mixed = small.sample(frac=1, random_state=3)
    keys = ["variant", "subset", "metric"]
    a = evaluation.score(small).sort_values(keys, ignore_index=True)
    b = evaluation.score(mixed).sort_values(keys, ignore_index=True)
    pd.testing.assert_frame_equal(a, b)


def test_subsets_with_one_class_have_rates_alone(small):
    scores = evaluation.score(small, subsets=("all", "generator", "family", "dataset"))
    assert set(scores["subset"]) == {
        *("all", "generator=bach", "generator=rag", "generator=codec"),
        *("family=human", "family=decoder", "dataset=demo"),
    }
    human = scores[(scores["subset"] == "generator=bach") & (scores["variant"] == "pitch+2")]
    assert set(human["metric"]) == {
        *("called_ai_rate", "false_accusation_rate", "drift_mean", "drift_max", "flip_rate")
    }
    called = cell(scores, "called_ai_rate", "pitch+2", "generator=codec")
    missed = cell(scores, "miss_rate", "pitch+2", "generator=codec")
    assert called["value"] == pytest.approx(1 - missed["value"])
    assert called["low"] == pytest.approx(1 - missed["high"])
    assert missed["value"] == cell(scores, "miss_rate", "pitch+2")["value"]
    whole = scores[scores["subset"] == "all"].drop(columns="subset").reset_index(drop=True)
    same = scores[scores["subset"] == "dataset=demo"].drop(columns="subset")
    pd.testing.assert_frame_equal(whole, same.reset_index(drop=True))


def test_all_clips_of_one_class_leave_what_needs_two_unavailable(small):
    scores = evaluation.score(small[small["target"] == 1], subsets=("all",))
    for metric in ("auc", "eer", "balanced_accuracy", "oracle_balanced_accuracy"):
        assert math.isnan(cell(scores, metric)["value"])
    assert math.isnan(cell(scores, "false_accusation_rate")["value"])
    assert cell(scores, "false_accusation_rate")["n_clips"] == 0
    assert cell(scores, "miss_rate")["value"] > 0


def test_a_perfect_result_is_not_called_certain():
    target = np.tile([0, 1], 20)
    scores = evaluation.score(table({"clean": target * 0.8 + 0.1}, target))
    rate = cell(scores, "false_accusation_rate")
    assert (rate["low"], rate["high"]) == (0.0, pytest.approx(1 - 0.025 ** (1 / 20)))
    balanced = cell(scores, "balanced_accuracy")
    # errors of both classes might come in the same tracks: the two rates' ends count in full
    assert (balanced["low"], balanced["high"]) == (pytest.approx(0.025 ** (1 / 20), abs=0.01), 1.0)
    for metric in ("auc", "eer", "oracle_balanced_accuracy"):
        assert math.isnan(cell(scores, metric)["low"])


def test_a_detector_that_says_ai_of_everything_has_an_interval():
    target = np.tile([0, 1], 74)
    scores = evaluation.score(table({"clean": np.full(148, 0.9)}, target), subsets=("all",))
    balanced = cell(scores, "balanced_accuracy")
    assert balanced["value"] == 0.5
    assert balanced["low"] < 0.48 and balanced["high"] > 0.52
    accused, missed = cell(scores, "false_accusation_rate"), cell(scores, "miss_rate")
    assert (accused["low"], missed["high"]) == (
        pytest.approx(0.951, abs=1e-3),
        pytest.approx(0.049, abs=1e-3),
    )


def test_edits_that_change_nothing_and_librosas_twins_are_no_tests_of_their_own():
    conditions = pd.DataFrame(
        [
            ("pitch+2", "pitch", True),
            ("pitch+2@librosa", "pitch", False),
            ("pitch+2@signalsmith", "pitch", True),
            ("tempo0.9@librosa", "tempo", True),  # the vocoder's is not there
            ("pitch+1>codec_mp3_128", "pitch>codec", True),
            ("pitch+1@librosa>codec_mp3_128", "pitch>codec", False),
            ("null_pitch", "null_pitch", False),
            ("null_tempo@signalsmith", "null_tempo", False),
            ("gain+6", "gain", False),
            ("round_trip_pitch", "round_trip", True),
            ("bandlimit-2", "bandlimit", True),
            ("resample_only_up", "resample_only", True),
            ("speed1.03", "speed", True),
        ],
        columns=["variant", "perturbation", "is_test"],
    )
    assert family.tested(conditions).tolist() == conditions["is_test"].tolist()


def test_holm_is_over_the_family_alone(small):
    names = {"tempo0.9": "pitch+2@librosa"}
    twin = small[small["variant"] == "pitch+2"].assign(variant="pitch+2@librosa", engine="librosa")
    null = small[small["variant"] == "tempo0.9"].assign(
        variant="null_pitch", perturbation="null_pitch", label="±0 st"
    )
    with_all = pd.concat([small[~small["variant"].isin(names)], twin, null])
    for function, p in ((evaluation.compare, "p_mcnemar"), (evaluation.losses, "p_tracks")):
        found = function(with_all).set_index("variant")
        assert found["tested"].to_dict() == {
            "pitch+2": True, "pitch+2@librosa": False, "null_pitch": False
        }  # fmt: skip
        # one test: nothing to correct for; the others keep their numbers and their plain p
        assert found.loc["pitch+2", f"{p}_holm"] == found.loc["pitch+2", p]
        assert found.loc[["pitch+2@librosa", "null_pitch"], f"{p}_holm"].isna().all()
        assert found.loc["pitch+2@librosa", p] == found.loc["pitch+2", p]


def test_detectors_are_compared_on_the_same_clips(small):
    floor = small.assign(detector="shortcut", score=0.7)
    found = evaluation.compare_detectors(pd.concat([small, floor]), baseline="shortcut")
    clean = found.set_index("variant").loc["clean"]
    mine = evaluation.score(small, subsets=("all",))
    assert clean["detector"] == "resnet"
    assert clean["gain"] == pytest.approx(cell(mine, "balanced_accuracy")["value"] - 0.5)


def test_models_are_scored_apart(small):
    other = small.assign(seed=1, score=1 - small["score"])
    scores = evaluation.score(pd.concat([small, other]), subsets=("all",))
    auc = scores[(scores["metric"] == "auc") & (scores["variant"] == "clean")].set_index("seed")
    assert auc.loc[0, "value"] == pytest.approx(1 - auc.loc[1, "value"])
    # the same resamples serve both, so that their intervals mirror each other
    assert auc.loc[0, "low"] == pytest.approx(1 - auc.loc[1, "high"])


def test_a_model_without_clean_clips_has_no_drop(small):
    retrained = small[small["variant"] == "pitch+2"].assign(regime="retrained")
    scores = evaluation.score(retrained, subsets=("all",))
    assert not scores["metric"].str.startswith(("drop", "drift", "flip")).any()
    assert evaluation.compare(retrained).empty


def test_compare_by_hand():
    target = np.tile([0, 1], 15)
    clean = np.where(target == 1, 0.9, 0.1)
    lost = clean.copy()
    lost[:16:2] = 0.8  # eight humans accused, in eight tracks
    tests = evaluation.compare(
        table({"clean": clean, "pitch+2": lost, "tempo0.9": clean}, target), n_resamples=500
    ).set_index("variant")
    pitch, tempo = tests.loc["pitch+2"], tests.loc["tempo0.9"]
    assert (pitch["n_lost"], pitch["n_gained"]) == (8, 0)
    assert (pitch["n_clips"], pitch["n_tracks"]) == (30, 15)
    assert pitch["drop"] == pytest.approx(8 / 15 / 2)
    assert pitch["p_mcnemar"] == pytest.approx(2 / 2**8)
    assert pitch["p_tracks"] == pytest.approx(2 / 2**8)
    assert pitch["p_tracks_holm"] == pytest.approx(4 / 2**8)
    assert pitch["low"] > 0
    half_width = (pitch["high"] - pitch["low"]) / 2
    assert pitch["detectable_drop"] == pytest.approx(100 * max(half_width, 6 / 30))
    assert (tempo["drop"], tempo["p_mcnemar"], tempo["p_tracks_holm"]) == (0.0, 1.0, 1.0)
    # nothing changed, and still fewer than six lost tracks of fifteen could not be told from chance
    assert tempo["detectable_drop"] == pytest.approx(100 * 6 / 30)


def test_compare_agrees_with_the_scores(small):
    tests = evaluation.compare(small).set_index("variant").loc["pitch+2"]
    drop = cell(evaluation.score(small), "drop_balanced_accuracy", "pitch+2")
    assert tests["drop"] == pytest.approx(drop["value"])
    assert (tests["low"], tests["high"]) == pytest.approx((drop["low"], drop["high"]))


def test_holm_is_applied_within_a_model(small):
    pair = small[small["variant"] != "tempo0.9"].assign(seed=1)
    tests = evaluation.compare(pd.concat([small, pair])).set_index(["seed", "variant"])
    two, one = tests.loc[(0, "pitch+2")], tests.loc[(1, "pitch+2")]
    assert two["p_mcnemar"] == one["p_mcnemar"] == one["p_mcnemar_holm"]
    assert two["p_mcnemar_holm"] == pytest.approx(2 * one["p_mcnemar"])


def test_confusions_count_every_cell():
    target = np.array([0, 1] * 3)
    counts = evaluation.confusions(table({"clean": np.array([0.1, 0.9] * 2 + [0.6, 0.5])}, target))
    found = counts.set_index(["true", "called"])["n_clips"].to_dict()
    assert found == {
        ("human", "human"): 2,
        ("human", "AI"): 1,
        ("AI", "human"): 0,
        ("AI", "AI"): 3,
    }


def staged() -> pd.DataFrame:
    """Scores of three stages over two seeds; stage 10 comes after stage 2."""
    balanced = {
        "0 clean": {"tempo0.9": 0.5, "clean": 0.9, "pitch+2": 0.6, "round_trip": 0.8},
        "2 pitch+2": {"tempo0.9": 0.6, "clean": 0.7, "pitch+2": 0.8, "round_trip": 0.7},
        "10 tempo0.9": {"tempo0.9": 0.9, "clean": 0.6, "pitch+2": 0.9, "round_trip": 0.6},
    }
    rows = [
        {"stage": stage, "train_variant": stage.split(" ")[1], "variant": variant}
        | {"value": value + 0.01 * (2 * seed - 1), "seed": seed}
        for stage, values in balanced.items()
        for variant, value in values.items()
        for seed in (0, 1)
    ]
    about = {"regime": "iterative", "subset": "all", "metric": "balanced_accuracy"}
    return pd.DataFrame(rows).assign(detector="resnet", **about)


def test_forgetting_matrix_and_transfer_by_hand():
    matrix = evaluation.forgetting_matrix(staged())
    assert list(matrix.index) == ["0 clean", "2 pitch+2", "10 tempo0.9"]
    assert list(matrix.columns) == ["clean", "pitch+2", "tempo0.9", "round_trip"]
    assert matrix.loc["2 pitch+2", "clean"] == pytest.approx(0.7)
    found = evaluation.transfer(matrix).set_index(["measure", "variant"])["value"]
    assert found["final_accuracy", ""] == pytest.approx(0.8)
    assert found["backward_transfer", ""] == pytest.approx((-0.3 + 0.1) / 2)
    assert found["forward_transfer", ""] == pytest.approx(0.1)
    assert found["forgetting", "clean"] == pytest.approx(0.3)
    assert found["forgetting", "pitch+2"] == pytest.approx(-0.1)
    assert found["forgetting", ""] == pytest.approx(0.1)


def test_transfer_must_know_what_each_stage_learned():
    matrix = evaluation.forgetting_matrix(staged())
    bare = pd.DataFrame(matrix.to_numpy(), index=matrix.index, columns=matrix.columns)
    with pytest.raises(BadInput, match="trained_on"):
        evaluation.transfer(bare)
    named = evaluation.transfer(bare, ["clean", "pitch+2", "tempo0.9"])
    pd.testing.assert_frame_equal(named, evaluation.transfer(matrix))
    with pytest.raises(BadInput, match="iterative"):
        evaluation.forgetting_matrix(staged().assign(regime="clean"))
    two = pd.concat([staged(), staged().assign(detector="cnn")])
    with pytest.raises(BadInput, match="cnn, resnet"):
        evaluation.forgetting_matrix(two)
    pd.testing.assert_frame_equal(evaluation.forgetting_matrix(two, detector="cnn"), matrix)


def spoilt(small: pd.DataFrame, column: str, value: object, row: int = 7) -> pd.DataFrame:
    """The table with one value replaced."""
    table_ = small.astype({column: object})
    table_.loc[row, column] = value
    return table_


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("score", math.nan, "score is not a finite number: clip 'clip007', variant 'pitch\\+2'"),
        ("score", "high", "score is not a finite number"),
        ("score", 1.2, "score is not between 0 and 1"),
        ("threshold", math.nan, "threshold is not a finite number"),
        ("threshold", 0.6, "threshold differs"),
        ("target", 2, "target is neither 1"),
        ("target", None, "'target' holds no value"),
        ("target", 0, "target differs between rows of one clip_id: clip 'clip007'"),
        ("track_id", None, "'track_id' holds no value"),
        ("track_id", "elsewhere", "track_id differs"),
        ("clip_id", "clip006", "scored twice by the same model: clip 'clip006'"),
        ("label", "+3 st", "label differs between rows of one variant"),
    ],
)
def test_a_spoilt_table_is_refused_by_name(small, column, value, what):
    table_ = spoilt(small, column, value)
    for function in (evaluation.score, evaluation.compare, evaluation.confusions):
        with pytest.raises(BadInput, match=what):
            function(table_)


def test_a_table_of_another_kind_is_refused_by_name(small):
    with pytest.raises(BadInput, match="columns score, threshold are missing"):
        evaluation.score(small.drop(columns=["score", "threshold"]))
    with pytest.raises(BadInput, match="no predictions"):
        evaluation.score(small.head(0))
    with pytest.raises(BadInput, match="mixes the splits test, val"):
        evaluation.score(
            small.assign(split=np.where(small["track_id"] == "track003", "val", "test"))
        )
    with pytest.raises(BadInput, match="did you mean 'generator'"):
        evaluation.score(small, subsets=("generators",))


def test_gather_reads_what_a_study_wrote(small, tmp_path):
    with pytest.raises(BadInput, match="no predictions"):
        evaluation.gather(tmp_path)
    store.write_table(small, tmp_path / "predictions_clean")
    store.write_table(small.assign(seed=1), tmp_path / "predictions_other")
    store.write_table(small, tmp_path / "scores_clean")
    found = evaluation.gather(tmp_path)
    assert len(found) == 2 * len(small)
    store.write_table(small.head(1), tmp_path / "predictions_stale")
    with pytest.raises(BadInput, match=r"predictions_clean.parquet and predictions_stale.parquet"):
        evaluation.gather(tmp_path)
    pd.testing.assert_frame_equal(
        evaluation.score(found[found["seed"] == 0]), evaluation.score(small)
    )
