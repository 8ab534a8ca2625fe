"""Waveform → mean spectrum in decibels, and what stands above its lower hull.

A decoder of transposed convolutions leaves lines at multiples of its latent rates. They stand in
every frame, while music moves: the mean over the frames shows them. Afchar, Meseguer Brocal and
Hennequin (2025), "A Fourier Explanation of AI-music Artifacts", arXiv 2506.19108; written from the
paper's description. The method is under patent applications of December 2024.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import scipy.fft
import scipy.interpolate

from offkey.core.errors import BadInput
from offkey.features.window import Window

LOUDEST = 1e6
HULL_BINS = 10


@dataclass(frozen=True)
class MeanSpectrum(Window):
    """Settings of the mean spectrum: one row a clip.

    Attributes
    ----------
    sizes : tuple of int
        Lengths of the Fourier transform (samples), Hann window, ``OVERLAP`` frames a length. A row
        holds the spectra of all sizes one after another.
    low_hz, high_hz : float
        Band that is kept.
    """

    KIND = "mean_spectrum"
    DTYPE: ClassVar[Any] = np.float32
    QUIETEST: ClassVar[float] = 1e-10
    """Powers below this (and above ``LOUDEST``) are clipped before the logarithm."""
    OVERLAP: ClassVar[int] = 4
    """Frames start so many times in a length of the Fourier transform."""

    sizes: tuple[int, ...] = (8192,)
    low_hz: float = 500.0
    high_hz: float = 8000.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sizes", tuple(self.sizes))  # a list, read from a model's file
        if (
            not self.sizes
            or min(self.sizes) < 64
            or any(size % self.OVERLAP for size in self.sizes)
        ):
            raise BadInput(f"sizes {self.sizes}: give multiples of {self.OVERLAP} from 64 upwards.")
        if max(self.sizes) > self.window_samples:
            raise BadInput(
                f"sizes {self.sizes}: none may exceed a window of {self.window_s:g} s "
                f"({self.window_samples} samples)."
            )
        if not 0 <= self.low_hz < self.high_hz <= self.sample_rate_hz / 2:
            raise BadInput(
                f"band {self.low_hz:g}-{self.high_hz:g} Hz: it must rise and end at "
                f"{self.sample_rate_hz / 2:g} Hz at most."
            )

    def centre(self, samples: np.ndarray, n_windows: int) -> np.ndarray:
        """The whole clip: a mean needs no two clips of one length."""
        return samples

    def frequencies_hz(self, size: int) -> np.ndarray:
        """Frequencies of the bins of one size, shape (n_bins,)."""
        every = np.fft.rfftfreq(size, 1 / self.sample_rate_hz)
        return np.asarray(every[(every >= self.low_hz) & (every <= self.high_hz)])

    def of_size(self, rows: np.ndarray, size: int) -> np.ndarray:
        """The spectra of one size, shape (..., n_bins), out of rows of shape (..., n_values)."""
        begin = 0
        for each in self.sizes:
            end = begin + len(self.frequencies_hz(each))
            if each == size:
                return np.asarray(rows[..., begin:end])
            begin = end
        raise BadInput(f"no spectrum of {size} samples here: there are {self.sizes}.")

    @property
    def n_values(self) -> int:
        """Bins of all sizes."""
        return sum(len(self.frequencies_hz(size)) for size in self.sizes)

    @property
    def rows_per_s(self) -> float:
        """One row a clip; a clip holds two windows or more."""
        return 1 / (2 * self.window_s)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Mean spectrum of a stretch of samples.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)

        Returns
        -------
        ndarray of float32, shape (1, n_values)
            Mean over the frames of the power in dB.
        """
        return np.concatenate([self._mean(samples, size) for size in self.sizes])[None]

    def _mean(self, samples: np.ndarray, size: int) -> np.ndarray:
        blocks = np.lib.stride_tricks.sliding_window_view(samples, size)[:: size // self.OVERLAP]
        spectrum = scipy.fft.rfft(blocks * _hann(size), axis=1, overwrite_x=True)
        every = np.fft.rfftfreq(size, 1 / self.sample_rate_hz)
        kept = (every >= self.low_hz) & (every <= self.high_hz)
        spectrum = spectrum[:, kept]
        power = np.square(spectrum.real) + np.square(spectrum.imag)
        decibel = 10 * np.log10(np.clip(power, self.QUIETEST, LOUDEST))
        return np.asarray(decibel.mean(axis=0), dtype=np.float32)


@cache
def _hann(size: int) -> np.ndarray:
    turn = np.linspace(-np.pi, np.pi, size + 1)
    return (0.5 + 0.5 * np.cos(turn))[:-1].astype(np.float32)


def residual(spectrum: np.ndarray, bins: int = HULL_BINS) -> np.ndarray:
    """How far a spectrum stands above its lower hull.

    Parameters
    ----------
    spectrum : ndarray of shape (n_bins,)
        In dB.
    bins : int
        The hull runs through the lowest point of every stretch of so many bins.

    Returns
    -------
    ndarray of float64, shape (n_bins,)
        In dB; negative where the quadratic interpolation between lowest points runs above.
    """
    values = np.asarray(spectrum, dtype=np.float64)
    stretches = np.lib.stride_tricks.sliding_window_view(values, bins)
    lowest = np.arange(len(stretches)) + np.argmin(stretches, axis=1)
    knots = np.unique(np.concatenate([[0], lowest, [len(values) - 1]]))
    hull = scipy.interpolate.interp1d(knots, values[knots], kind="quadratic")
    return np.asarray(values - hull(np.arange(len(values))))
