"""How sure a proportion is: one function for every interval of a share of clips.

Clopper and Pearson (1934), with the number of clips brought down to what they are worth (Korn and
Graubard 1998, *Survey Methodology* 24:193): clips of one track are alike, so their number is
divided by the design effect, the variance over tracks as a share of the variance that as many
independent clips would have. With one clip a track that is 1, and the interval is Clopper and
Pearson's. How alike clips are cannot be estimated from few hits; there the worst is assumed, that
all clips of a track share one verdict: a track of hits and one of misses are added when the design
effect is estimated.

Means of both classes follow from the two intervals (MOVER: Zou, Huang and Zhang 2009,
*Computational Statistics & Data Analysis* 53:1080), so that a detector that says the same of every
clip, right in one class and wrong in the other, is not called certain. Its formula for correlated
shares is used where tracks hold clips of both classes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from offkey.core.errors import BadInput

CONFIDENCE = 0.95
Ends = tuple[float, float]
NONE: Ends = (float("nan"), float("nan"))


def interval(hit: ArrayLike, track: ArrayLike, confidence: float = CONFIDENCE) -> Ends:
    """Interval of the share of clips that are hits.

    Parameters
    ----------
    hit : array of bool of shape (n_clips,)
    track : array of shape (n_clips,)
        Each clip's track.

    Returns
    -------
    low, high : float
        NaN without clips.

    Raises
    ------
    BadInput
        Not one track per clip.
    """
    hits, tracks = np.asarray(hit, bool), np.asarray(track)
    if hits.shape != tracks.shape or hits.ndim != 1:
        raise BadInput(f"{hits.shape} hits and {tracks.shape} tracks: one of each per clip.")
    if not len(hits):
        return NONE
    place = np.unique(tracks, return_inverse=True)[1]
    size, share = np.bincount(place), float(hits.mean())
    low, high = _exact(share, len(hits) / _deviations(hits, size, place).design_effect, confidence)
    # a hit says nothing better than none, nor a miss than none: clips seem less alike with it
    alike = len(hits) ** 2 / float((size**2).sum())
    return (
        min(low, _exact(1.0, alike, confidence)[0]),
        max(high, _exact(0.0, alike, confidence)[1]),
    )


def _exact(share: float, n: float, confidence: float) -> Ends:
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(share * n, n, alpha=1 - confidence, method="beta")
    return float(low), float(high)


def mean_interval(target: ArrayLike, hit: ArrayLike, track: ArrayLike) -> Ends:
    """Interval of the mean of both classes' shares: of balanced accuracy, with `hit` for right.

    Parameters
    ----------
    target : array of shape (n_clips,)
        1 for AI, 0 for human.
    hit : array of bool of shape (n_clips,)
    track : array of shape (n_clips,)
        Each clip's track.

    Returns
    -------
    low, high : float
        NaN where a class is missing.
    """
    targets, hits, tracks = (np.asarray(values) for values in (target, hit, track))
    classes = [targets == which for which in (0, 1)]
    if not all(mine.any() for mine in classes):
        return NONE
    shares = [float(hits[mine].mean()) for mine in classes]
    ends = [interval(hits[mine], tracks[mine]) for mine in classes]
    together = _correlation(classes, hits, tracks)
    below, above = (
        [abs(share - end[side]) / 2 for share, end in zip(shares, ends, strict=True)]
        for side in (0, 1)
    )
    value = sum(shares) / 2
    return value - _length(below, together), value + _length(above, together)


def smallest_change(target: ArrayLike, track: ArrayLike) -> float:
    """How far a difference of two balanced accuracies may be from 0 though no verdict differs.

    Clips none of which differs still allow a share of differing ones, the upper end of 0 hits (the
    rule of three; 3.7 divided by their number at 97.5 %). Both classes' shares are combined as in
    :func:`mean_interval`, uncorrelated.

    Parameters
    ----------
    target, track : array of shape (n_clips,)

    Returns
    -------
    float
        NaN where a class is missing.
    """
    targets, tracks = np.asarray(target), np.asarray(track)
    reach = [
        interval(np.zeros((targets == which).sum(), bool), tracks[targets == which])[1] / 2
        for which in (0, 1)
    ]
    return _length(reach, 0.0)


def _length(parts: list[float], correlation: float) -> float:
    one, two = parts
    return float(np.sqrt(one**2 + two**2 + 2 * correlation * one * two))


class _Deviations(NamedTuple):
    """How far each track's hits are from their usual number; a track of hits and one of misses
    come last."""

    hits: np.ndarray
    design_effect: float


def _deviations(hit: np.ndarray, size: np.ndarray, place: np.ndarray) -> _Deviations:
    hits = np.bincount(place, weights=hit, minlength=len(size))
    # the size of the track that a clip is in, on average: with it all clips of a track are alike
    usual = (size**2).sum() / size.sum()
    sizes, hits = np.append(size, [usual, usual]), np.append(hits, [usual, 0])
    share = hits.sum() / sizes.sum()
    away = hits - sizes * share
    effect = float(away @ away / (sizes.sum() * share * (1 - share)))
    return _Deviations(away, max(1.0, effect))


def _correlation(classes: list[np.ndarray], hit: np.ndarray, track: np.ndarray) -> float:
    """Correlation of the two classes' shares, made by tracks that hold both; none below 0."""
    place = np.unique(track, return_inverse=True)[1]
    sizes = [np.bincount(place[mine], minlength=place.max() + 1) for mine in classes]
    if not ((sizes[0] > 0) & (sizes[1] > 0)).any():
        return 0.0
    human, ai = (
        _deviations(hit[mine], size, place[mine]).hits
        for mine, size in zip(classes, sizes, strict=True)
    )
    return max(0.0, float(human @ ai / np.sqrt((human @ human) * (ai @ ai))))
