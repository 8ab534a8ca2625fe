"""Drums, bass and the rest without a trained model: median filters, then a factorisation.

The spectrogram is split into what stands in time and what stands in frequency (Fitzgerald 2010;
Driedger, Müller and Disch 2014: what is neither belongs to no stem); the standing part is
approximated by a few spectra that come and go (non-negative matrix factorisation), the low ones of
which are the bass. Since neither step keeps everything, the stems' sum lacks what the music has
beyond steady tones and sharp beats.
"""

from __future__ import annotations

import numpy as np

from offkey.core import compiled
from offkey.core.errors import BadInput
from offkey.detectors.separation import Separator

N_FFT, HOP = 1024, 512
MARGIN = 1.5
KERNEL = 17  # half a second, a quarter of a kilohertz
N_PARTS, N_ITERATIONS = 8, 20
BASS_HZ = 250.0


def open_(weights: str) -> Separator:
    """The separator; it takes no weights."""
    if weights:
        raise BadInput(f"separator 'hpss_nmf' takes no weights ('{weights}'): leave them out.")
    return separate


def separate(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    """Drums, bass and the rest of a mono mix, float32 of shape (3, n_samples)."""
    from sklearn.decomposition import non_negative_factorization

    librosa = compiled.librosa()
    spectrum = librosa.stft(samples, n_fft=N_FFT, hop_length=HOP)
    standing, drums = librosa.decompose.hpss(spectrum, kernel_size=KERNEL, margin=MARGIN)
    size = np.abs(standing) + 1e-8
    spectra, gains, _ = non_negative_factorization(
        size, n_components=N_PARTS, init="nndsvda", max_iter=N_ITERATIONS, tol=0.0, random_state=0
    )
    frequency = librosa.fft_frequencies(sr=sample_rate_hz, n_fft=N_FFT)
    centre = frequency @ spectra / np.maximum(spectra.sum(axis=0), 1e-12)
    phase = standing / size
    stems = [drums]
    for low in (centre < BASS_HZ, centre >= BASS_HZ):
        stems.append((spectra[:, low] @ gains[low]) * phase)
    return np.stack(
        [librosa.istft(stem, hop_length=HOP, length=len(samples)) for stem in stems]
    ).astype(np.float32)
