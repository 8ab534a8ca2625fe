"""Sines plus noise: spectral peaks are kept, everything between them becomes shaped noise.

Deterministic-plus-stochastic decomposition after Serra and Smith, "Spectral Modeling Synthesis"
(Computer Music Journal, 1990), done frame by frame in the spectrum: the main lobes of the peaks
stay as they are, the rest is replaced by noise with the same energy in each band.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from offkey.core import compiled
from offkey.datasets.decoders.matching import SAMPLE_RATE_HZ

DECODERS: dict[str, dict[str, Any]] = {"sines_noise": {}}

N_FFT = 2048
HOP = 512
LOBE_BINS = 2  # half the main lobe of a Hann window
PEAK_OVER_SURROUNDINGS_DB = 6.0
SURROUNDINGS_BINS = 31
PEAK_UNDER_LOUDEST_DB = 35.0
NOISE_BANDS = 32
_TINY = 1e-12


def decode(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rebuild a clip from its spectral peaks and from noise.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        Mono, at the decoders' rate.
    rng : numpy Generator
        Draws the noise.

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    librosa = compiled.librosa()
    spectrum = librosa.stft(samples, n_fft=N_FFT, hop_length=HOP)
    white = rng.standard_normal(len(samples), dtype=np.float32)
    noise = librosa.stft(white, n_fft=N_FFT, hop_length=HOP)
    power = np.abs(spectrum) ** 2
    sines = _main_lobes(power)
    shaped = noise * np.sqrt(_residual_power(power, ~sines) / _white_power())
    mixed = np.where(sines, spectrum, shaped)
    rebuilt = librosa.istft(mixed, n_fft=N_FFT, hop_length=HOP, length=len(samples))
    return np.asarray(rebuilt, dtype=np.float32)


def _main_lobes(power: np.ndarray) -> np.ndarray:
    """Bins that belong to a spectral peak; shapes (bins, frames)."""
    from scipy.ndimage import maximum_filter1d, uniform_filter1d

    surroundings = uniform_filter1d(power, SURROUNDINGS_BINS, axis=0)
    peaks = (
        (power == maximum_filter1d(power, 2 * LOBE_BINS + 1, axis=0))
        & (power > surroundings * 10 ** (PEAK_OVER_SURROUNDINGS_DB / 10))
        & (power > power.max() * 10 ** (-PEAK_UNDER_LOUDEST_DB / 10))
    )
    return np.asarray(maximum_filter1d(peaks, 2 * LOBE_BINS + 1, axis=0))


def _residual_power(power: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Mean power around each bin, in mel-spaced bands, counting only the bins in `where`."""
    librosa = compiled.librosa()
    bands = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=N_FFT, n_mels=NOISE_BANDS, norm=None)
    mean = (bands @ (power * where)) / (bands @ where.astype(np.float32) + _TINY)
    back = bands.T / (bands.sum(axis=0)[:, None] + _TINY)
    return np.asarray(back @ mean)


def _white_power() -> float:
    """Expected power of unit-variance white noise in each bin: the energy of the window."""
    from scipy.signal.windows import hann

    return float(np.sum(hann(N_FFT, sym=False) ** 2))
