"""Arrays in, numbers out: how well scores tell AI music from human music.

Conventions
-----------
``target`` holds 1 for AI and 0 for human, ``score`` is P(AI), and a clip is *called AI* where
``score >= threshold``; the threshold is one number, or one per clip. A number that needs a class
which is not there is NaN ("not available").
How scores move under an edit is in :mod:`offkey.metrics.robustness`, intervals are in
:mod:`offkey.metrics.uncertainty`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from offkey.core.errors import BadInput

MAX_BINS = 10
CLIPS_PER_BIN = 10


def checked(target: ArrayLike, score: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Targets as int64 and scores as float64, both of shape (n,).

    Raises
    ------
    BadInput
        Lengths differ, nothing is there, a score is not finite, a target is not 0 or 1.
    """
    targets, scores = np.asarray(target), np.asarray(score, dtype=np.float64)
    if targets.ndim != 1 or targets.shape != scores.shape:
        raise BadInput(
            f"target has shape {targets.shape} and score {scores.shape}: one of each per clip."
        )
    if not len(targets):
        raise BadInput("no clips to score: target and score are empty.")
    if not np.isin(targets, (0, 1)).all():
        strange = targets[~np.isin(targets, (0, 1))][0]
        raise BadInput(f"target holds {strange!r}: only 1 (AI) and 0 (human) are allowed.")
    require_finite(scores, "score")
    return targets.astype(np.int64), scores


def require_finite(values: np.ndarray, name: str) -> None:
    """Raise BadInput, naming how many values are not finite and where the first one is."""
    bad = ~np.isfinite(values)
    if bad.any():
        raise BadInput(
            f"{name} is not finite in {bad.sum()} of {values.size} places, first at position "
            f"{np.flatnonzero(bad)[0]}: leave those clips out or mend the detector."
        )


def _require_probability(values: np.ndarray) -> None:
    if values.min() < 0 or values.max() > 1:
        raise BadInput(
            f"scores run from {values.min():g} to {values.max():g}: "
            "calibration needs probabilities between 0 and 1."
        )


def confusion(target: ArrayLike, score: ArrayLike, threshold: ArrayLike) -> np.ndarray:
    """Counts ``[[tn, fp], [fn, tp]]``: rows are the truth (human, AI), columns what was called."""
    targets, scores = checked(target, score)
    called = (scores >= np.asarray(threshold)).astype(np.int64)
    return np.bincount(2 * targets + called, minlength=4).reshape(2, 2)


def accuracy(target: ArrayLike, score: ArrayLike, threshold: ArrayLike) -> float:
    """Share of clips called what they are."""
    counts = confusion(target, score, threshold)
    return float(np.trace(counts) / counts.sum())


def false_accusation_rate(target: ArrayLike, score: ArrayLike, threshold: ArrayLike) -> float:
    """Share of the human clips that are called AI; NaN without human clips."""
    return _share(confusion(target, score, threshold)[0], 1)


def miss_rate(target: ArrayLike, score: ArrayLike, threshold: ArrayLike) -> float:
    """Share of the AI clips that are called human; NaN without AI clips."""
    return _share(confusion(target, score, threshold)[1], 0)


def _share(row: np.ndarray, column: int) -> float:
    return float(row[column] / row.sum()) if row.sum() else float("nan")


def balanced_accuracy(target: ArrayLike, score: ArrayLike, threshold: ArrayLike) -> float:
    """Mean of the two classes' recalls; 0.5 is a coin; NaN where a class is missing."""
    counts = confusion(target, score, threshold)
    return (_share(counts[0], 0) + _share(counts[1], 1)) / 2


def auc(target: ArrayLike, score: ArrayLike) -> float:
    """Probability that an AI clip scores above a human one, ties half; NaN with one class only."""
    from sklearn.metrics import roc_auc_score  # slow to import, and the command line needs no AUC

    targets, scores = checked(target, score)
    if targets.min() == targets.max():
        return float("nan")
    return float(roc_auc_score(targets, scores))


class _Cuts(NamedTuple):
    """Every way to cut the sorted scores in two; cut k calls the k lowest distinct scores human."""

    thresholds: np.ndarray
    n_missed: np.ndarray
    n_accused: np.ndarray


