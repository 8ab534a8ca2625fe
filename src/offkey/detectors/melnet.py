"""The network of the ResNet detector: log-mel in, one logit out."""

from __future__ import annotations

import torch
from torch import nn

from offkey.detectors.resnet18 import WIDTHS, ResNet18

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class MelNet(nn.Module):
    """Normalisation, backbone and a head with one logit.

    Input: log-mels in dB, shape (batch, frames, n_mels). Output: logits, shape (batch,).
    """

    band_mean: torch.Tensor
    band_std: torch.Tensor

    def __init__(self, channels: int, n_mels: int) -> None:
        super().__init__()
        self.channels = channels
        self.register_buffer("band_mean", torch.full((n_mels,), -40.0))
        self.register_buffer("band_std", torch.full((n_mels,), 20.0))
        self.n_features = WIDTHS[-1]
        self.backbone = ResNet18(channels).to(memory_format=torch.channels_last)
        self.head = nn.Linear(self.n_features, 1)

    def images(self, mels: torch.Tensor) -> torch.Tensor:
        """Normalised pictures, shape (batch, channels, n_mels, frames)."""
        if self.channels == 1:
            pictures = ((mels - self.band_mean) / self.band_std).transpose(1, 2)[:, None]
        else:
            grey = (mels / 80 + 1).transpose(1, 2)[:, None].expand(-1, 3, -1, -1)
            mean = grey.new_tensor(_IMAGENET_MEAN)[:, None, None]
            std = grey.new_tensor(_IMAGENET_STD)[:, None, None]
            pictures = (grey - mean) / std
        return pictures.contiguous(memory_format=torch.channels_last)

    def features(self, mels: torch.Tensor) -> torch.Tensor:
        """Backbone output, shape (batch, 512)."""
        out: torch.Tensor = self.backbone(self.images(mels))
        return out

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(mels))[:, 0]
        return logits


class HeadOnly(nn.Module):
    """The head alone, on cached backbone features."""

    def __init__(self, head: nn.Linear) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(features)[:, 0]
        return logits
