"""Every interval of a share: exact, monotone in the hits, and as often right as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from offkey.core.errors import BadInput
from offkey.metrics import proportions, uncertainty


@pytest.mark.parametrize("n", [10, 74, 148])
def test_one_clip_a_track_is_clopper_and_pearson_for_every_count(n: int) -> None:
    track = np.arange(n)
    found = np.array([proportions.interval(track < hits, track) for hits in range(n + 1)])
    exact = [proportion_confint(hits, n, method="beta") for hits in range(n + 1)]
    np.testing.assert_allclose(found, np.nan_to_num(exact), atol=1e-9)
    assert (np.diff(found, axis=0) > 0).all()


def test_an_error_never_says_less_than_none() -> None:
    track = np.arange(74)
    none, one = (proportions.interval(track < hits, track)[1] for hits in (0, 1))
    assert none == pytest.approx(1 - 0.025 ** (1 / 74))  # 4.9 %
    assert one == pytest.approx(0.073, abs=5e-4)


@pytest.mark.parametrize(("n_tracks", "size"), [(5, 2), (10, 6), (25, 6), (74, 2)])
@pytest.mark.parametrize("order", ["by track", "spread", "at random"])
def test_with_several_clips_a_track_a_hit_more_lowers_no_end(n_tracks, size, order) -> None:
    track = np.repeat(np.arange(n_tracks), size)
    clips = np.arange(len(track))
    if order == "spread":
        clips = clips.reshape(n_tracks, size).T.ravel()
    if order == "at random":
        clips = np.random.default_rng(0).permutation(clips)
    hit = np.zeros(len(track), bool)
    found = [proportions.interval(hit, track)]
    for clip in clips:
        hit[clip] = True
        found.append(proportions.interval(hit, track))
    assert (np.diff(found, axis=0) > -1e-12).all()
    # without a hit, tracks are what counts
    assert found[0][1] == pytest.approx(1 - 0.025 ** (1 / n_tracks))


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5])
@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_share_lies_inside_as_often_as_said(share: float, size: int) -> None:
    rng = np.random.default_rng(7)
    n_tracks, n_simulations, inside = 74, 400, 0
    track = np.repeat(np.arange(n_tracks), size)
    for _ in range(n_simulations):
        # half of the tracks' clips share one verdict
        alike = rng.random(n_tracks) < 0.5
        one = rng.random(n_tracks) < share
        hit = np.where(alike[track], one[track], rng.random(len(track)) < share)
        low, high = proportions.interval(hit, track)
        inside += low <= share <= high
    # 400 simulations know a coverage of 95 % to three points
    assert inside / n_simulations > 0.92


def test_a_detector_that_calls_everything_ai_is_not_certain_to_be_a_coin() -> None:
    for track in (np.arange(148), np.repeat(np.arange(74), 2)):
        target = np.tile([0, 1], 74)
        low, high = proportions.mean_interval(target, target == 1, track)
        # each rate is known to 4.9 points on one side: half of it counts
        assert low == pytest.approx(0.5 - 0.0243, abs=3e-4)
        assert high == pytest.approx(0.5 + 0.0243, abs=3e-4)


def test_balanced_accuracy_is_monotone_in_both_classes_and_in_pairs() -> None:
    n = 8
    target, track = np.tile([0, 1], n), np.repeat(np.arange(n), 2)

    def ends(both: int, human: int, ai: int) -> np.ndarray:
        neither = n - both - human - ai
        pairs = [[1, 1]] * both + [[1, 0]] * human + [[0, 1]] * ai + [[0, 0]] * neither
        return np.array(proportions.mean_interval(target, np.ravel(pairs) == 1, track))

    for both in range(n + 1):
        for human in range(n + 1 - both):
            for ai in range(n + 1 - both - human):
                here = ends(both, human, ai)
                if both + human + ai < n:
                    assert (ends(both, human + 1, ai) >= here - 1e-12).all()
                    assert (ends(both, human, ai + 1) >= here - 1e-12).all()
                if human:
                    assert (ends(both + 1, human - 1, ai) >= here - 1e-12).all()


def test_errors_that_come_in_pairs_widen_the_mean() -> None:
    target, track = np.tile([0, 1], 40), np.repeat(np.arange(40), 2)
    pairs = np.repeat(np.arange(40) % 4 > 0, 2)
    apart = np.where(target == 1, pairs, np.roll(pairs, 2))
    ends = [proportions.mean_interval(target, right, track) for right in (pairs, apart)]
    wide, narrow = (high - low for low, high in ends)
    assert wide > 1.2 * narrow
    # independent tracks have no pairs
    alone = proportions.mean_interval(target, pairs, np.arange(80))
    assert alone[1] - alone[0] == pytest.approx(narrow, abs=0.01)


def test_an_edit_that_changes_no_verdict_is_not_known_to_cost_nothing() -> None:
    target, track = np.tile([0, 1], 74), np.repeat(np.arange(74), 2)
    resamples = uncertainty.resample_tracks(track, target, n_resamples=500)
    ends = []
    for n_lost in range(12):
        change = np.zeros(148)
        change[: 2 * n_lost : 2] = -1.0
        found = uncertainty.difference_interval(resamples.counts, track, target, change)
        ends.append(found[:2])
    # 4.9 % of either class, halved and combined
    reach = (1 - 0.025 ** (1 / 74)) / math.sqrt(2)
    assert ends[0] == (pytest.approx(-reach), pytest.approx(reach))
    # as in the exact test, five lost tracks are not enough and six are
    assert ends[5][1] >= 0 and ends[6][1] < 0
    assert (np.diff([low for low, _ in ends]) <= 0).all()
    assert (np.diff([high for _, high in ends]) <= 0).all()


def test_what_has_no_share_has_no_interval() -> None:
    assert np.isnan(proportions.interval([], [])).all()
    assert np.isnan(proportions.mean_interval([1, 1], [True, False], [0, 1])).all()
    with pytest.raises(BadInput, match="one of each per clip"):
        proportions.interval([True], [0, 1])