def _cuts(targets: np.ndarray, scores: np.ndarray) -> _Cuts:
    levels, place = np.unique(scores, return_inverse=True)
    n_ai = np.bincount(place, weights=targets).astype(np.int64)
    n_human = np.bincount(place) - n_ai
    middles = levels[:-1] + np.diff(levels) / 2
    # between neighbouring floats there is no middle: the upper one separates them as well
    middles = np.where(middles > levels[:-1], middles, levels[1:])
    return _Cuts(
        np.concatenate([levels[:1], middles, np.nextafter(levels[-1:], np.inf)]),
        np.concatenate([[0], np.cumsum(n_ai)]),
        n_human.sum() - np.concatenate([[0], np.cumsum(n_human)]),
    )


def eer(target: ArrayLike, score: ArrayLike) -> float:
    """Equal error rate: the error where the miss rate meets the false-accusation rate.

    As in ASVspoof's evaluation package: at the cut with the smallest difference of the two rates,
    their mean. Equal scores are never cut apart. NaN with one class only.
    """
    targets, scores = checked(target, score)
    n_ai = int(targets.sum())
    n_human = len(targets) - n_ai
    if not n_ai or not n_human:
        return float("nan")
    cuts = _cuts(targets, scores)
    best = np.argmin(np.abs(cuts.n_missed * n_human - cuts.n_accused * n_ai))
    return float(cuts.n_missed[best] / n_ai + cuts.n_accused[best] / n_human) / 2


def oracle_threshold(target: ArrayLike, score: ArrayLike) -> tuple[float, float]:
    """Threshold with the highest balanced accuracy on these very clips.

    On validation clips this *chooses* the threshold; on test clips it says what a detector could
    reach if its threshold were right (optimistic, because it looks at the answers).

    Returns
    -------
    threshold : float
        Midway between the two neighbouring scores; of several best ones the nearest to 0.5.
    balanced_accuracy : float

    Raises
    ------
    BadInput
        Only one class is there: no threshold can be chosen.
    """
    targets, scores = checked(target, score)
    n_ai = int(targets.sum())
    n_human = len(targets) - n_ai
    if not n_ai or not n_human:
        raise BadInput(
            f"a threshold needs both classes: {n_ai} AI and {n_human} human clips are there."
        )
    cuts = _cuts(targets, scores)
    # whole numbers, so that equally good cuts compare as equal
    errors = cuts.n_missed * n_human + cuts.n_accused * n_ai
    best = cuts.thresholds[errors == errors.min()]
    chosen = best[np.argmin(np.abs(best - 0.5))]
    return float(chosen), float(1 - errors.min() / (2 * n_ai * n_human))


def brier(target: ArrayLike, score: ArrayLike) -> float:
    """Mean squared difference of score and target; 0.25 for always saying 0.5."""
    targets, scores = checked(target, score)
    _require_probability(scores)
    return float(np.mean((scores - targets) ** 2))


class Reliability(NamedTuple):
    """Bins of equal mass, lowest scores first; each array has shape (n_bins,)."""

    mean_score: np.ndarray
    share_ai: np.ndarray
    n_clips: np.ndarray


def reliability(target: ArrayLike, score: ArrayLike, max_bins: int = MAX_BINS) -> Reliability:
    """Mean score against share of AI clips, in bins of equal mass.

    At most `max_bins` bins, fewer where a bin would hold under ten clips; equal scores share a
    bin, so that the order of the rows does not matter.
    """
    targets, scores = checked(target, score)
    _require_probability(scores)
    order = np.argsort(scores, kind="stable")
    targets, scores = targets[order], scores[order]
    n_bins = min(max_bins, max(1, len(scores) // CLIPS_PER_BIN))
    wanted = np.linspace(0, len(scores), n_bins + 1)[:-1].astype(int)
    before = np.searchsorted(scores, scores[wanted], side="left")
    after = np.searchsorted(scores, scores[wanted], side="right")
    starts = np.unique(np.where(wanted - before <= after - wanted, before, after))
    starts = starts[starts < len(scores)]
    n_clips = np.diff(np.append(starts, len(scores)))
    return Reliability(
        np.add.reduceat(scores, starts) / n_clips,
        np.add.reduceat(targets, starts) / n_clips,
        n_clips,
    )


def ece(target: ArrayLike, score: ArrayLike, max_bins: int = MAX_BINS) -> float:
    """Expected calibration error: mean distance of score and share of AI clips over the bins.

    Guo et al. 2017 with the class "AI" in place of the predicted class, so that scores below 0.5
    are judged by what they say; bins from :func:`reliability`.
    """
    bins = reliability(target, score, max_bins)
    gaps = np.abs(bins.mean_score - bins.share_ai)
    return float(np.average(gaps, weights=bins.n_clips))
