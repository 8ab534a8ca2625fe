"""A random forest on fourteen named features, after a published tutorial.

200 trees, depth 15, at least 5 clips to split and 2 in a leaf, balanced classes. What each feature
is worth is told by permutation, which unlike impurity is not drawn to features with many values.
Saved with skops: loading runs no code but the listed types.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey import audio, metrics, seeding, store
from offkey.detectors import files
from offkey.errors import BadInput
from offkey.features import NamedFeatures
from offkey.variants import Variant


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


class ForestDetector:
    """P(AI) from a random forest on :class:`~offkey.features.NamedFeatures`.

    Attributes
    ----------
    threshold : float
        Fixed on validation data by :meth:`fit`; at or above it a clip is called AI.
    """

    NAME = "forest"
    RECIPE = 1
    Settings = ForestSettings
    Features = NamedFeatures

    def __init__(self, settings: ForestSettings, features: NamedFeatures | None = None) -> None:
        self.settings = settings
        self.features = features or NamedFeatures()
        self.threshold = 0.5
        self.model: Any = None

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        return {"name": self.NAME, "recipe": [self.RECIPE], **asdict(self.settings)}

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Grow the forest and fix the threshold.

        Parameters
        ----------
        train, val : sequence of Variant
            Of named features; several variants are learnt together.
        seed : int
            Of the trees and folds.
        checkpoint, label
            Not needed: it takes seconds.

        Returns
        -------
        DataFrame
            ``epoch, train_loss, val_loss``: per fold (by track) the cross-entropy on its training
            clips and on those left out.
        """
        self.features = train[0].features
        values, targets = _stacked(train)
        tracks = np.concatenate([variant.clips["track_id"].to_numpy() for variant in train])
        history = self._cross_validated(values, targets, tracks, seed)
        self.model = self._new(seed).fit(values, targets)
        checked, answers = _stacked(val)
        self.threshold, _ = metrics.oracle_threshold(answers, self._scores(checked))
        return history

    def _new(self, seed: int) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(
            n_estimators=self.settings.trees,
            max_depth=self.settings.depth,
            min_samples_split=self.settings.min_split,
            min_samples_leaf=self.settings.min_leaf,
            class_weight="balanced",
            random_state=seeding.integer(seed, "forest"),
        )

    def _cross_validated(
        self, values: np.ndarray, targets: np.ndarray, tracks: np.ndarray, seed: int
    ) -> pd.DataFrame:
        from sklearn.metrics import log_loss
        from sklearn.model_selection import StratifiedGroupKFold

        folds = min(self.settings.folds, len(np.unique(tracks)))
        if folds < 2:
            raise BadInput("a forest is cross-validated by track: give at least two tracks.")
        split = StratifiedGroupKFold(folds, shuffle=True, random_state=seeding.integer(seed, "cv"))
        rows = []
        for number, (inside, outside) in enumerate(split.split(values, targets, tracks)):
            model = self._new(seed).fit(values[inside], targets[inside])
            losses = [
                log_loss(targets[rows_], model.predict_proba(values[rows_])[:, 1], labels=[0, 1])
                for rows_ in (inside, outside)
            ]
            rows.append((number + 1, *losses))
        return pd.DataFrame(rows, columns=["epoch", "train_loss", "val_loss"])

    def predict_proba(self, variant: Variant) -> np.ndarray:
        """P(AI) per clip, shape (n_clips,), float64."""
        return self._scores(_stacked([variant])[0])

    def score_samples(self, samples: np.ndarray) -> float:
        """P(AI) of one recording of any length, at the rate of its ``features``.

        Its windows from the centre, at most 30 s of them, are one row; shorter than a window is
        zero-padded.
        """
        size = self.features.window_samples
        n = max(1, min(len(samples) // size, int(30 / self.features.window_s)))
        heard = audio.fix_length(self.features.centre(samples, n), n * size)
        return float(self._scores(self.features(heard).astype(np.float64))[0])

    def explain(self, variant: Variant, *, seed: int = 0, repeats: int = 10) -> pd.DataFrame:
        """Fall of the AUC when one feature is shuffled among the clips (permutation importance).

        Returns
        -------
        DataFrame
            ``feature, importance, deviation``, the largest first; mean and standard deviation
            over the repeats.
        """
        from sklearn.inspection import permutation_importance

        values, targets = _stacked([variant])
        found = permutation_importance(
            self.model, values, targets, scoring="roc_auc", n_repeats=repeats,
            random_state=seeding.integer(seed, "importance"),
        )  # fmt: skip
        table = pd.DataFrame(
            {
                "feature": self.features.names,
                "importance": found.importances_mean,
                "deviation": found.importances_std,
            }
        )
        return table.sort_values("importance", ascending=False, ignore_index=True)

    def _scores(self, values: np.ndarray) -> np.ndarray:
        if self.model is None:
            raise BadInput("this forest has not been grown: call fit first, or load one.")
        return np.asarray(self.model.predict_proba(values)[:, 1], dtype=np.float64)

    def save(self, folder: Path, **about: Any) -> Path:
        """Write ``model.skops`` and, last, ``model.json`` with its hash and `about`."""
        digest = files.dump_model(self.model, folder / "model.skops")
        card = {
            "detector": self.NAME,
            "settings": asdict(self.settings),
            "features": asdict(self.features),
            "threshold": self.threshold,
            "sha256": digest,
            **about,
        }
        return store.write_json(folder / "model.json", card)

    @classmethod
    def load(cls, folder: Path) -> ForestDetector:
        """Read a saved forest; its file must match its hash and hold known types alone."""
        card = store.read_json(folder / "model.json")
        detector = cls(ForestSettings(**card["settings"]), NamedFeatures(**card["features"]))
        detector.model = files.load_model(folder / "model.skops", card["sha256"])
        detector.threshold = float(card["threshold"])
        return detector


def _stacked(variants: Sequence[Variant]) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of all clips, shapes (n_clips, n_values) and (n_clips,)."""
    values = [variant.rows(row)[0] for variant in variants for row in range(len(variant))]
    targets = np.concatenate([variant.clips["target"].to_numpy() for variant in variants])
    return np.asarray(values, dtype=np.float64), targets
