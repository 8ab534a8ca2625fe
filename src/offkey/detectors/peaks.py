"""Peaks of the mean spectrum, after "A Fourier Explanation of AI-music Artifacts".

The mean spectrum of a clip minus its lower hull, clipped to 0-5 dB and divided by its maximum, goes
into a logistic regression with balanced classes (Afchar, Meseguer Brocal and Hennequin 2025, arXiv
2506.19108). What it learns are the frequencies of lines that decoders leave. The method is under
patent applications of December 2024 and is here for research; the code is written from the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from offkey.core.errors import BadInput
from offkey.detectors.table import TableDetector
from offkey.features import MeanSpectrum
from offkey.features.mean_spectrum import residual

HIGHEST_DB = 5.0


@dataclass(frozen=True)
class PeaksSettings:
    """Settings of the peak detector.

    Attributes
    ----------
    strength : float
        Inverse of the regularisation, scikit-learn's ``C``.
    folds : int
        Inner folds that fix the threshold.
    """

    strength: float = 1.0
    folds: int = 5

    def __post_init__(self) -> None:
        if self.strength <= 0 or self.folds < 2:
            raise BadInput(
                f"strength ({self.strength:g}) must be above 0, folds ({self.folds}) at least 2."
            )


class PeaksDetector(TableDetector):
    """P(AI) from a logistic regression on the peaks of a :class:`MeanSpectrum`."""

    NAME = "peaks"
    RECIPE = 1
    Settings = PeaksSettings
    Features = MeanSpectrum

    @property
    def names(self) -> Sequence[str]:
        """The frequencies."""
        return [f"{hertz:.1f} Hz" for hertz in self.features.frequencies_hz(self._size)]

    @property
    def _size(self) -> int:
        return int(self.features.sizes[0])

    def row(self, heard: np.ndarray) -> np.ndarray:
        return peaks(self.features.of_size(heard[0], self._size))

    def new_model(self, seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=self.settings.strength, class_weight="balanced", max_iter=2000)


def peaks(spectrum: np.ndarray) -> np.ndarray:
    """The peaks of a mean spectrum in dB, from 0 to 1, shape (n_bins,)."""
    heights = np.clip(residual(spectrum), 0.0, HIGHEST_DB)
    return np.asarray(heights / (heights.max() + 1e-6))
