"""AUC over pairs of clips that are alike in something else, e.g. in brightness.

Where AI clips are darker than human ones, a detector of darkness has a high AUC. Over pairs of an
AI and a human clip that are equally dark it has one of 0.5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from offkey.core.errors import BadInput
from offkey.metrics.classification import checked, require_finite


def auc_of_like(target: ArrayLike, score: ArrayLike, value: ArrayLike, within: float) -> float:
    """Share of the pairs of like clips in which the AI clip has the higher score.

    Parameters
    ----------
    target, score, value : array of shape (n_clips,)
        ``value`` is what both clips of a pair are alike in.
    within : float
        Largest difference of their values.

    Returns
    -------
    float
        Equal scores count half. NaN where no AI and human clip are alike. With an infinite
        `within` it is the AUC.
    """
    wins, alike = _pairs(*_arrays(target, score, value), within)
    return float(wins.sum() / alike.sum()) if alike.any() else float("nan")


def has_like(target: ArrayLike, value: ArrayLike, within: float) -> np.ndarray:
    """Which clips are in a pair, bool of shape (n_clips,)."""
    targets, _, values = _arrays(target, value, value)
    _, alike = _pairs(targets, values, values, within)
    found = np.zeros(len(targets), dtype=bool)
    found[targets == 1] = alike.any(axis=1)
    found[targets == 0] = alike.any(axis=0)
    return found


def like_draws(
    counts: np.ndarray,
    track: np.ndarray,
    target: ArrayLike,
    score: ArrayLike,
    value: ArrayLike,
    within: float,
) -> np.ndarray:
    """:func:`auc_of_like` for every resample of the tracks (:mod:`offkey.metrics.uncertainty`).

    Parameters
    ----------
    counts : ndarray of shape (n_resamples, n_tracks)
    track : ndarray of shape (n_clips,)
        The column of each clip's track.

    Returns
    -------
    ndarray of shape (n_resamples,)
        NaN for resamples without a pair.
    """
    targets, scores, values = _arrays(target, score, value)
    wins, alike = _pairs(targets, scores, values, within)
    of_ai, of_human = (counts[:, track[targets == which]] for which in (1, 0))
    above, below = (np.sum((of_ai @ pairs) * of_human, axis=1) for pairs in (wins, alike))
    return np.divide(above, below, out=np.full(len(counts), np.nan), where=below > 0)


def _arrays(
    target: ArrayLike, score: ArrayLike, value: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    targets, scores = checked(target, score)
    values = np.asarray(value, dtype=np.float64)
    if values.shape != scores.shape:
        raise BadInput(f"value has shape {values.shape} and score {scores.shape}: one per clip.")
    require_finite(values, "value")
    return targets, scores, values


def _pairs(
    target: np.ndarray, score: np.ndarray, value: np.ndarray, within: float
) -> tuple[np.ndarray, np.ndarray]:
    """What each pair counts for the AI clip, and which are alike, shape (n_ai, n_human)."""
    ai, human = target == 1, target == 0
    alike = np.abs(value[ai][:, None] - value[human]) <= within
    won = 0.5 + 0.5 * np.sign(score[ai][:, None] - score[human])
    return won * alike, alike.astype(np.float64)
