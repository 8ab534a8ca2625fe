"""The contract of every detector."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors import pieces
from offkey.features import Window

if TYPE_CHECKING:  # pandas and all edits, which judging a file does not need
    import pandas as pd

    from offkey.features.variants import Variant

Windows = np.ndarray | Sequence[np.ndarray]
"""Shape (n, n_rows, n_values), or n arrays of (n_rows, n_values) that need not be of one length."""

FORMAT = 3
"""Of a model's folder; raised when older ones can no longer be read."""


class Detector(ABC):
    """Tells AI music (1) from human music (0).

    A subclass says how it learns and judges; what it hears of a clip or a recording, its file and
    its calibration are the same for all.

    Attributes
    ----------
    settings : dataclass
        An instance of the class's ``Settings``.
    features : Window
        What it hears, an instance of the class's ``Features``.
    threshold : float
        At or above it a clip is called AI; fixed on validation clips.
    clip_s : float
        Length of the clips it was trained on (s): recordings are judged in pieces of it.
    calibration : tuple of float, optional
        Slope and offset of :func:`offkey.metrics.calibration.platt`, fitted on validation clips.
    validated : float
        Balanced accuracy on the validation clips at the threshold; NaN before training.
    validation : DataFrame
        ``variant, clip_id, score``: what decided the threshold, of clips it was not fitted on.
    fingerprint, folder : str, Path
        Of the files it was read from.
    """

    NAME: ClassVar[str]
    RECIPE: ClassVar[int]
    """Raised when the same settings give another model."""
    Settings: ClassVar[Any]
    Features: ClassVar[type[Window]]
    LISTENS: ClassVar[bool] = True
    """Whether it hears the music; else it reads the facts of the file alone."""

    folder: Path
    validation: pd.DataFrame

    def __init__(self, settings: Any, features: Any = None) -> None:
        self.settings = settings
        self.features: Any = features or self.Features()
        self.threshold = 0.5
        self.clip_s = 10.0
        self.calibration: tuple[float, float] | None = None
        self.validated = float("nan")
        self.fingerprint = ""

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        return {"name": self.NAME, "recipe": [self.RECIPE, FORMAT], **asdict(self.settings)}

    @abstractmethod
    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Train, and fix the threshold and the calibration on validation clips.

        Parameters
        ----------
        train, val : sequence of Variant
            Several variants are trained on together.
        seed : int
            Of everything drawn.
        checkpoint : Path, optional
            Where a long training leaves its state, and takes it up again.
        label : str
            What a progress bar says.

        Returns
        -------
        DataFrame
            ``epoch, train_loss, val_loss``.
        """

    @abstractmethod
    def items(self, rows: np.ndarray, n_windows: int) -> Windows:
        """What is judged at once of one clip.

        Parameters
        ----------
        rows : ndarray, shape (n_rows, n_values)
            From :meth:`offkey.features.Window.prepare`.
        n_windows : int

        Returns
        -------
        sequence of ndarray, each of shape (n, n_values)
            Its analysis windows, or the whole clip as one.
        """

    @abstractmethod
    def score(self, windows: Windows) -> np.ndarray:
        """P(AI) of every window.

        Parameters
        ----------
        windows : ndarray of shape (n, n_rows, n_values), or a sequence of n such windows
            What :meth:`items` and :meth:`windows` give.

        Returns
        -------
        ndarray of float64, shape (n,)
        """

    @abstractmethod
    def embed(self, windows: Windows) -> np.ndarray:
        """Numbers of every window that the verdict is a simple function of.

        Of a network what goes into its last layer; of a table detector its row of numbers.

        Parameters
        ----------
        windows
            As for :meth:`score`.

        Returns
        -------
        ndarray of floats, shape (n, d)
        """

    def windows(self, variant: Variant) -> tuple[Windows, np.ndarray]:
        """What :meth:`score` and :meth:`embed` take, of every clip of a variant, in order.

        Returns
        -------
        windows : sequence of n windows
        owners : ndarray of int, shape (n,)
            Clip number of each.
        """
        found: list[np.ndarray] = []
        owners: list[int] = []
        for row, count in enumerate(variant.clips["n_windows"].tolist()):
            items = self.items(variant.rows(row), count)
            found.extend(items)
            owners.extend([row] * len(items))
        return found, np.array(owners, dtype=int)

    def predict_proba(self, variant: Variant) -> np.ndarray:
        """P(AI) of every clip, the mean over its windows: float64 of shape (n_clips,)."""
        windows, owners = self.windows(variant)
        return np.bincount(owners, self.score(windows)) / np.bincount(owners)

    def score_samples(self, samples: np.ndarray, facts: Mapping[str, Any] | None = None) -> float:
        """P(AI) of one recording of any length, the mean over its pieces.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            At the rate of ``features``.
        facts : mapping, optional
            What its file says of itself (:func:`offkey.sound.audio.facts`).

        Raises
        ------
        BadInput
            All of it is silent.
        """
        cut = pieces.cut(samples, self.features, self.clip_s)
        if not cut.samples:
            raise BadInput("nothing can be judged: every piece is silent.")
        return float(np.mean(self._score_pieces(cut)))

    def _score_pieces(self, cut: pieces.Pieces) -> np.ndarray:
        """P(AI) of every piece, shape (n_pieces,)."""
        items = [
            self.items(self.features.prepare(piece, cut.n_windows), cut.n_windows)
            for piece in cut.samples
        ]
        flat = [window for windows in items for window in windows]
        return self.score(flat).reshape(len(items), -1).mean(axis=1)

    def probability(self, score: float) -> float | None:
        """Calibrated probability of AI, as if both classes were equally frequent; None without."""
        from offkey.metrics import calibration

        if self.calibration is None:
            return None
        return float(calibration.platt(score, *self.calibration))

    def reset_head(self, seed: int) -> None:
        """Replace the last layer by a fresh one, where there is one."""
        raise BadInput(f"detector '{self.NAME}' has no head to reset: use head 'keep'.")

    def _settle(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        scores: Sequence[np.ndarray] | None = None,
    ) -> None:
        """Fix what validation clips decide, and the length of a piece.

        `scores` are those of `val`, where they are not simply what it makes of them.
        """
        import pandas as pd

        from offkey import metrics
        from offkey.metrics import calibration

        lengths = np.concatenate([variant.clips["duration_s"].to_numpy() for variant in train])
        self.clip_s = float(np.median(lengths))
        targets = np.concatenate([variant.clips["target"].to_numpy() for variant in val])
        of_each = scores or [self.predict_proba(variant) for variant in val]
        self.validation = pd.concat(
            [
                variant.clips[["clip_id"]].assign(variant=variant.condition.variant, score=found)
                for variant, found in zip(val, of_each, strict=True)
            ],
            ignore_index=True,
        )
        found = np.concatenate(of_each)
        self.threshold, self.validated = metrics.oracle_threshold(targets, found)
        self.calibration = calibration.fit_platt(targets, found)

    @abstractmethod
    def _dump(self, folder: Path) -> str:
        """Write the model's one file and return its SHA-256."""

    @abstractmethod
    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:
        """Read what :meth:`_dump` wrote, after comparing its hash with ``card["sha256"]``."""

    def _more(self) -> dict[str, Any]:
        """What else ``model.json`` must hold."""
        return {}

    def save(self, folder: Path, **about: Any) -> Path:
        """Write the model and, last, ``model.json`` with its hash and `about`."""
        digest = self._dump(folder)
        card = {
            "format": FORMAT,
            "detector": self.NAME,
            "settings": asdict(self.settings),
            "features": asdict(self.features),
            "threshold": self.threshold,
            "clip_s": self.clip_s,
            "calibration": self.calibration,
            "validated": None if np.isnan(self.validated) else self.validated,
            "sha256": digest,
            **self._more(),
            **about,
        }
        return store.write_json(folder / "model.json", card)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a saved detector.

        Raises
        ------
        BadInput
            A file is missing, was changed, holds what is not trusted, or is of an older format.
        """
        card = store.read_json(folder / "model.json")
        if card.get("format") != FORMAT:
            raise BadInput(
                f"{folder} was written by another version of this program: "
                "delete the folder and train again."
            )
        detector = cls(cls.Settings(**card["settings"]), cls.Features(**card["features"]))
        detector._restore(folder, card)
        detector.threshold, detector.clip_s = float(card["threshold"]), float(card["clip_s"])
        detector.calibration = tuple(card["calibration"]) if card["calibration"] else None
        detector.validated = float("nan" if card["validated"] is None else card["validated"])
        detector.fingerprint, detector.folder = str(card.get("fingerprint", "")), folder
        return detector
