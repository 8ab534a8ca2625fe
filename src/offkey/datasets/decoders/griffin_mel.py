"""Mel spectrogram and back: the bands are spread over frequency, the phase is guessed."""

from __future__ import annotations

from functools import cache

import numpy as np

from offkey.core import compiled
from offkey.datasets.decoders.matching import SAMPLE_RATE_HZ

DECODERS = {"griffin_mel_80": {"n_mels": 80}, "griffin_mel_256": {"n_mels": 256}}

N_FFT = 1024
HOP = 256
PHASE_ITERATIONS = 16
MEL_ITERATIONS = 20
_TINY = 1e-9


def decode(samples: np.ndarray, rng: np.random.Generator, *, n_mels: int) -> np.ndarray:
    """Keep the mel magnitudes of a clip only, then rebuild it.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        Mono, at the decoders' rate.
    rng : numpy Generator
        Draws the initial phase.
    n_mels : int
        Number of bands; fewer is blurrier.

    Returns
    -------
    ndarray of float32, shape (n,)

    Notes
    -----
    Phase: Griffin and Lim (1984) with the momentum of Perraudin, Balazs and Søndergaard (2013).
    """
    librosa = compiled.librosa()
    magnitudes = np.abs(librosa.stft(samples, n_fft=N_FFT, hop_length=HOP))
    rebuilt = librosa.griffinlim(
        _spread(_filters(n_mels)[0] @ magnitudes, n_mels),
        n_iter=PHASE_ITERATIONS,
        n_fft=N_FFT,
        hop_length=HOP,
        length=len(samples),
        random_state=rng,
    )
    return np.asarray(rebuilt, dtype=np.float32)


def _spread(mel: np.ndarray, n_mels: int) -> np.ndarray:
    """Magnitudes that explain the mel bands: least squares, never negative.

    A clamped pseudo-inverse leaves holes and misses 0.1–3 % of the mel energy; a few
    multiplicative updates (Lee and Seung 2001, one factor fixed) mend most of that.
    """
    filters, inverse = _filters(n_mels)
    spectrum = np.maximum(inverse @ mel, 1e-3 * (filters.T @ mel)) + _TINY
    target = filters.T @ mel
    for _ in range(MEL_ITERATIONS):
        spectrum *= target / (filters.T @ (filters @ spectrum) + _TINY)
    return spectrum


@cache
def _filters(n_mels: int) -> tuple[np.ndarray, np.ndarray]:
    librosa = compiled.librosa()
    filters = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=N_FFT, n_mels=n_mels)
    return filters, np.linalg.pinv(filters).astype(np.float32)
