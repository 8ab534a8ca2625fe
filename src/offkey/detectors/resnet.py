"""ResNet18 on log-mels (He et al. 2016; the original study's detector).

One input channel by default, trained from scratch or from a file; or three channels with
torchvision's ImageNet weights. The whole network or its head alone is trained; with the head alone
the backbone stays in evaluation mode and its features are computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors import devices, training
from offkey.detectors.mel import MelDetector, MelSettings
from offkey.detectors.melnet import HeadOnly, MelNet
from offkey.detectors.weights import imagenet_state
from offkey.detectors.windows import all_windows, targets

if TYPE_CHECKING:
    import pandas as pd

    from offkey.features.variants import Variant


@dataclass(frozen=True)
class ResNetSettings(MelSettings):
    """Settings of the ResNet18 detector; the others are :class:`MelSettings`'.

    Attributes
    ----------
    weights : str
        ``none`` (from scratch), ``imagenet``, or the path of a safetensors or torchvision file.
    channels : int
        1, or 3 (the log-mel repeated, with ImageNet's mean and deviation).
    train : str
        ``all`` or ``head``.
    """

    weights: str = "none"
    channels: int = 1
    train: str = "all"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.train not in ("all", "head"):
            raise BadInput(f"train must be 'all' or 'head', not '{self.train}'.")
        if self.channels not in (1, 3):
            raise BadInput(f"channels must be 1 or 3, not {self.channels}.")
        if self.weights == "imagenet" and self.channels != 3:
            raise BadInput("weights 'imagenet' need channels: 3.")


class ResNetDetector(MelDetector):
    """P(AI) from a ResNet18 on log-mels."""

    NAME = "resnet"
    RECIPE = 2
    Settings = ResNetSettings

    def _build(self) -> MelNet:
        return MelNet(self.settings.channels, self.features.n_mels)

    def reset_head(self, seed: int) -> None:
        """Replace the head by a fresh one; the next :meth:`fit` makes an optimiser for it."""
        torch.manual_seed(seeding.integer(seed, "head"))
        self.network.head = nn.Linear(self.network.n_features, 1)

    def _learn(
        self, train: Sequence[Variant], val: Sequence[Variant], *, seed: int, **options: Any
    ) -> pd.DataFrame:
        for parameter in self.network.backbone.parameters():
            parameter.requires_grad = self.settings.train == "all"
        if self.settings.train == "all":
            return super()._learn(train, val, seed=seed, **options)
        head, learnt = HeadOnly(self.network.head), self._cached(train)
        checked = self._cached(val)
        return training.fit(
            head, lambda epoch: learnt, checked, self.settings, seed=seed, **options
        )

    def _initialise(self, seed: int) -> None:
        super()._initialise(seed)
        if self.settings.weights == "imagenet":
            from torchvision.models import ResNet18_Weights

            self.network.backbone.load_state_dict(imagenet_state(ResNet18_Weights.IMAGENET1K_V1))
        elif self.settings.weights != "none":
            self._load_weights(Path(self.settings.weights))

    def _load_weights(self, path: Path) -> None:
        import safetensors.torch

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

    def _prepare(self, train: Sequence[Variant]) -> None:
        mels = [variant.rows(row) for variant in train for row in range(len(variant))]
        frames = np.concatenate(mels).astype(np.float32)
        self.network.band_mean = torch.from_numpy(frames.mean(axis=0))
        self.network.band_std = torch.from_numpy(np.maximum(frames.std(axis=0), 1.0))

    def _cached(self, variants: Sequence[Variant]) -> TensorDataset:
        windows, owners = all_windows(variants)
        inputs = devices.outputs(self.network, windows, self.network.features)
        return TensorDataset(inputs.clone(), targets(variants)[owners])
