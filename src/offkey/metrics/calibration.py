"""Scores made as sure as they are right: by one temperature, or by a slope and an offset."""

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


def fit_platt(target: ArrayLike, score: ArrayLike) -> tuple[float, float]:
    """Slope and offset that turn the logit of a score into a probability (Platt 1999).

    Both classes count alike, as if AI and human music were equally frequent. Platt's targets,
    (n + 1) / (n + 2) instead of 1, keep few clips from making anything certain.

    Parameters
    ----------
    target, score : array of shape (n_clips,)
        Of validation clips; both classes are needed.

    Returns
    -------
    slope : float
        At least 0: a higher score is never less likely AI.
    offset : float
    """
    from scipy.optimize import minimize

    targets, scores = checked(target, score)
    if targets.min() == targets.max():
        raise BadInput("a calibration needs clips of both classes: only one is there.")
    logits, counts = _logit(scores), np.bincount(targets.astype(int), minlength=2)
    wanted = np.where(targets == 1, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2))
    weights = 0.5 / counts[targets.astype(int)]

    def cross_entropy(fitted: np.ndarray) -> tuple[float, np.ndarray]:
        found = fitted[0] * logits + fitted[1]
        off = weights * (1 / (1 + np.exp(-found)) - wanted)
        loss = np.sum(weights * (np.logaddexp(0, found) - wanted * found))
        return float(loss), np.array([off @ logits, off.sum()])

    bounds = [(0.0, None), (None, None)]
    found = minimize(cross_entropy, np.array([1.0, 0.0]), jac=True, bounds=bounds)
    return float(found.x[0]), float(found.x[1])


def platt(score: ArrayLike, slope: float, offset: float) -> np.ndarray:
    """Probability of AI from scores, by what :func:`fit_platt` found."""
    logits = _logit(np.asarray(score, np.float64))
    return np.asarray(1 / (1 + np.exp(-(slope * logits + offset))))
