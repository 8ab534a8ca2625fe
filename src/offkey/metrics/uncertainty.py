"""How sure a score or a difference is: bootstrap over tracks.

Proportions have intervals of their own (:mod:`offkey.metrics.proportions`), since few errors show
too little spread. Clips of one track are alike, so whole tracks are drawn, never clips. One set of
draws (:func:`resample_tracks`) serves every condition, so that differences of conditions have
intervals too. ``counts`` has shape (n_resamples, n_tracks): how often a track was drawn. ``track``
has shape (n_clips,): the column of each clip's track. All functions work on all resamples at once.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.metrics import proportions
from offkey.metrics.proportions import CONFIDENCE

# with fewer tracks than about three a class is absent from more than this share of the resamples
MAX_DROPPED = 0.05
# in an exact two-sided test at 5 %, five tracks lost and none gained still pass for chance
FEWEST_CHANGED = 6
# what is left of sums of fractions that are equal on paper
_NO_SPREAD = 1e-12
_BLOCK_VALUES = 500_000


class Resamples(NamedTuple):
    """Names of the tracks, shape (n_tracks,), and counts, shape (n_resamples, n_tracks)."""

    tracks: np.ndarray
    counts: np.ndarray

    def columns(self, track_ids: ArrayLike) -> np.ndarray:
        """Column of each clip's track, shape (n_clips,)."""
        names = np.asarray(track_ids, dtype=object)
        place = {track: column for column, track in enumerate(self.tracks)}
        unknown = [name for name in names if name not in place]
        if unknown:
            raise BadInput(f"track '{unknown[0]}' was not there when the tracks were resampled.")
        return np.array([place[name] for name in names], dtype=np.int64)


def resample_tracks(
    track_ids: ArrayLike, target: ArrayLike, *, n_resamples: int = 1000, seed: int = 0
) -> Resamples:
    """Draw tracks with replacement, apart for tracks of either class and for tracks of both.

    Parameters
    ----------
    track_ids, target : array of shape (n_clips,)
        Of all conditions together; repeats do not matter.
    n_resamples : int
    seed : int
        The study's seed.

    Notes
    -----
    A matched pair (a human clip and its twin) is one track with both classes and is drawn as one.
    Elsewhere a track has one class; drawing those apart keeps the number of human and AI tracks,
    as a test set with a fixed number of each does, so no class vanishes by chance.
    """
    if n_resamples < 1:
        raise BadInput(f"{n_resamples} resamples asked for: at least 1 is needed.")
    names, targets = np.asarray(track_ids, dtype=object), np.asarray(target)
    if names.shape != targets.shape or names.ndim != 1 or not len(names):
        raise BadInput(
            f"track_ids has shape {names.shape} and target {targets.shape}: one of each per clip."
        )
    tracks, place = np.unique(names, return_inverse=True)
    classes = np.zeros(len(tracks), dtype=np.int64)
    np.bitwise_or.at(classes, place, np.where(targets == 1, 2, 1))
    rng = seeding.rng(seed, "resample_tracks")
    counts = np.zeros((n_resamples, len(tracks)))
    for held in np.unique(classes):
        columns = np.flatnonzero(classes == held)
        drawn = rng.integers(len(columns), size=(n_resamples, len(columns)))
        drawn += len(columns) * np.arange(n_resamples)[:, None]
        tally = np.bincount(drawn.ravel(), minlength=n_resamples * len(columns))
        counts[:, columns] = tally.reshape(n_resamples, len(columns))
    return Resamples(tracks, counts)


def mean_draws(
    counts: np.ndarray, track: np.ndarray, values: ArrayLike, among: ArrayLike | None = None
) -> np.ndarray:
    """Mean of `values` over the clips in `among`, for every resample.

    Parameters
    ----------
    counts : ndarray of shape (n_resamples, n_tracks)
    track : ndarray of shape (n_clips,)
    values : array of shape (n_clips,)
        A hit or miss gives a rate, a squared error the Brier score.
    among : array of bool of shape (n_clips,), optional
        Which clips count; all by default.

    Returns
    -------
    ndarray of shape (n_resamples,)
        NaN for resamples without such a clip.
    """
    inside = np.ones(len(track)) if among is None else np.asarray(among, dtype=np.float64)
    n_tracks = counts.shape[1]
    total = np.bincount(track, weights=inside * np.asarray(values), minlength=n_tracks)
    size = np.bincount(track, weights=inside, minlength=n_tracks)
    sums = counts @ np.stack([total, size], axis=1)
    return _divide(sums[:, 0], sums[:, 1])


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(len(above), np.nan), where=below > 0)


class RankDraws(NamedTuple):
    """Numbers that follow from the order of the scores, each of shape (n_resamples,)."""

    auc: np.ndarray
    eer: np.ndarray


