"""Temperature scaling: one number that makes scores as sure as they are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from offkey.core.errors import BadInput
from offkey.metrics.classification import checked

LIMITS = (0.05, 20.0)
_EDGE = 1e-6


def fit_temperature(target: ArrayLike, score: ArrayLike) -> float:
    """Temperature with the least cross-entropy on these clips (Guo et al., ICML 2017, 1706.04599).

    Parameters
    ----------
    target, score : array of shape (n_clips,)
        Of validation clips; both classes are needed.

    Returns
    -------
    float
        Above 1 the scores were too sure, below 1 too cautious; within ``LIMITS``.
    """
    from scipy.optimize import minimize_scalar

    targets, scores = checked(target, score)
    if targets.min() == targets.max():
        raise BadInput("a temperature needs clips of both classes: only one is there.")
    signed = np.where(targets == 1, 1, -1) * _logit(scores)

    def cross_entropy(log_temperature: float) -> float:
        return float(np.mean(np.logaddexp(0, -signed / np.exp(log_temperature))))

    bounds = (float(np.log(LIMITS[0])), float(np.log(LIMITS[1])))
    return float(np.exp(minimize_scalar(cross_entropy, bounds=bounds, method="bounded").x))


def scale(score: ArrayLike, temperature: ArrayLike) -> np.ndarray:
    """Scores with their logits divided by `temperature`; with one temperature their order stays."""
    logits = _logit(np.asarray(score, np.float64))
    return np.asarray(1 / (1 + np.exp(-logits / np.asarray(temperature))))


def _logit(scores: np.ndarray) -> np.ndarray:
    inside = np.clip(scores, _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside) - np.log1p(-inside))
