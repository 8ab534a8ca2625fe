"""ResNet18 (He et al. 2016), with the names, shapes and first weights of torchvision's.

Torchvision's own stands beside sixty other models and a compiler, which take longer to import than
a song takes to be judged. A test compares both, weights and answers.
"""

from __future__ import annotations

import torch
from torch import nn

WIDTHS = (64, 128, 256, 512)


class ResNet18(nn.Module):
    """Pictures of shape (batch, channels, height, width) in, features of shape (batch, 512) out."""

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        before = 64
        for number, width in enumerate(WIDTHS, start=1):
            first = Block(before, width, stride=1 if number == 1 else 2)
            setattr(self, f"layer{number}", nn.Sequential(first, Block(width, width)))
            before = width
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        # not kept: torchvision draws a classification layer here, before it starts the convolutions
        nn.Linear(512, 1000)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        if channels != 3:
            self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        found = self.maxpool(self.relu(self.bn1(self.conv1(pictures))))
        for number in range(1, len(WIDTHS) + 1):
            found = getattr(self, f"layer{number}")(found)
        return torch.flatten(self.avgpool(found), 1)


class Block(nn.Module):
    """Two convolutions and a way around them."""

    def __init__(self, before: int, width: int, stride: int = 1) -> None:
        super().__init__()
        around: nn.Module | None = None
        if stride != 1 or before != width:  # drawn first, as torchvision does
            around = nn.Sequential(
                nn.Conv2d(before, width, 1, stride=stride, bias=False), nn.BatchNorm2d(width)
            )
        self.conv1 = nn.Conv2d(before, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = around

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        around = pictures if self.downsample is None else self.downsample(pictures)
        found = self.relu(self.bn1(self.conv1(pictures)))
        out: torch.Tensor = self.relu(self.bn2(self.conv2(found)) + around)
        return out
