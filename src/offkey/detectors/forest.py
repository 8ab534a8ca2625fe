"""A random forest on fourteen named features, after a published tutorial.

200 trees, depth 15, at least 5 clips to split and 2 in a leaf, balanced classes. What each feature
is worth is told by permutation, which unlike impurity is not drawn to features with many values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors.table import TableDetector
from offkey.features import NamedFeatures


@dataclass(frozen=True)
class ForestSettings:
    """Settings of the forest, as published.

    Attributes
    ----------
    trees, depth, min_split, min_leaf : int
        Of scikit-learn's ``RandomForestClassifier``.
    folds : int
        Of the cross-validation over tracks, whose scores are the history.
    """

    trees: int = 200
    depth: int = 15
    min_split: int = 5
    min_leaf: int = 2
    folds: int = 5

    def __post_init__(self) -> None:
        if min(self.trees, self.depth, self.min_leaf) < 1 or min(self.min_split, self.folds) < 2:
            raise BadInput(
                f"forest settings {asdict(self)}: trees, depth and min_leaf must be at least 1, "
                "min_split and folds at least 2."
            )


class ForestDetector(TableDetector):
    """P(AI) from a random forest on :class:`~offkey.features.NamedFeatures`."""

    NAME = "forest"
    RECIPE = 1
    Settings = ForestSettings
    Features = NamedFeatures

    @property
    def names(self) -> Sequence[str]:
        """The named features."""
        return tuple(self.features.names)

    def row(self, heard: np.ndarray) -> np.ndarray:
        return heard[0]

    def new_model(self, seed: int) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=self.settings.trees,
            max_depth=self.settings.depth,
            min_samples_split=self.settings.min_split,
            min_samples_leaf=self.settings.min_leaf,
            class_weight="balanced",
            random_state=seeding.integer(seed, "forest"),
        )
