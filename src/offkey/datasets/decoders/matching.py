"""Give a twin the long-term spectrum of its original, so that bandwidth cannot be the clue."""

from __future__ import annotations

import numpy as np

from offkey.core import compiled

SAMPLE_RATE_HZ = 22_050
"""What every decoder works at: a shift by −4 semitones still fills the 8 kHz that are analysed."""

N_FFT, HOP = 2048, 512
BANDS = 64
MAX_GAIN_DB = 30.0


def match_spectrum(samples: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Equalise `samples` to the band levels of `reference`, each averaged over the whole clip.

    Parameters
    ----------
    samples, reference : ndarray of float32, shape (n,)
        Mono, at ``SAMPLE_RATE_HZ``, of equal length.

    Returns
    -------
    ndarray of float32, shape (n,)
        Every mel-spaced band at the mean power it has in `reference`, as far as a gain of at most
        ``MAX_GAIN_DB`` can bring it there. One gain per band and clip: nothing in time changes.
    """
    librosa = compiled.librosa()
    bands = librosa.filters.mel(sr=SAMPLE_RATE_HZ, n_fft=N_FFT, n_mels=BANDS, norm=None)
    spectrum = librosa.stft(samples, n_fft=N_FFT, hop_length=HOP)
    target = np.mean(np.abs(librosa.stft(reference, n_fft=N_FFT, hop_length=HOP)) ** 2, axis=1)
    gain_db = np.zeros(len(target), np.float32)
    weight = bands.sum(axis=0) + 1e-9
    for _ in range(3):  # neighbouring bands overlap, so one pass leaves a little
        have = np.mean(np.abs(spectrum) ** 2, axis=1) * 10 ** (gain_db / 10)
        missing_db = 10 * np.log10((bands @ target + 1e-12) / (bands @ have + 1e-12))
        gain_db = np.clip(gain_db + bands.T @ missing_db / weight, -MAX_GAIN_DB, MAX_GAIN_DB)
    louder = spectrum * (10 ** (gain_db / 20))[:, None]
    matched = librosa.istft(louder, n_fft=N_FFT, hop_length=HOP, length=len(samples))
    return np.asarray(matched, dtype=np.float32)
