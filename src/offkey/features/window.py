"""Which part of a clip is heard: the same number of windows in every variant, from its centre."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

MAX_RATE = 1.25


@dataclass(frozen=True)
class Window:
    """Sample rate and analysis window; every kind of features adds its own settings.

    Attributes
    ----------
    sample_rate_hz : int
    window_s : float
        Length of one analysis window.
    """

    KIND: ClassVar[str]
    RECIPE: ClassVar[int]
    DTYPE: ClassVar[Any]

    sample_rate_hz: int = 16_000
    window_s: float = 4.0

    @property
    def window_samples(self) -> int:
        """Samples in one analysis window."""
        return round(self.window_s * self.sample_rate_hz)

    def n_windows(self, n_samples: int) -> int:
        """Windows of a clip of `n_samples`: the same in every variant up to a rate of 1.25."""
        return int(n_samples / MAX_RATE / self.window_samples + 1e-9)

    def centre(self, samples: np.ndarray, n_windows: int) -> np.ndarray:
        """The central `n_windows` windows of a clip as one stretch of samples."""
        length = n_windows * self.window_samples
        begin = max(0, (len(samples) - length) // 2)
        return samples[begin : begin + length]

    def prepare(self, samples: np.ndarray, n_windows: int) -> np.ndarray:
        """What is heard of one clip, the same in training, evaluation and detection.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            One clip, at the rate of these features; levels are relative to what is heard of it.
        n_windows : int
            From :meth:`n_windows` of the clip before any edit.

        Returns
        -------
        ndarray of ``DTYPE``, shape (n_rows, n_values)
        """
        return self(self.centre(samples, n_windows)).astype(self.DTYPE)

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        return {**asdict(self), "recipe": self.RECIPE, "kind": self.KIND}

    @property
    def n_values(self) -> int:
        """Numbers in a row."""
        raise NotImplementedError

    @property
    def rows_per_s(self) -> float:
        """Rows per second of sound, about."""
        raise NotImplementedError

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Rows of numbers, shape (n_rows, n_values)."""
        raise NotImplementedError
