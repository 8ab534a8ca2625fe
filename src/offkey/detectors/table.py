"""What the detectors on a row of numbers per clip share: cross-validation, probabilities, files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors import files
from offkey.detectors.base import Detector, Windows

if TYPE_CHECKING:
    import pandas as pd

    from offkey.features.variants import Variant


class TableDetector(Detector):
    """P(AI) from one row of numbers a clip and a model of scikit-learn; a subclass says which."""

    def __init__(self, settings: Any, features: Any = None) -> None:
        super().__init__(settings, features)
        self.model: Any = None

    @property
    @abstractmethod
    def names(self) -> Sequence[str]:
        """What the numbers of a row are, in their order."""

    @abstractmethod
    def new_model(self, seed: int) -> Any:
        """An untrained model."""

    @abstractmethod
    def row(self, heard: np.ndarray) -> np.ndarray:
        """One clip's features, shape (n_rows, n_values), as the numbers in ``names``."""

    def items(self, rows: np.ndarray, n_windows: int) -> Windows:
        """The clip as a whole; see :meth:`Detector.items`."""
        return [rows]

    def values(self, variant: Variant) -> np.ndarray:
        """The numbers of every clip, float64 of shape (n_clips, len(names))."""
        return self._rows(self.windows(variant)[0])

    def _rows(self, windows: Windows) -> np.ndarray:
        return np.asarray([self.row(heard) for heard in windows], dtype=np.float64)

    def score(self, windows: Windows) -> np.ndarray:
        """P(AI) per clip; see :meth:`Detector.score`."""
        return self._scores(self._rows(windows))

    def embed(self, windows: Windows) -> np.ndarray:
        """The row of numbers of every clip, shape (n, len(names)); see :meth:`Detector.embed`."""
        return self._rows(windows)

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Fit the model; see :meth:`Detector.fit`. It takes seconds and leaves no checkpoint.

        It needs no clips to say when to stop, so it is fitted on `val` as well. What fixes the
        threshold are the scores of all these clips by models that met nothing of their group.

        Returns
        -------
        DataFrame
            ``epoch, train_loss, val_loss``: per inner fold the cross-entropy on its training clips
            and on those left out.
        """
        self.features = train[0].features
        known = [*train, *val]
        values, targets = self._stacked(known)
        groups = np.concatenate([variant.clips["group"].to_numpy() for variant in known])
        history, scores = self._cross_validated(values, targets, groups, seed)
        self.model = self.new_model(seed).fit(values, targets)
        ends = np.cumsum([len(variant) for variant in known])
        self._settle(known, known, np.split(scores, ends[:-1]))
        return history

    def _stacked(self, variants: Sequence[Variant]) -> tuple[np.ndarray, np.ndarray]:
        targets = [variant.clips["target"].to_numpy() for variant in variants]
        return np.concatenate([self.values(v) for v in variants]), np.concatenate(targets)

    def _cross_validated(
        self, values: np.ndarray, targets: np.ndarray, groups: np.ndarray, seed: int
    ) -> tuple[pd.DataFrame, np.ndarray]:
        """Losses per inner fold, and every clip's score by the model that left out its group."""
        import pandas as pd
        from sklearn.metrics import log_loss
        from sklearn.model_selection import StratifiedGroupKFold

        fewest = min(len(np.unique(groups[targets == which])) for which in (0, 1))
        folds = min(self.settings.folds, fewest)
        if folds < 2:
            raise BadInput(
                f"a {self.NAME} is cross-validated by group (track, family or source): "
                "give at least two of either class."
            )
        split = StratifiedGroupKFold(folds, shuffle=True, random_state=seeding.integer(seed, "cv"))
        rows, scores = [], np.zeros(len(targets))
        for number, (inside, outside) in enumerate(split.split(values, targets, groups)):
            model = self.new_model(seed).fit(values[inside], targets[inside])
            seen, scores[outside] = (
                model.predict_proba(values[part])[:, 1] for part in (inside, outside)
            )
            losses = [
                log_loss(targets[part], found, labels=[0, 1])
                for part, found in ((inside, seen), (outside, scores[outside]))
            ]
            rows.append((number + 1, *losses))
        return pd.DataFrame(rows, columns=["epoch", "train_loss", "val_loss"]), scores

    def explain(self, variant: Variant, *, seed: int = 0, repeats: int = 10) -> pd.DataFrame:
        """Fall of the AUC when one number is shuffled among the clips (permutation importance).

        Returns
        -------
        DataFrame
            ``feature, importance, deviation``, the largest first; mean and standard deviation
            over the repeats.
        """
        import pandas as pd
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

    def fitted(self) -> Any:
        """The model of scikit-learn.

        Raises
        ------
        BadInput
            There is none yet.
        """
        if self.model is None:
            raise BadInput(f"this {self.NAME} has not been fitted: call fit first, or load one.")
        return self.model

    def _scores(self, values: np.ndarray) -> np.ndarray:
        return np.asarray(self.fitted().predict_proba(values)[:, 1], dtype=np.float64)

    def _dump(self, folder: Path) -> str:
        return files.dump_model(self.model, folder / "model.skops")

    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:
        self.model = files.load_model(folder / "model.skops", card["sha256"])