def rank_draws(
    counts: np.ndarray, track: np.ndarray, target: np.ndarray, score: np.ndarray
) -> RankDraws:
    """AUC and EER for every resample, NaN where a class is absent."""
    order = np.argsort(score, kind="stable")
    ordered = score[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] > ordered[:-1]]))
    is_ai, column = target[order] == 1, track[order]
    rows = max(1, _BLOCK_VALUES // len(score))
    parts = [
        _rank_block(counts[begin : begin + rows][:, column], is_ai, starts)
        for begin in range(0, len(counts), rows)
    ]
    return RankDraws(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _rank_block(weights: np.ndarray, is_ai: np.ndarray, starts: np.ndarray) -> RankDraws:
    # equal scores are summed first, so that no cut falls between them
    ai = np.add.reduceat(weights * is_ai, starts, axis=1)
    human = np.add.reduceat(weights * ~is_ai, starts, axis=1)
    ai_below, human_below = np.cumsum(ai, axis=1), np.cumsum(human, axis=1)
    n_ai, n_human = ai_below[:, -1], human_below[:, -1]
    auc = _divide((ai * (human_below - human / 2)).sum(axis=1), n_ai * n_human)
    # rates times both counts stay whole numbers: ties are ties
    edge = np.zeros((len(weights), 1))
    miss = np.hstack([edge, ai_below]) * n_human[:, None]
    accusation = (n_human[:, None] - np.hstack([edge, human_below])) * n_ai[:, None]
    equal = np.argmin(np.abs(miss - accusation), axis=1)
    eer = np.take_along_axis(miss + accusation, equal[:, None], axis=1)[:, 0]
    return RankDraws(auc, _divide(eer, 2 * n_ai * n_human))


class Interval(NamedTuple):
    """Ends of an interval, NaN where there is none, and resamples dropped for a missing class."""

    low: float
    high: float
    n_dropped: int


def interval(draws: np.ndarray, n_tracks: int, confidence: float = CONFIDENCE) -> Interval:
    """Percentile interval of the resamples that have a value, widened for few tracks.

    Parameters
    ----------
    draws : ndarray of shape (n_resamples,)
        NaN where a class is absent.
    n_tracks : int
        Tracks behind the number; those of the smaller class where it needs both.

    Returns
    -------
    Interval
        Both ends NaN where more than 5 % of the resamples have no value, under two tracks are
        there, or every resample has the same value (an AUC of 1, scores that no edit moved): these
        cannot say how sure the number is.

    Notes
    -----
    Resamples of n tracks spread too little, by sqrt((n - 1) / n), and a normal tail is too thin:
    Hesterberg's (2015) expanded percentiles, ``Phi(-sqrt(n / (n - 1)) t(n - 1))``, mend both
    (2.5 % becomes 1.9 % for 30 tracks, 2.3 % for 100).
    """
    from scipy.stats import norm, t

    kept = draws[np.isfinite(draws)]
    n_dropped = len(draws) - len(kept)
    if n_dropped > MAX_DROPPED * len(draws) or n_tracks < 2:
        return Interval(float("nan"), float("nan"), n_dropped)
    widened = np.sqrt(n_tracks / (n_tracks - 1)) * t.ppf((1 - confidence) / 2, n_tracks - 1)
    tail = norm.cdf(widened)
    low, high = np.quantile(kept, [tail, 1 - tail])
    if np.ptp(kept) <= _NO_SPREAD:
        low = high = float("nan")
    return Interval(float(low), float(high), n_dropped)


def difference_interval(
    counts: np.ndarray, track: np.ndarray, target: np.ndarray, change: ArrayLike
) -> Interval:
    """Interval of a difference of two balanced accuracies on the same clips.

    Parameters
    ----------
    counts : ndarray of shape (n_resamples, n_tracks)
    track, target : ndarray of shape (n_clips,)
    change : array of shape (n_clips,)
        How much more often the verdict is right, from -1 to 1.

    Returns
    -------
    Interval
        NaN where :func:`interval` has none for another reason than equal draws.

    Notes
    -----
    Percentiles of the paired bootstrap. Where fewer than six tracks change, these show too little
    spread (none at all for an edit that changes no verdict), and no exact test could exclude 0.
    There the interval holds 0 and reaches as far from what was found as the tracks allow where
    none changes (:func:`offkey.metrics.proportions.smallest_change`): 74 tracks of both classes
    without a change say -3.4 to 3.4 points, not 0.
    """
    changes = np.asarray(change, dtype=np.float64)
    draws = [mean_draws(counts, track, changes, target == which) for which in (0, 1)]
    n_tracks = min(len(np.unique(track[target == which])) for which in (0, 1))
    found = interval((draws[0] + draws[1]) / 2, n_tracks)
    if n_tracks < 2 or found.n_dropped > MAX_DROPPED * len(counts):
        return found
    if len(np.unique(track[changes != 0])) >= FEWEST_CHANGED:
        return found
    value = sum(changes[target == which].mean() for which in (0, 1)) / 2
    least = proportions.smallest_change(target, track)
    low, high = np.fmin(found.low, value - least), np.fmax(found.high, value + least)
    return Interval(max(float(min(low, 0)), -1.0), min(float(max(high, 0)), 1.0), found.n_dropped)
