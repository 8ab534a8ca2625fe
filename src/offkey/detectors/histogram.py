"""Histograms of spectrogram pictures, after a student paper (FMA against AAM).

The log-mel is drawn as a picture, blue where it is quiet and red where it is loud. ``derivatives``:
the joint histogram of Gaussian partial derivatives along time and frequency. ``colours``: ten bins
each of the picture's red and blue. The peak bin, mostly background, is set to the mean of all bins
and the row scaled to 0-1; then a random forest, or a network of three dense layers. The paper names
neither its colour map, nor the width of the derivative, nor the widths of the layers: these are
ours. Its frozen ResNet18 with one output is ``resnet`` with ``weights: imagenet``, ``channels: 3``,
``train: head``; its small convolutional network is ``cnn`` with ``layout: three_blocks``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import scipy.ndimage

from offkey.core import seeding
from offkey.core.errors import BadInput, unknown
from offkey.detectors.table import TableDetector
from offkey.features import LogMel

HISTOGRAMS = ("derivatives", "colours")
MODELS = ("forest", "network")
SIGMA = 1.0
"""Width of the Gaussian derivative, in pixels: frames and mel bands."""
STEEPEST_DB = 12.0
"""Slopes beyond this (dB per pixel) fall into the outermost bins."""


@dataclass(frozen=True)
class HistogramSettings:
    """Settings of the histogram detector.

    Attributes
    ----------
    histogram : str
        ``derivatives`` (bins × bins) or ``colours`` (bins of red, then bins of blue).
    model : str
        ``forest`` or ``network``.
    bins : int
        Along each axis, at least 2.
    trees : int
        Of the forest.
    folds : int
        Of the cross-validation over tracks, whose scores are the history.
    """

    histogram: str = "derivatives"
    model: str = "forest"
    bins: int = 10
    trees: int = 200
    folds: int = 5

    def __post_init__(self) -> None:
        for kind, value, known in (
            ("histogram", self.histogram, HISTOGRAMS),
            ("model", self.model, MODELS),
        ):
            if value not in known:
                raise unknown(kind, value, known)
        if min(self.bins, self.folds) < 2 or self.trees < 1:
            raise BadInput(
                f"bins ({self.bins}) and folds ({self.folds}) must be at least 2, "
                f"trees ({self.trees}) at least 1."
            )


class HistogramDetector(TableDetector):
    """P(AI) from histograms of the log-mel, drawn as a picture."""

    NAME = "histogram"
    RECIPE = 1
    Settings = HistogramSettings
    Features = LogMel

    @property
    def names(self) -> Sequence[str]:
        """The bins."""
        bins = range(self.settings.bins)
        if self.settings.histogram == "colours":
            return [f"{colour} {i}" for colour in ("red", "blue") for i in bins]
        return [f"time {i}, frequency {j}" for i in bins for j in bins]

    def histogram(self, mel: np.ndarray) -> np.ndarray:
        """Share of a picture's pixels in every bin, shape (len(names),).

        Parameters
        ----------
        mel : ndarray of shape (n_frames, n_mels)
            In dB, 0 the loudest.
        """
        floor = self.features.floor_db
        decibel = np.clip(np.asarray(mel, dtype=np.float32), floor, 0.0)
        bins = self.settings.bins
        if self.settings.histogram == "colours":
            seen = _palette()[np.rint((1 - decibel / floor) * 255).astype(int)]
            counts = [np.histogram(seen[..., c], bins, (0, 1))[0] for c in (0, 2)]
            return np.concatenate(counts) / decibel.size
        slopes = [
            scipy.ndimage.gaussian_filter(decibel, SIGMA, order=order) for order in ((1, 0), (0, 1))
        ]
        along, across = (
            np.clip((slope / STEEPEST_DB + 1) / 2 * bins, 0, bins - 1).astype(int).ravel()
            for slope in slopes
        )
        return np.bincount(bins * along + across, minlength=bins**2) / decibel.size

    def row(self, heard: np.ndarray) -> np.ndarray:
        return focused(self.histogram(heard))

    def new_model(self, seed: int) -> Any:
        random_state = seeding.integer(seed, "histogram")
        if self.settings.model == "forest":
            from sklearn.ensemble import RandomForestClassifier

            return RandomForestClassifier(
                n_estimators=self.settings.trees, random_state=random_state
            )
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier((64, 32), max_iter=2000, random_state=random_state)


def focused(histogram: np.ndarray) -> np.ndarray:
    """A histogram without its peak, which is background: set to the mean, then scaled to 0-1."""
    row = np.array(histogram, dtype=np.float64)
    row[np.argmax(row)] = row.mean()
    spread = np.ptp(row)
    return (row - row.min()) / spread if spread else np.zeros_like(row)


@cache
def _palette() -> np.ndarray:
    from matplotlib import colormaps

    return np.asarray(colormaps["coolwarm"](np.arange(256)))[:, :3]
