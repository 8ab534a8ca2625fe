"""Waveform → log-mel, within 0.01 dB of librosa's and several times as fast."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse

RECIPE = 1
MAX_RATE = 1.25


@dataclass(frozen=True)
class LogMel:
    """Settings of the log-mel: power, dB relative to the clip's maximum, floor at −80 dB.

    One window of 4 s at 16 kHz has exactly 125 frames of hop 512.
    """

    sample_rate_hz: int = 16_000
    n_fft: int = 2048
    hop: int = 512
    n_mels: int = 128
    window_s: float = 4.0
    floor_db: float = -80.0

    @property
    def window_samples(self) -> int:
        """Samples in one analysis window."""
        return round(self.window_s * self.sample_rate_hz)

    @property
    def window_frames(self) -> int:
        """Frames in one analysis window."""
        return self.window_samples // self.hop

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate_hz

    def n_windows(self, n_samples: int) -> int:
        """Windows of a clip of `n_samples`: the same in every variant up to a rate of 1.25."""
        return int(n_samples / MAX_RATE / self.window_samples + 1e-9)

    def centre(self, samples: np.ndarray, n_windows: int) -> np.ndarray:
        """The central `n_windows` windows of a clip as one stretch of samples."""
        length = n_windows * self.window_samples
        begin = max(0, (len(samples) - length) // 2)
        return samples[begin : begin + length]

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        return {**asdict(self), "recipe": RECIPE}

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Log-mel of a stretch of samples.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)

        Returns
        -------
        ndarray of float32, shape (n // hop, n_mels)
            dB relative to the maximum of the stretch, at least `floor_db`.
        """
        padded = np.pad(samples, self.n_fft // 2)
        blocks = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop]
        blocks = blocks[: len(samples) // self.hop]
        spectrum = scipy.fft.rfft(blocks * _window(self.n_fft), axis=1, overwrite_x=True)
        power = spectrum.real**2 + spectrum.imag**2
        mel = _filters(self) @ power.T
        peak = max(float(mel.max()), 1e-10)
        decibel = 10 * np.log10(np.maximum(mel, 1e-10) / np.float32(peak))
        return np.maximum(decibel.T, self.floor_db).astype(np.float32)

    def frequencies_hz(self) -> np.ndarray:
        """Centre frequencies of the mel bands."""
        import librosa

        edges = librosa.mel_frequencies(self.n_mels + 2, fmin=0, fmax=self.sample_rate_hz / 2)
        return np.asarray(edges[1:-1])


@cache
def _window(n_fft: int) -> np.ndarray:
    return scipy.signal.get_window("hann", n_fft).astype(np.float32)


@cache
def _filters(settings: LogMel) -> scipy.sparse.csr_matrix:
    import librosa

    dense = librosa.filters.mel(
        sr=settings.sample_rate_hz, n_fft=settings.n_fft, n_mels=settings.n_mels
    )
    return scipy.sparse.csr_matrix(dense.astype(np.float32))
