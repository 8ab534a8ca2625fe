"""The bootstrap over tracks: what is drawn, known answers, and whether 95 % means 95 %."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from offkey import metrics
from offkey.core.errors import BadInput
from offkey.metrics import proportions, uncertainty


def scored(n_tracks: int = 60, seed: int = 0, levels: int = 0):
    """Single-class tracks of 1 to 6 clips; coarse scores where `levels` is given."""
    rng = np.random.default_rng(seed)
    track = np.repeat(np.arange(n_tracks), rng.integers(1, 7, n_tracks))
    target = track % 2
    score = 1 / (1 + np.exp(-(2 * target - 1 + rng.normal(0, 1.5, len(track)))))
    return track, target, np.round(score * levels) / levels if levels else score


def test_draws_keep_the_number_of_tracks_of_each_kind():
    ids = np.array(["h1", "h1", "h2", "a1", "a2", "a3", "p1", "p1", "p2", "p2"], dtype=object)
    target = np.array([0, 0, 0, 1, 1, 1, 0, 1, 1, 0])
    resamples = uncertainty.resample_tracks(ids, target, n_resamples=500)
    assert resamples.tracks.tolist() == ["a1", "a2", "a3", "h1", "h2", "p1", "p2"]
    assert resamples.counts.shape == (500, 7)
    for columns, total in ((slice(0, 3), 3), (slice(3, 5), 2), (slice(5, 7), 2)):
        assert (resamples.counts[:, columns].sum(axis=1) == total).all()
    # a track is drawn once on average, with the spread of a multinomial
    assert resamples.counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.15)
    assert resamples.counts[:, :3].var() == pytest.approx(3 * (1 / 3) * (2 / 3), abs=0.1)


def test_draws_follow_from_the_seed_and_not_from_the_order_of_rows():
    ids = np.array(["b", "a", "c", "d"], dtype=object)
    target = np.array([0, 1, 0, 1])
    first = uncertainty.resample_tracks(ids, target, n_resamples=50, seed=1)
    turned = uncertainty.resample_tracks(ids[::-1], target[::-1], n_resamples=50, seed=1)
    other = uncertainty.resample_tracks(ids, target, n_resamples=50, seed=2)
    assert (first.counts == turned.counts).all()
    assert (first.counts != other.counts).any()
    assert first.columns(["d", "a"]).tolist() == [3, 0]
    with pytest.raises(BadInput, match="'nobody'"):
        first.columns(["a", "nobody"])


@pytest.mark.parametrize("levels", [0, 5], ids=["distinct", "ties"])
def test_every_draw_is_the_metric_of_the_repeated_clips(levels):
    track, target, score = scored(levels=levels)
    resamples = uncertainty.resample_tracks(track, target, n_resamples=40)
    counts = resamples.counts
    ranks = uncertainty.rank_draws(counts, track, target, score)
    missed = uncertainty.mean_draws(counts, track, score < 0.5, target == 1)
    squared = uncertainty.mean_draws(counts, track, (score - target) ** 2)
    for row in range(40):
        again = np.repeat(np.arange(len(track)), counts[row, track].astype(int))
        y, s = target[again], score[again]
        assert ranks.auc[row] == pytest.approx(metrics.auc(y, s))
        assert ranks.eer[row] == pytest.approx(metrics.eer(y, s))
        assert missed[row] == pytest.approx(metrics.miss_rate(y, s, 0.5))
        assert squared[row] == pytest.approx(metrics.brier(y, s))


def test_resamples_without_a_class_are_dropped_and_counted():
    counts = np.array([[1.0, 1.0], [2.0, 0.0], [0.0, 2.0]])
    track, target, score = np.array([0, 1]), np.array([0, 1]), np.array([0.2, 0.9])
    ranks = uncertainty.rank_draws(counts, track, target, score)
    assert ranks.auc[0] == 1.0
    assert np.isnan(ranks.auc[1:]).all() and np.isnan(ranks.eer[1:]).all()
    found = uncertainty.interval(ranks.auc, 2)
    assert found.n_dropped == 2 and math.isnan(found.low)
    few = np.append(np.linspace(0, 1, 98), [np.nan] * 2)
    assert uncertainty.interval(few, 50).n_dropped == 2
    assert uncertainty.interval(few, 50).low < 0.05


def test_interval_widens_for_few_tracks():
    draws = np.linspace(0, 1, 100_001)
    many = uncertainty.interval(draws, 1_000_000)
    assert (many.low, many.high) == (pytest.approx(0.025, abs=1e-4), pytest.approx(0.975, abs=1e-4))
    # Phi(-sqrt(30 / 29) * 2.04523), worked out by hand
    assert uncertainty.interval(draws, 30).low == pytest.approx(0.01875, abs=1e-4)
    assert math.isnan(uncertainty.interval(draws, 1).low)


def population(kind: str, n_tracks: int, rng: np.random.Generator):
    """Clips whose verdict depends on their track: matched pairs, or tracks of very unequal size.

    In the unequal kind, longer tracks are also easier, which a mean over tracks would miss.
    """
    if kind == "equal":
        track, target = np.repeat(np.arange(n_tracks), 6), np.tile([0, 0, 0, 1, 1, 1], n_tracks)
        ease = rng.normal(0.8, 1.0, n_tracks)
    else:
        size = 1 + rng.geometric(0.3, 2 * n_tracks)
        track = np.repeat(np.arange(2 * n_tracks), size)
        target = track % 2
        ease = rng.normal(0.3 + 0.1 * size, 1.0)
    right = ease[track] + rng.normal(0, 1.0, len(track)) > 0
    return track, target, np.where(right, target, 1 - target) == 1


@pytest.mark.parametrize("kind", ["equal", "unequal"])
def test_intervals_hold_the_truth_as_often_as_they_say(kind):
    n_simulations = 1000
    _, target, called = population(kind, 300_000, np.random.default_rng(99))
    truth = (called[target == 1].mean() + 1 - called[target == 0].mean()) / 2
    by_track = by_clip = 0
    for seed in range(n_simulations):
        track, target, called = population(kind, 50, np.random.default_rng(seed))
        right = called == (target == 1)
        low, high = proportions.mean_interval(target, right, track)
        by_track += low <= truth <= high
        if seed % 5 == 0:
            low, high = proportions.mean_interval(target, right, np.arange(len(track)))
            by_clip += low <= truth <= high
    # 1000 simulations know a coverage of 95 % to ±1.8 points (99 %): refuse only what they refute
    low, high = proportion_confint(by_track, n_simulations, 0.01, method="beta")
    assert low <= 0.97 and high >= 0.93, f"covered {by_track} of {n_simulations}"
    # the same test refutes an interval that takes clips for independent
    low, high = proportion_confint(by_clip, n_simulations // 5, 0.01, method="beta")
    assert high < 0.93, f"clips as units covered {by_clip} of {n_simulations // 5}"


def test_interval_of_a_drop_uses_the_same_draws():
    track, target, score = scored()
    counts = uncertainty.resample_tracks(track, target, n_resamples=300).counts
    draws = uncertainty.rank_draws(counts, track, target, score).auc
    again = uncertainty.rank_draws(counts, track, target, score.copy()).auc
    # no resample differs: that shows no spread, and does not prove that there is none
    assert np.isnan(uncertainty.interval(draws - again, 30)[:2]).all()
    worse = np.where(np.arange(len(score)) % 9 == 0, 1 - score, score)
    changed = uncertainty.rank_draws(counts, track, target, worse).auc
    paired = uncertainty.interval(draws - changed, 30)
    other = uncertainty.resample_tracks(track, target, n_resamples=300, seed=5).counts
    unpaired = uncertainty.interval(
        draws - uncertainty.rank_draws(other, track, target, worse).auc, 30
    )
    assert paired.high - paired.low < unpaired.high - unpaired.low


def test_a_thousand_resamples_of_some_hundred_clips_are_quick():
    track, target, score = scored(n_tracks=120)
    assert len(track) > 350
    counts = uncertainty.resample_tracks(track, target, n_resamples=1000).counts
    spent = []
    for _ in range(5):
        begin = time.perf_counter()
        uncertainty.rank_draws(counts, track, target, score)
        spent.append(time.perf_counter() - begin)
    assert min(spent) < 0.2


def test_bad_requests_are_named():
    with pytest.raises(BadInput, match="at least 1"):
        uncertainty.resample_tracks(["a"], [0], n_resamples=0)
    with pytest.raises(BadInput, match="one of each per clip"):
        uncertainty.resample_tracks(["a"], [0, 1])
