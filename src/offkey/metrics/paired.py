"""Paired tests: the same clips or tracks before and after an edit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from offkey.core import seeding
from offkey.core.errors import BadInput

_BLOCK_VALUES = 500_000
_EXACT_UP_TO = 13


def mcnemar_exact(clean_right: ArrayLike, variant_right: ArrayLike) -> tuple[int, int, float]:
    """Exact McNemar test: are as many clips lost as gained?

    Parameters
    ----------
    clean_right, variant_right : array of bool of shape (n_clips,)
        Whether the verdict is right; the same clips in the same order.

    Returns
    -------
    n_lost, n_gained : int
        Right only clean, right only edited.
    p : float
        Two-sided, ``min(1, 2 P(Bin(lost + gained, 1/2) <= min(lost, gained)))``. Takes clips as
        independent: where tracks have several clips, read :func:`sign_flip_p` instead.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    clean, variant = np.asarray(clean_right, bool), np.asarray(variant_right, bool)
    if clean.shape != variant.shape:
        raise BadInput(f"{clean.shape} clean verdicts against {variant.shape} edited ones.")
    table = np.bincount(2 * clean + variant, minlength=4).reshape(2, 2)
    p = mcnemar(table, exact=True).pvalue
    return int(table[1, 0]), int(table[0, 1]), float(p)


def sign_flip_p(differences: ArrayLike, *, n_permutations: int = 9999, seed: int = 0) -> float:
    """Two-sided permutation test of paired differences, one per track.

    If the edit did nothing, each track's difference could as well have the other sign. All sign
    patterns are tried where there are at most 13 differences other than 0, random ones beyond.

    Parameters
    ----------
    differences : array of shape (n_tracks,)
    n_permutations : int
        Random patterns; p is never below 1 / (n_permutations + 1).
    seed : int
        The study's seed.
    """
    values = np.asarray(differences, dtype=np.float64)
    if not np.isfinite(values).all():
        raise BadInput("a track's difference is not finite: leave the track out of the test.")
    values = values[values != 0]
    if not len(values):
        return 1.0
    # sums of the same numbers in another order differ in the last bits
    reached = abs(values.sum()) - 1e-9 * np.abs(values).sum()
    if len(values) <= _EXACT_UP_TO:
        patterns = np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1
        return float(np.mean(np.abs((1 - 2 * patterns) @ values) >= reached))
    rng = seeding.rng(seed, "sign_flip")
    rows = max(1, _BLOCK_VALUES // len(values))
    n_reached = 0
    for begin in range(0, n_permutations, rows):
        size = (min(rows, n_permutations - begin), len(values))
        signs = 1.0 - 2.0 * rng.integers(2, size=size, dtype=np.int8)
        n_reached += int((np.abs(signs @ values) >= reached).sum())
    return (n_reached + 1) / (n_permutations + 1)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Holm's correction for several tests, same shape and order."""
    from statsmodels.stats.multitest import multipletests

    values = np.asarray(p_values, dtype=np.float64)
    return multipletests(values, method="holm")[1] if len(values) else values
