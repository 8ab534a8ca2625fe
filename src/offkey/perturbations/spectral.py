"""Filters as weights of the whole clip's spectrum: no phase, the same at every sample rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import scipy.fft

from offkey.perturbations.source import Source

_PAD_S = 0.25  # room for the filter's tails, so that the ends of the clip do not meet


def weighted(source: Source, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Multiply the spectrum of a clip by ``gain(frequencies in Hz)``, float32 of shape (n,)."""
    n = len(source.samples)
    size = scipy.fft.next_fast_len(n + round(_PAD_S * source.sample_rate_hz), real=True)
    weights = gain(scipy.fft.rfftfreq(size, 1 / source.sample_rate_hz))
    spectrum = scipy.fft.rfft(source.samples, size) * weights.astype(np.float32)
    return np.asarray(scipy.fft.irfft(spectrum, size)[:n], np.float32)
