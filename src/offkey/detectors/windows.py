"""Log-mel windows of variants as torch data sets, shared by the networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset

from offkey.core import seeding
from offkey.features.variants import Variant


class RandomWindows(Dataset[Any]):
    """One random crop per clip; which one follows from (seed, clip, variant, epoch).

    Parameters
    ----------
    variants : sequence of Variant
    seed, epoch : int
    share : float
        Length of a crop as a share of the analysis window.
    """

    def __init__(
        self, variants: Sequence[Variant], seed: int, epoch: int, share: float = 1.0
    ) -> None:
        self.places = [(variant, row) for variant in variants for row in range(len(variant))]
        self.seed, self.epoch, self.share = seed, epoch, share

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        variant, row = self.places[index]
        mel = variant.rows(row)
        clip = variant.clips.iloc[row]
        name = (clip["clip_id"], variant.condition.variant, "window", str(self.epoch))
        size = round(self.share * variant.features.window_frames)
        start = int(seeding.rng(self.seed, *name).integers(0, len(mel) - size + 1))
        return _item(mel[start : start + size], clip["target"])


class AllWindows(Dataset[Any]):
    """Every analysis window of every clip, in order."""

    def __init__(self, variants: Sequence[Variant]) -> None:
        self.places = [
            (variant, row, window)
            for variant in variants
            for row, count in enumerate(variant.clips["n_windows"])
            for window in range(count)
        ]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        variant, row, window = self.places[index]
        return _item(variant.windows(row)[window], variant.clips["target"].iat[row])

    def owners(self) -> np.ndarray:
        """Clip number of every window."""
        return np.array([row for _, row, _ in self.places])


def _item(mel: np.ndarray, target: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.from_numpy(mel.astype(np.float32)), torch.tensor(float(target))
