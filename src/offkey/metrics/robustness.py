"""How far scores, verdicts and errors move when the sound is edited."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from offkey.core.errors import BadInput
from offkey.metrics.classification import require_finite

SMALLEST_ERROR = 0.01


def drift(clean_score: ArrayLike, variant_score: ArrayLike) -> np.ndarray:
    """How far each clip's score moves under an edit, |Δp|, shape (n,); clips in the same order."""
    clean = np.asarray(clean_score, dtype=np.float64)
    variant = np.asarray(variant_score, dtype=np.float64)
    if clean.ndim != 1 or clean.shape != variant.shape or not len(clean):
        raise BadInput(
            f"clean scores have shape {clean.shape} and edited ones {variant.shape}: "
            "give the same clips, at least one, in the same order."
        )
    require_finite(clean, "the clean score")
    require_finite(variant, "the edited score")
    return np.abs(variant - clean)


def drift_mean(clean_score: ArrayLike, variant_score: ArrayLike) -> float:
    """Mean of |Δp| over the clips."""
    return float(drift(clean_score, variant_score).mean())


def drift_max(clean_score: ArrayLike, variant_score: ArrayLike) -> float:
    """Largest |Δp| of any clip."""
    return float(drift(clean_score, variant_score).max())


def flip_rate(clean_score: ArrayLike, variant_score: ArrayLike, threshold: ArrayLike) -> float:
    """Share of the clips whose verdict changes under an edit."""
    drift(clean_score, variant_score)  # for its checks
    before, after = (
        np.asarray(score) >= np.asarray(threshold) for score in (clean_score, variant_score)
    )
    return float(np.mean(before != after))


def relative_robustness(
    error: ArrayLike,
    reference: ArrayLike,
    *,
    clean_error: float = 0.0,
    reference_clean_error: float = 0.0,
) -> float:
    """Error over the severities of one kind of edit, as a share of a reference detector's.

    Hendrycks and Dietterich 2019: ``CE = sum(E) / sum(E_ref)``, and with the two clean errors the
    *relative* CE, ``sum(E - E_clean) / sum(E_ref - E_ref_clean)``. The mean of this over the
    kinds of edit is mCE. With E = 1 - balanced accuracy; above 1 is worse than the reference.

    Returns
    -------
    float
        NaN where the reference's mean error (or rise of the error) is under one point: dividing
        by it would say nothing, so report the absolute drop there.
    """
    ours, theirs = np.asarray(error, np.float64), np.asarray(reference, np.float64)
    if ours.ndim != 1 or ours.shape != theirs.shape or not len(ours):
        raise BadInput(
            f"errors have shape {ours.shape} and the reference's {theirs.shape}: "
            "give the same severities, at least one."
        )
    require_finite(ours, "the error")
    require_finite(theirs, "the reference's error")
    rise = float(np.mean(theirs - reference_clean_error))
    if rise < SMALLEST_ERROR:
        return float("nan")
    return float(np.mean(ours - clean_error)) / rise
