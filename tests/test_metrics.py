"""Known answers for every metric, most of them worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from offkey import metrics
from offkey.core.errors import BadInput
from offkey.metrics import continual, robustness

# humans .1 .4 .6, AI .35 .5 .8 .9: at 0.5 one human is accused and one AI clip missed
TARGET = np.array([0, 0, 0, 1, 1, 1, 1])
SCORE = np.array([0.1, 0.4, 0.6, 0.35, 0.5, 0.8, 0.9])


def test_confusion_counts_by_hand():
    assert metrics.confusion(TARGET, SCORE, 0.5).tolist() == [[2, 1], [1, 3]]
    # a score that equals the threshold is called AI
    assert metrics.confusion(TARGET, SCORE, 0.500001).tolist() == [[2, 1], [2, 2]]


def test_rates_by_hand():
    assert metrics.accuracy(TARGET, SCORE, 0.5) == pytest.approx(5 / 7)
    assert metrics.false_accusation_rate(TARGET, SCORE, 0.5) == pytest.approx(1 / 3)
    assert metrics.miss_rate(TARGET, SCORE, 0.5) == pytest.approx(1 / 4)
    assert metrics.balanced_accuracy(TARGET, SCORE, 0.5) == pytest.approx((2 / 3 + 3 / 4) / 2)


def test_auc_counts_pairs():
    # of 12 pairs AI wins 1 + 2 + 3 + 3 = 9
    assert metrics.auc(TARGET, SCORE) == pytest.approx(9 / 12)
    assert metrics.auc([0, 1], [0.5, 0.5]) == 0.5
    assert metrics.auc([0, 0, 1, 1], [0.2, 0.5, 0.5, 0.7]) == pytest.approx(3.5 / 4)


def test_eer_by_hand():
    # calling the two lowest human: miss 1/4, accused 2/3; three lowest: miss 1/4, accused 1/3
    assert metrics.eer(TARGET, SCORE) == pytest.approx((1 / 4 + 1 / 3) / 2)
    # equal scores are never cut apart: all or nothing, miss 0 accused 1 or the reverse
    assert metrics.eer([0, 1], [0.5, 0.5]) == 0.5


def test_eer_does_not_depend_on_the_order_of_tied_rows():
    target = np.array([0, 1, 0, 1, 0, 1, 1, 0])
    score = np.array([0.2, 0.2, 0.5, 0.5, 0.5, 0.7, 0.7, 0.7])
    rng = np.random.default_rng(0)
    found = set()
    for _ in range(20):
        order = rng.permutation(8)
        found.add(metrics.eer(target[order], score[order]))
    assert len(found) == 1


def test_oracle_threshold_by_hand():
    # best cuts: above .6 accuses nobody and misses two of four (0.75); above .4 gives 17/24
    threshold, reached = metrics.oracle_threshold(TARGET, SCORE)
    assert threshold == pytest.approx(0.7)
    assert reached == pytest.approx(0.75)
    assert metrics.balanced_accuracy(TARGET, SCORE, threshold) == pytest.approx(reached)


def test_oracle_threshold_is_midway_and_near_a_half():
    threshold, reached = metrics.oracle_threshold([0, 0, 1, 1], [0.1, 0.3, 0.5, 0.9])
    assert (threshold, reached) == (pytest.approx(0.4), 1.0)
    # the cuts at .15 and .75 give 3/4 each, and .75 is nearer to a half
    threshold, reached = metrics.oracle_threshold([0, 1, 0, 1], [0.1, 0.2, 0.7, 0.8])
    assert (threshold, reached) == (pytest.approx(0.75), 0.75)
    threshold, reached = metrics.oracle_threshold([0, 1, 0, 1], [0.2, 0.3, 0.8, 0.9])
    assert (threshold, reached) == (pytest.approx(0.25), 0.75)


def test_oracle_threshold_separates_neighbouring_floats():
    low = 0.5
    high = np.nextafter(low, 1)
    threshold, reached = metrics.oracle_threshold([0, 1], [low, high])
    assert reached == 1.0
    assert metrics.balanced_accuracy([0, 1], [low, high], threshold) == 1.0


def test_oracle_threshold_reaches_what_it_says():
    rng = np.random.default_rng(3)
    for _ in range(100):
        target = np.append(rng.integers(2, size=20), [0, 1])
        score = rng.integers(8, size=22) / 7
        threshold, reached = metrics.oracle_threshold(target, score)
        assert metrics.balanced_accuracy(target, score, threshold) == pytest.approx(reached)
        tried = [metrics.balanced_accuracy(target, score, t) for t in np.linspace(-0.1, 1.1, 200)]
        assert reached == pytest.approx(max(tried))


@pytest.mark.parametrize(
    ("score", "auc", "eer", "balanced", "oracle"),
    [
        ([0.1, 0.2, 0.8, 0.9], 1.0, 0.0, 1.0, 1.0),
        ([0.9, 0.8, 0.2, 0.1], 0.0, 1.0, 0.0, 0.5),
        ([0.5, 0.5, 0.5, 0.5], 0.5, 0.5, 0.5, 0.5),
    ],
    ids=["perfect", "inverted", "constant"],
)
def test_extreme_scorers(score, auc, eer, balanced, oracle):
    target = [0, 0, 1, 1]
    assert metrics.auc(target, score) == auc
    assert metrics.eer(target, score) == eer
    assert metrics.balanced_accuracy(target, score, 0.5) == balanced
    assert metrics.oracle_threshold(target, score)[1] == oracle


def test_random_scorer_is_a_coin():
    rng = np.random.default_rng(0)
    target, score = rng.integers(2, size=20_000), rng.random(20_000)
    # five standard errors of a share over 10 000 clips
    for value in (
        metrics.auc(target, score),
        metrics.eer(target, score),
        metrics.balanced_accuracy(target, score, 0.5),
    ):
        assert value == pytest.approx(0.5, abs=0.025)


def test_brier_by_hand():
    assert metrics.brier([0, 1, 1], [0.2, 0.9, 0.5]) == pytest.approx((0.04 + 0.01 + 0.25) / 3)
    assert metrics.brier([0, 1], [0.5, 0.5]) == 0.25


def test_ece_by_hand():
    # 20 clips make two bins: ten at .1 with two AI, ten at .7 with nine AI
    target = [1] * 2 + [0] * 8 + [1] * 9 + [0]
    score = [0.1] * 10 + [0.7] * 10
    bins = metrics.reliability(target, score)
    assert bins.n_clips.tolist() == [10, 10]
    assert bins.mean_score == pytest.approx([0.1, 0.7])
    assert bins.share_ai == pytest.approx([0.2, 0.9])
    assert metrics.ece(target, score) == pytest.approx((0.1 + 0.2) / 2)


def test_ece_bins_hold_equal_mass_and_whole_ties():
    rng = np.random.default_rng(1)
    score = rng.random(400)
    bins = metrics.reliability(rng.integers(2, size=400), score)
    assert bins.n_clips.tolist() == [40] * 10
    tied = np.repeat([0.2, 0.9], [390, 10])
    bins = metrics.reliability(np.tile([0, 1], 200), tied)
    assert bins.n_clips.tolist() == [390, 10]
    target = rng.integers(2, size=400)
    order = rng.permutation(400)
    assert metrics.ece(target[order], tied[order]) == pytest.approx(metrics.ece(target, tied))


def test_ece_tells_calibrated_from_overconfident():
    rng = np.random.default_rng(2)
    score = rng.random(20_000)
    target = (rng.random(20_000) < score).astype(int)
    assert metrics.ece(target, score) < 0.015
    assert metrics.ece(target, (score >= 0.5).astype(float)) == pytest.approx(0.25, abs=0.01)


def test_one_class_is_not_available():
    for target in ([0, 0], [1, 1]):
        assert math.isnan(metrics.auc(target, [0.2, 0.7]))
        assert math.isnan(metrics.eer(target, [0.2, 0.7]))
        assert math.isnan(metrics.balanced_accuracy(target, [0.2, 0.7], 0.5))
        with pytest.raises(BadInput, match="both classes"):
            metrics.oracle_threshold(target, [0.2, 0.7])
    assert math.isnan(metrics.miss_rate([0, 0], [0.2, 0.7], 0.5))
    assert metrics.false_accusation_rate([0, 0], [0.2, 0.7], 0.5) == 0.5


@pytest.mark.parametrize(
    ("target", "score", "what"),
    [
        ([0, 1], [0.1], "one of each per clip"),
        ([], [], "empty"),
        ([0, 2], [0.1, 0.2], "only 1"),
        ([0, 1], [0.1, float("nan")], "not finite in 1 of 2 places, first at position 1"),
        ([0, 1], [float("inf"), 0.1], "position 0"),
    ],
)
def test_bad_input_is_named(target, score, what):
    with pytest.raises(BadInput, match=what):
        metrics.auc(target, score)
    with pytest.raises(BadInput, match=what):
        metrics.confusion(target, score, 0.5)


def test_calibration_refuses_what_is_no_probability():
    for measure in (metrics.brier, metrics.ece):
        with pytest.raises(BadInput, match="probabilities"):
            measure([0, 1], [-0.2, 3.0])


def test_drift_and_flips_by_hand():
    clean, edited = [0.1, 0.6, 0.9, 0.4], [0.2, 0.4, 0.9, 0.8]
    assert robustness.drift_mean(clean, edited) == pytest.approx((0.1 + 0.2 + 0.0 + 0.4) / 4)
    assert robustness.drift_max(clean, edited) == pytest.approx(0.4)
    assert robustness.flip_rate(clean, edited, 0.5) == 0.5
    with pytest.raises(BadInput, match="same clips"):
        robustness.drift_mean(clean, edited[:3])
    with pytest.raises(BadInput, match="edited score is not finite"):
        robustness.flip_rate([0.1], [float("nan")], 0.5)


def test_relative_robustness_by_hand():
    assert robustness.relative_robustness([0.1, 0.2], [0.2, 0.4]) == pytest.approx(0.5)
    relative = robustness.relative_robustness(
        [0.2, 0.3], [0.3, 0.5], clean_error=0.1, reference_clean_error=0.2
    )
    assert relative == pytest.approx((0.1 + 0.2) / (0.1 + 0.3))
    assert math.isnan(robustness.relative_robustness([0.1, 0.2], [0.001, 0.0]))
    assert math.isnan(
        robustness.relative_robustness([0.1], [0.2], clean_error=0.0, reference_clean_error=0.2)
    )
    with pytest.raises(BadInput, match="same severities"):
        robustness.relative_robustness([0.1], [0.1, 0.2])


def test_continual_learning_by_hand():
    matrix = [[0.9, 0.6, 0.5], [0.7, 0.8, 0.6], [0.6, 0.9, 0.9]]
    assert continual.final_accuracy(matrix) == pytest.approx(0.8)
    assert continual.backward_transfer(matrix) == pytest.approx(((0.6 - 0.9) + (0.9 - 0.8)) / 2)
    assert continual.forward_transfer(matrix) == pytest.approx(((0.6 - 0.5) + (0.6 - 0.5)) / 2)
    initial = [0.5, 0.55, 0.4]
    assert continual.forward_transfer(matrix, initial) == pytest.approx((0.05 + 0.2) / 2)
    assert continual.forgetting(matrix) == pytest.approx([0.9 - 0.6, 0.8 - 0.9])
    # the best result counts, also where a later stage improved on the one that learned it
    improved = [[0.8, 0.6, 0.5], [0.9, 0.7, 0.6], [0.6, 0.7, 0.9]]
    assert continual.forgetting(improved) == pytest.approx([0.9 - 0.6, 0.0])


def test_continual_learning_needs_every_stage_on_every_variant():
    with pytest.raises(BadInput, match="shape"):
        continual.forgetting([[0.9, 0.6, 0.5], [0.7, 0.8, 0.6]])
    with pytest.raises(BadInput, match="stage 1, variant 0"):
        continual.backward_transfer([[0.9, 0.6], [float("nan"), 0.8]])
