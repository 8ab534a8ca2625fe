"""What the networks on log-mels share: windows, training, probabilities, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.fx.experimental.optimization import fuse
from torch.utils.data import Dataset, Subset, TensorDataset

from offkey import metrics
from offkey.core import seeding, store
from offkey.core.errors import BadInput
from offkey.detectors import files, training
from offkey.detectors.windows import AllWindows, RandomWindows
from offkey.features import LogMel
from offkey.features.variants import Variant
from offkey.sound import audio


@dataclass(frozen=True)
class MelSettings(training.Schedule):
    """Settings of every network on log-mels; the schedule's are :class:`training.Schedule`'s.

    Attributes
    ----------
    crop_share : float
        Length of the random crops it trains on as a share of the analysis window: half the length
        takes half the time, and the traces looked for are in every moment.
    epoch_share : float
        Share of the training clips heard in one epoch, drawn anew each time: a quarter makes an
        epoch on four variants as long as one on a single variant.
    """

    crop_share: float = 1.0
    epoch_share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0.1 <= self.crop_share <= 1:
            raise BadInput(f"crop_share must be between 0.1 and 1, not {self.crop_share:g}.")
        if not 0 < self.epoch_share <= 1:
            raise BadInput(f"epoch_share must be above 0 and at most 1, not {self.epoch_share:g}.")


class MelDetector:
    """P(AI) from a network on log-mel windows; a subclass says which network.

    Attributes
    ----------
    threshold : float
        Fixed on validation data by :meth:`fit`; at or above it a clip is called AI.
    """

    NAME: ClassVar[str]
    RECIPE: ClassVar[int]
    Settings: ClassVar[type[MelSettings]]
    Features = LogMel

    def __init__(self, settings: Any, features: LogMel | None = None) -> None:
        self.settings = settings
        self.features = features or LogMel()
        self.threshold = 0.5
        self.network: Any = self._build()
        self._initialised = False

    def _build(self) -> nn.Module:
        """The network, log-mels of shape (batch, frames, n_mels) in, logits (batch,) out."""
        raise NotImplementedError

    def _prepare(self, train: Sequence[Variant]) -> None:
        """What the network has to know of the training clips before it learns."""

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        recipe = [self.RECIPE, training.RECIPE]
        return {"name": self.NAME, "recipe": recipe, **asdict(self.settings)}

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Train, from the present weights if there are any, and fix the threshold.

        Parameters
        ----------
        train, val : sequence of Variant
            Several variants are trained on together.
        seed : int
            Of initial weights, order and random windows.
        checkpoint : Path, optional
            Epoch checkpoint to resume from.
        label : str
            What the progress bar says.

        Returns
        -------
        DataFrame
            ``epoch, train_loss, val_loss``.
        """
        if not self._initialised:
            self.features = train[0].features
            self._initialise(seed)
            self._prepare(train)
        options = {"checkpoint": checkpoint, "label": label or self.NAME}
        history = self._learn(train, val, seed=seed, **options)
        targets = np.concatenate([variant.clips["target"].to_numpy() for variant in val])
        scores = np.concatenate([self.predict_proba(variant) for variant in val])
        self.threshold, _ = metrics.oracle_threshold(targets, scores)
        return history

    def _initialise(self, seed: int) -> None:
        torch.manual_seed(seeding.integer(seed, "weights"))
        self.network = self._build()
        self._initialised = True

    def _learn(
        self, train: Sequence[Variant], val: Sequence[Variant], *, seed: int, **options: Any
    ) -> pd.DataFrame:
        return training.fit(
            self.network,
            lambda epoch: self._epoch(train, seed, epoch),
            RandomWindows(val, seed, 0, self.settings.crop_share),  # always the same crops
            self.settings,
            seed=seed,
            **options,
        )

    def _epoch(self, train: Sequence[Variant], seed: int, epoch: int) -> Dataset[Any]:
        windows = RandomWindows(train, seed, epoch, self.settings.crop_share)
        if self.settings.epoch_share == 1:
            return windows
        order = seeding.rng(seed, "heard", str(epoch)).permutation(len(windows))
        return Subset(windows, order[: round(self.settings.epoch_share * len(windows))].tolist())

    def predict_proba(self, variant: Variant) -> np.ndarray:
        """P(AI) per clip: the mean over its windows, shape (n_clips,), float64."""
        windows = AllWindows([variant])
        # batch normalisation folded into the convolutions: half as fast again on a CPU, and worth
        # its 50 ms where more than a few windows are judged
        probability = _probabilities(fuse(self.network.eval()), windows)
        owners = windows.owners()
        return np.bincount(owners, probability) / np.bincount(owners)

    def score_samples(self, samples: np.ndarray, facts: Mapping[str, Any] | None = None) -> float:
        """P(AI) of one recording of any length; shorter than a window is zero-padded.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            At the rate of the detector's ``features``.
        facts : mapping, optional
            What its file says of itself (:func:`offkey.sound.audio.facts`); not heard here.
        """
        size = self.features.window_samples
        n = max(1, len(samples) // size)
        mels = self.features(audio.fix_length(self.features.centre(samples, n), n * size))
        frames = self.features.window_frames
        windows = torch.from_numpy(mels)[: n * frames].reshape(n, frames, self.features.n_mels)
        heard = TensorDataset(windows, torch.zeros(n))
        return float(np.mean(_probabilities(self.network.eval(), heard)))

    def save(self, folder: Path, **about: Any) -> Path:
        """Write ``model.safetensors`` and, last, ``model.json`` with its hash and `about`."""
        digest = files.dump_weights(self.network.state_dict(), folder / "model.safetensors")
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
        """Read a saved detector; its weights must match their hash."""
        card = store.read_json(folder / "model.json")
        weights = files.load_weights(folder / "model.safetensors", card["sha256"])
        detector = cls(cls.Settings(**card["settings"]), LogMel(**card["features"]))
        detector.network.load_state_dict(weights)
        detector.network.eval()
        detector.threshold = float(card["threshold"])
        detector._initialised = True
        return detector


def _probabilities(network: Any, windows: Dataset[Any]) -> np.ndarray:
    loader = torch.utils.data.DataLoader(windows, batch_size=32)
    with torch.inference_mode():
        parts = [torch.sigmoid(network(mels)) for mels, _ in loader]
    return torch.cat(parts).double().numpy()
