"""Cut-offs for three verdicts: AI, human, or uncertain between the two.

A track has the verdict of its worst clip: the highest score of a human track, the lowest of an AI
track. The cut-offs are order statistics of these scores, as in split conformal prediction (Vovk,
Gammerman and Shafer 2005): of n tracks and one more like them, the chance that the new one scores
above the k-th highest is at most k / (n + 1), whatever the scores look like. A share of the known
tracks alone would promise too much.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from offkey.core.errors import BadInput
from offkey.metrics.classification import checked

AI, HUMAN, UNCERTAIN = "AI", "human", "uncertain"
ACCUSED, MISSED = 50, 20
"""At most one human track in so many is called AI; at most one AI track in so many human."""


class CutOffs(NamedTuple):
    """A score below ``human_below`` is called human, one from ``ai_from`` on is called AI."""

    human_below: float
    ai_from: float


def verdicts(score: ArrayLike, human_below: ArrayLike, ai_from: ArrayLike) -> np.ndarray:
    """``AI``, ``human`` or ``uncertain`` for every score; the cut-offs are one number or many."""
    scores = np.asarray(score)
    low = np.where(scores < np.asarray(human_below), HUMAN, UNCERTAIN)
    return np.where(scores >= np.asarray(ai_from), AI, low)


def cut_offs(
    target: ArrayLike,
    score: ArrayLike,
    track: ArrayLike,
    *,
    accused: int = ACCUSED,
    missed: int = MISSED,
) -> CutOffs:
    """The lowest score for AI and the highest for human that keep both promises.

    Parameters
    ----------
    target, score, track : array of shape (n_clips,)
        Of clips whose group the detector has not met.
    accused, missed : int
        At most one human track in `accused` is called AI, one AI track in `missed` human.

    Returns
    -------
    CutOffs
        Where the classes lie so far apart that both promises hold for any score between the two
        numbers, both are the middle, and no score is uncertain.

    Raises
    ------
    BadInput
        Too few tracks of a class to promise anything.
    """
    targets, scores = checked(target, score)
    tracks = np.asarray(track, dtype=object)
    human = _worst(scores[targets == 0], tracks[targets == 0], np.fmax)
    ai = _worst(scores[targets == 1], tracks[targets == 1], np.fmin)
    for name, found, one_in in (("human", human, accused), ("AI", ai, missed)):
        if len(found) + 1 < one_in:
            raise BadInput(
                f"{len(found)} {name} tracks cannot promise that at most 1 in {one_in} is called "
                f"the other: at least {one_in - 1} are needed."
            )
    ai_from = float(np.nextafter(human[-((len(human) + 1) // accused)], np.inf))
    human_below = float(ai[(len(ai) + 1) // missed - 1])
    if ai_from < human_below:
        ai_from = human_below = (ai_from + human_below) / 2
    return CutOffs(human_below, ai_from)


def _worst(scores: np.ndarray, tracks: np.ndarray, worse: np.ufunc) -> np.ndarray:
    """The worst score of every track, sorted."""
    names, place = np.unique(tracks, return_inverse=True)
    found = np.full(len(names), np.nan)
    worse.at(found, place, scores)  # of NaN and a score, the score
    return np.sort(found)
