"""Waveform → log-mel, within 0.01 dB of librosa's and several times as fast.

Nothing here needs librosa or numba: both take seconds to import.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import scipy.fft
import scipy.sparse

from offkey.features.window import Window


@dataclass(frozen=True)
class LogMel(Window):
    """Settings of the log-mel: power, dB relative to the clip's maximum, floor at −80 dB.

    One window of 4 s at 16 kHz has exactly 125 frames of hop 512.
    """

    KIND = "log_mel"
    DTYPE = np.float16

    n_fft: int = 2048
    hop: int = 512
    n_mels: int = 128
    floor_db: float = -80.0

    @property
    def n_values(self) -> int:
        """Mel bands."""
        return self.n_mels

    @property
    def rows_per_s(self) -> float:
        """Frames per second."""
        return self.sample_rate_hz / self.hop

    @property
    def window_frames(self) -> int:
        """Frames in one analysis window."""
        return self.window_samples // self.hop

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop / self.sample_rate_hz

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
        padded = np.zeros(len(samples) + self.n_fft, np.float32)
        padded[self.n_fft // 2 :][: len(samples)] = samples
        blocks = np.lib.stride_tricks.sliding_window_view(padded, self.n_fft)[:: self.hop]
        blocks = blocks[: len(samples) // self.hop]
        spectrum = scipy.fft.rfft(blocks * _window(self.n_fft), axis=1, overwrite_x=True)
        mel = _filters(self) @ _power(spectrum)
        peak = max(float(mel.max()), 1e-10)
        decibel = 10 * np.log10(np.maximum(mel, 1e-10) / np.float32(peak))
        return np.maximum(decibel.T, self.floor_db).astype(np.float32)

    def frequencies_hz(self) -> np.ndarray:
        """Centre frequencies of the mel bands."""
        return _mel_edges_hz(self.n_mels, self.sample_rate_hz)[1:-1]


def _power(spectrum: np.ndarray) -> np.ndarray:
    """Squared magnitudes turned to (n_bins, n_frames), as the sparse product wants them."""
    power = np.square(spectrum.real)
    power += np.square(spectrum.imag)
    return np.ascontiguousarray(power.T)


@cache
def _window(n_fft: int) -> np.ndarray:
    # periodic Hann, as scipy.signal.get_window makes it
    turn = np.linspace(-np.pi, np.pi, n_fft + 1)
    return (0.5 + 0.5 * np.cos(turn))[:-1].astype(np.float32)


@cache
def _filters(settings: LogMel) -> scipy.sparse.csr_matrix:
    """Triangles of equal area on Slaney's mel scale, float32 of shape (n_mels, n_fft // 2 + 1)."""
    rate, n_fft = settings.sample_rate_hz, settings.n_fft
    edges = _mel_edges_hz(settings.n_mels, rate)
    widths = np.diff(edges)
    ramps = np.subtract.outer(edges, np.fft.rfftfreq(n_fft, 1 / rate))
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
    triangles *= (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return scipy.sparse.csr_matrix(triangles)


# Slaney's mel scale: linear up to 1 kHz, 15 mels there; then a factor of 6.4 every 27 mels
_LINEAR_HZ, _KNEE_HZ, _STEP = 200.0 / 3, 1000.0, np.log(6.4) / 27.0


def _mel_edges_hz(n_mels: int, sample_rate_hz: int) -> np.ndarray:
    """Lower edge, centres and upper edge of the bands up to half the sample rate, (n_mels + 2,)."""
    knee, top_hz = _KNEE_HZ / _LINEAR_HZ, sample_rate_hz / 2
    top = top_hz / _LINEAR_HZ
    if top_hz >= _KNEE_HZ:
        top = knee + np.log(top_hz / _KNEE_HZ) / _STEP
    mels = np.linspace(0.0, top, n_mels + 2)
    bent = mels >= knee
    edges = _LINEAR_HZ * mels
    edges[bent] = _KNEE_HZ * np.exp(_STEP * (mels[bent] - knee))
    return np.asarray(edges)
