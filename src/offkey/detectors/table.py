"""What the detectors on a row of numbers per clip share: cross-validation, probabilities, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from offkey import metrics
from offkey.core import seeding, store
from offkey.core.errors import BadInput
from offkey.detectors import files
from offkey.features import Window
from offkey.features.variants import Variant
from offkey.sound import audio

LONGEST_S = 30.0
"""Of a recording, at most the central 30 s become a row."""


class TableDetector:
    """P(AI) from one row of numbers a clip and a model of scikit-learn; a subclass says which.

    Attributes
    ----------
    threshold : float
        Fixed on validation data by :meth:`fit`; at or above it a clip is called AI.
    """

    NAME: ClassVar[str]
    RECIPE: ClassVar[int]
    Settings: ClassVar[Any]
    Features: ClassVar[type[Window]]

    def __init__(self, settings: Any, features: Any = None) -> None:
        self.settings = settings
        self.features: Any = features or self.Features()
        self.threshold = 0.5
        self.model: Any = None

    @property
    def names(self) -> Sequence[str]:
        """What the numbers of a row are, in their order."""
        raise NotImplementedError

    def new_model(self, seed: int) -> Any:
        """An untrained model."""
        raise NotImplementedError

    def row(self, heard: np.ndarray) -> np.ndarray:
        """One clip's features, shape (n_rows, n_values), as the numbers in ``names``."""
        raise NotImplementedError

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        return {"name": self.NAME, "recipe": [self.RECIPE], **asdict(self.settings)}

    def values(self, variant: Variant) -> np.ndarray:
        """The numbers of every clip, float64 of shape (n_clips, len(names))."""
        rows = [self.row(variant.rows(row)) for row in range(len(variant))]
        return np.asarray(rows, dtype=np.float64)

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Fit the model and fix the threshold.

        Parameters
        ----------
        train, val : sequence of Variant
            Several variants are learnt together.
        seed : int
            Of the model and the folds.
        checkpoint, label
            Not needed: it takes seconds.

        Returns
        -------
        DataFrame
            ``epoch, train_loss, val_loss``: per fold (by track) the cross-entropy on its training
            clips and on those left out.
        """
        self.features = train[0].features
        values, targets = self._stacked(train)
        tracks = np.concatenate([variant.clips["track_id"].to_numpy() for variant in train])
        history = self._cross_validated(values, targets, tracks, seed)
        self.model = self.new_model(seed).fit(values, targets)
        checked, answers = self._stacked(val)
        self.threshold, _ = metrics.oracle_threshold(answers, self._scores(checked))
        return history

    def _stacked(self, variants: Sequence[Variant]) -> tuple[np.ndarray, np.ndarray]:
        targets = [variant.clips["target"].to_numpy() for variant in variants]
        return np.concatenate([self.values(v) for v in variants]), np.concatenate(targets)

    def _cross_validated(
        self, values: np.ndarray, targets: np.ndarray, tracks: np.ndarray, seed: int
    ) -> pd.DataFrame:
        from sklearn.metrics import log_loss
        from sklearn.model_selection import StratifiedGroupKFold

        folds = min(self.settings.folds, len(np.unique(tracks)))
        if folds < 2:
            raise BadInput(f"a {self.NAME} is cross-validated by track: give at least two tracks.")
        split = StratifiedGroupKFold(folds, shuffle=True, random_state=seeding.integer(seed, "cv"))
        rows = []
        for number, (inside, outside) in enumerate(split.split(values, targets, tracks)):
            model = self.new_model(seed).fit(values[inside], targets[inside])
            losses = [
                log_loss(targets[part], model.predict_proba(values[part])[:, 1], labels=[0, 1])
                for part in (inside, outside)
            ]
            rows.append((number + 1, *losses))
        return pd.DataFrame(rows, columns=["epoch", "train_loss", "val_loss"])

    def predict_proba(self, variant: Variant) -> np.ndarray:
        """P(AI) per clip, shape (n_clips,), float64."""
        return self._scores(self.values(variant))

    def score_samples(self, samples: np.ndarray, facts: Mapping[str, Any] | None = None) -> float:
        """P(AI) of one recording of any length, at the rate of its ``features``.

        Its windows from the centre, at most 30 s of them, are one row; shorter than a window is
        zero-padded.
        """
        size = self.features.window_samples
        n = max(1, min(len(samples) // size, int(LONGEST_S / self.features.window_s)))
        heard = audio.fix_length(self.features.centre(samples, n), n * size)
        row = self.row(self.features(heard).astype(self.features.DTYPE))
        return float(self._scores(np.asarray(row, dtype=np.float64)[None])[0])

    def explain(self, variant: Variant, *, seed: int = 0, repeats: int = 10) -> pd.DataFrame:
        """Fall of the AUC when one number is shuffled among the clips (permutation importance).

        Returns
        -------
        DataFrame
            ``feature, importance, deviation``, the largest first; mean and standard deviation
            over the repeats.
        """
        from sklearn.inspection import permutation_importance

        values, targets = self._stacked([variant])
        found = permutation_importance(
            self.model, values, targets, scoring="roc_auc", n_repeats=repeats,
            random_state=seeding.integer(seed, "importance"),
        )  # fmt: skip
        table = pd.DataFrame(
            {
                "feature": self.names,
                "importance": found.importances_mean,
                "deviation": found.importances_std,
            }
        )
        return table.sort_values("importance", ascending=False, ignore_index=True)

    def _scores(self, values: np.ndarray) -> np.ndarray:
        if self.model is None:
            raise BadInput(f"this {self.NAME} has not been fitted: call fit first, or load one.")
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
    def load(cls, folder: Path) -> Any:
        """Read a saved model; its file must match its hash and hold known types alone."""
        card = store.read_json(folder / "model.json")
        detector = cls(cls.Settings(**card["settings"]), cls.Features(**card["features"]))
        detector.model = files.load_model(folder / "model.skops", card["sha256"])
        detector.threshold = float(card["threshold"])
        return detector
