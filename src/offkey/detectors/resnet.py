"""ResNet18 on log-mels (He et al. 2016; the original study's detector).

One input channel by default, trained from scratch or from a file; or three channels with
torchvision's ImageNet weights. The whole network or its head alone is trained; with the head alone
the backbone stays in evaluation mode and its features are computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import safetensors.torch
import torch
from torch import nn
from torch.utils.data import Dataset, Subset, TensorDataset
from torchvision.models import ResNet18_Weights

from offkey import audio, metrics, seeding, store, training
from offkey.detectors.melnet import HeadOnly, MelNet
from offkey.detectors.weights import imagenet_state
from offkey.detectors.windows import AllWindows, RandomWindows
from offkey.errors import BadInput
from offkey.features import LogMel
from offkey.variants import Variant

RECIPE = 2


@dataclass(frozen=True)
class ResNetSettings(training.Schedule):
    """Settings of the ResNet18 detector; the schedule's are :class:`offkey.training.Schedule`'s.

    Attributes
    ----------
    weights : str
        ``none`` (from scratch), ``imagenet``, or the path of a safetensors or torchvision file.
    channels : int
        1, or 3 (the log-mel repeated, with ImageNet's mean and deviation).
    train : str
        ``all`` or ``head``.
    crop_share : float
        Length of the random crops it trains on as a share of the analysis window: half the length
        takes half the time, and the traces looked for are in every moment.
    epoch_share : float
        Share of the training clips heard in one epoch, drawn anew each time: a quarter makes an
        epoch on four variants as long as one on a single variant.
    """

    weights: str = "none"
    channels: int = 1
    train: str = "all"
    crop_share: float = 1.0
    epoch_share: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.train not in ("all", "head"):
            raise BadInput(f"train must be 'all' or 'head', not '{self.train}'.")
        if not 0.1 <= self.crop_share <= 1:
            raise BadInput(f"crop_share must be between 0.1 and 1, not {self.crop_share:g}.")
        if not 0 < self.epoch_share <= 1:
            raise BadInput(f"epoch_share must be above 0 and at most 1, not {self.epoch_share:g}.")
        if self.channels not in (1, 3):
            raise BadInput(f"channels must be 1 or 3, not {self.channels}.")
        if self.weights == "imagenet" and self.channels != 3:
            raise BadInput("weights 'imagenet' need channels: 3.")


class ResNetDetector:
    """P(AI) from a ResNet18 on log-mels.

    Attributes
    ----------
    threshold : float
        Fixed on validation data by :meth:`fit`; at or above it a clip is called AI.
    """

    NAME = "resnet"
    Settings = ResNetSettings

    def __init__(self, settings: ResNetSettings, features: LogMel | None = None) -> None:
        self.settings = settings
        self.features = features or LogMel()
        self.threshold = 0.5
        self.network = MelNet(settings.channels, self.features.n_mels)
        self._initialised = False

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        recipe = [RECIPE, training.RECIPE]
        return {"name": self.NAME, "recipe": recipe, **asdict(self.settings)}

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "resnet",
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
            self._measure_bands(train)
        for parameter in self.network.backbone.parameters():
            parameter.requires_grad = self.settings.train == "all"
        options: dict[str, Any] = {"seed": seed, "checkpoint": checkpoint, "label": label}
        if self.settings.train == "all":
            history = training.fit(
                self.network,
                lambda epoch: self._epoch(train, seed, epoch),
                RandomWindows(val, seed, 0, self.settings.crop_share),  # always the same crops
                self.settings,
                **options,
            )
        else:
            cached = self._cached(train)
            head = HeadOnly(self.network.head)
            history = training.fit(
                head,
                lambda epoch: cached,
                self._cached(val),
                self.settings,
                **options,
            )
        targets = np.concatenate([variant.clips["target"].to_numpy() for variant in val])
        scores = np.concatenate([self.predict_proba(variant) for variant in val])
        self.threshold, _ = metrics.oracle_threshold(targets, scores)
        return history

    def reset_head(self, seed: int) -> None:
        """Replace the head by a fresh one; the next :meth:`fit` makes an optimiser for it."""
        torch.manual_seed(seeding.integer(seed, "head"))
        self.network.head = nn.Linear(self.network.n_features, 1)

    def predict_proba(self, variant: Variant) -> np.ndarray:
        """P(AI) per clip: the mean over its windows, shape (n_clips,), float64."""
        windows = AllWindows([variant])
        probability = self._probabilities(windows)
        owners = windows.owners()
        return np.bincount(owners, probability) / np.bincount(owners)

    def score_samples(self, samples: np.ndarray) -> float:
        """P(AI) of one recording of any length; shorter than a window is zero-padded.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)
            At the rate of the detector's ``features``.
        """
        size = self.features.window_samples
        n = max(1, len(samples) // size)
        mels = self.features(audio.fix_length(self.features.centre(samples, n), n * size))
        frames = self.features.window_frames
        windows = torch.from_numpy(mels)[: n * frames].reshape(n, frames, self.features.n_mels)
        return float(np.mean(self._probabilities(TensorDataset(windows, torch.zeros(n)))))

    def save(self, folder: Path, **about: Any) -> Path:
        """Write ``model.safetensors`` and, last, ``model.json`` with its hash and `about`."""
        weights = folder / "model.safetensors"
        with store.writing(weights) as partial:
            tensors = {k: v.contiguous() for k, v in self.network.state_dict().items()}
            safetensors.torch.save_file(tensors, str(partial))
        card = {
            "detector": self.NAME,
            "settings": asdict(self.settings),
            "features": asdict(self.features),
            "threshold": self.threshold,
            "sha256": store.file_sha256(weights),
            **about,
        }
        return store.write_json(folder / "model.json", card)

    @classmethod
    def load(cls, folder: Path) -> ResNetDetector:
        """Read a saved detector; its weights must match their hash."""
        card = store.read_json(folder / "model.json")
        weights = folder / "model.safetensors"
        if not weights.is_file() or store.file_sha256(weights) != card["sha256"]:
            raise BadInput(
                f"{weights} is missing or does not match the hash in model.json: "
                "delete the folder and train again."
            )
        detector = cls(ResNetSettings(**card["settings"]), LogMel(**card["features"]))
        detector.network.load_state_dict(safetensors.torch.load_file(str(weights)))
        detector.network.eval()
        detector.threshold = float(card["threshold"])
        detector._initialised = True
        return detector

    def _initialise(self, seed: int) -> None:
        torch.manual_seed(seeding.integer(seed, "weights"))
        self.network = MelNet(self.settings.channels, self.features.n_mels)
        if self.settings.weights == "imagenet":
            self.network.backbone.load_state_dict(imagenet_state(ResNet18_Weights.IMAGENET1K_V1))
        elif self.settings.weights != "none":
            self._load_weights(Path(self.settings.weights))
        self._initialised = True

    def _load_weights(self, path: Path) -> None:
        if not path.is_file():
            raise BadInput(
                f"weights '{path}' is not a file: use 'none', 'imagenet' or the path of a "
                ".safetensors file saved by this program."
            )
        try:
            self.network.load_state_dict(safetensors.torch.load_file(str(path)))
        except (safetensors.SafetensorError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            raise BadInput(f"weights {path} do not fit this network ({reason}).") from error

    def _measure_bands(self, train: Sequence[Variant]) -> None:
        mels = [variant.log_mel(row) for variant in train for row in range(len(variant))]
        frames = np.concatenate(mels).astype(np.float32)
        self.network.band_mean = torch.from_numpy(frames.mean(axis=0))
        self.network.band_std = torch.from_numpy(np.maximum(frames.std(axis=0), 1.0))

    def _probabilities(self, windows: Dataset[Any]) -> np.ndarray:
        self.network.eval()
        loader = torch.utils.data.DataLoader(windows, batch_size=32)
        with torch.inference_mode():
            parts = [torch.sigmoid(self.network(mels)) for mels, _ in loader]
        return torch.cat(parts).double().numpy()

    def _epoch(self, train: Sequence[Variant], seed: int, epoch: int) -> Dataset[Any]:
        windows = RandomWindows(train, seed, epoch, self.settings.crop_share)
        if self.settings.epoch_share == 1:
            return windows
        order = seeding.rng(seed, "heard", str(epoch)).permutation(len(windows))
        return Subset(windows, order[: round(self.settings.epoch_share * len(windows))].tolist())

    def _cached(self, variants: Sequence[Variant]) -> TensorDataset:
        self.network.eval()
        loader = torch.utils.data.DataLoader(AllWindows(variants), batch_size=32)
        with torch.inference_mode():
            parts = [(self.network.features(mels), targets) for mels, targets in loader]
        inputs = torch.cat([features for features, _ in parts]).clone()
        return TensorDataset(inputs, torch.cat([targets for _, targets in parts]))
