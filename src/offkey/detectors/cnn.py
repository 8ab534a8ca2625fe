"""Small convolutional networks on log-mels, after two student papers.

``four_blocks``: four convolution blocks with max pooling, global average pooling and two dense
layers with dropout, on log-mels standardised one by one; Adam at 1e-3, batches of 32, 20 epochs (a
detector of SONICS against GTZAN). ``three_blocks``: three blocks of convolution, batch
normalisation, ReLU and max pooling, dropout and two dense layers (spectrograms of FMA against AAM).
Their papers name no widths; those here are ours. Both hear the study's windows instead of the first
30 s, and no picture is drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from offkey.core.errors import BadInput
from offkey.detectors.mel import MelDetector, MelSettings

LAYOUTS = ("four_blocks", "three_blocks")


@dataclass(frozen=True)
class CnnSettings(MelSettings):
    """Settings of the small networks; the published ones by default.

    Attributes
    ----------
    layout : str
        ``four_blocks`` or ``three_blocks``.
    width : int
        Channels of the first block; every further block has twice as many.
    dropout : float
        Between the dense layers, 0 ≤ dropout < 1.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    rate: str = "constant"
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    patience: int = 0
    layout: str = "four_blocks"
    width: int = 16
    dropout: float = 0.3

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.layout not in LAYOUTS:
            raise BadInput(f"layout must be one of {', '.join(LAYOUTS)}, not '{self.layout}'.")
        if self.width < 1 or not 0 <= self.dropout < 1:
            raise BadInput(
                f"width must be at least 1 and dropout at least 0 and below 1, "
                f"not {self.width} and {self.dropout:g}."
            )


class CnnDetector(MelDetector):
    """P(AI) from a small convolutional network on log-mels."""

    NAME = "cnn"
    RECIPE = 1
    Settings = CnnSettings

    def _build(self) -> nn.Module:
        return SmallNet(self.settings)


class SmallNet(nn.Module):
    """Log-mels in dB of shape (batch, frames, n_mels) in, logits of shape (batch,) out."""

    def __init__(self, settings: CnnSettings) -> None:
        super().__init__()
        four = settings.layout == "four_blocks"
        self.alone = four  # each example to mean 0 and variance 1; else batches are normalised
        widths = [settings.width * 2**block for block in range(4 if four else 3)]
        blocks: list[nn.Module] = []
        for before, after in zip([1, *widths], widths, strict=False):
            blocks.append(nn.Conv2d(before, after, 3, padding=1))
            if not four:
                blocks.append(nn.BatchNorm2d(after))
            blocks += [nn.ReLU(), nn.MaxPool2d(2)]
        # pooled to a fixed size, so that windows of any length fit
        side = 1 if four else 4
        self.blocks = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(side), nn.Flatten())
        self.dense = nn.Sequential(
            nn.Dropout(settings.dropout),
            nn.Linear(widths[-1] * side**2, 64),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
        )
        self.head = nn.Linear(64, 1)

    def features(self, mels: torch.Tensor) -> torch.Tensor:
        """What goes into the last layer, shape (batch, 64)."""
        pictures = mels.transpose(1, 2)[:, None]
        if self.alone:
            mean = pictures.mean(dim=(1, 2, 3), keepdim=True)
            pictures = (pictures - mean) / (pictures.std(dim=(1, 2, 3), keepdim=True) + 1e-5)
        else:
            pictures = pictures / 40 + 1
        out: torch.Tensor = self.dense(self.blocks(pictures))
        return out

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.head(self.features(mels))[:, 0]
        return logits
