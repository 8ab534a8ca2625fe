"""How a log-mel changes in time and from band to band: one row of numbers, no place in time."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import scipy.fft

_EDGE = 4
_LAGS = (1, 2, 4, 8, 16)
_QUANTILES = (0.05, 0.25, 0.75, 0.95)
_N_RATES = 8
_TINY = 1e-9


def texture(mel: np.ndarray) -> np.ndarray:
    """Statistics over the frames of a log-mel, level taken out.

    Parameters
    ----------
    mel : ndarray of shape (n_frames, n_mels)
        In dB.

    Returns
    -------
    ndarray of float32, shape (n_values,)
        Per band: mean and what it is beside its neighbours, deviation, change over 1 to 16 frames,
        skew, kurtosis and quantiles, octaves of the modulation spectrum, correlation with other
        bands, moments of the differences, and steps from band to band.
    """
    levels = np.asarray(mel, dtype=np.float32)
    levels = levels - levels.mean()
    mean = levels.mean(axis=0)
    moving = levels - mean
    spread = moving.std(axis=0) + 1e-3
    unit = moving / spread
    smooth = np.convolve(np.pad(mean, _EDGE, "edge"), np.full(2 * _EDGE + 1, 1 / 9), "valid")
    found = [mean - smooth, mean, spread]
    found += [np.abs(levels[lag:] - levels[:-lag]).mean(axis=0) / spread for lag in _LAGS]
    found += [(unit**3).mean(axis=0), np.log((unit**4).mean(axis=0) + _TINY)]
    found += list(np.quantile(unit, _QUANTILES, axis=0))
    found += _modulation(moving)
    found += [(unit[:, gap:] * unit[:, :-gap]).mean(axis=0) for gap in _LAGS[:4]]
    steps = np.diff(levels, axis=0)
    steps = (steps - steps.mean(axis=0)) / (steps.std(axis=0) + 1e-3)
    found += [(steps[:, gap:] * steps[:, :-gap]).mean(axis=0) for gap in (1, 3)]
    found += [(steps**3).mean(axis=0), np.log((steps**4).mean(axis=0) + _TINY)]
    across = np.diff(levels, axis=1)
    found += [across.std(axis=0), np.abs(np.diff(across, axis=1)).mean(axis=0)]
    return np.concatenate(found).astype(np.float32)


def _modulation(moving: np.ndarray) -> list[np.ndarray]:
    """Log power of every band's changes, in octave-like steps of their rate."""
    spectrum = scipy.fft.rfft(moving * np.hanning(len(moving))[:, None], axis=0)
    power = np.abs(spectrum) ** 2
    power /= power.sum(axis=0) + _TINY
    edges = np.geomspace(1, len(power) - 1, _N_RATES + 1).round().astype(int)
    return [
        np.log(power[low : max(high, low + 1)].mean(axis=0) + _TINY)
        for low, high in pairwise(edges)
    ]
