"""Log-mel windows of variants, stacked for the networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.data import TensorDataset

from offkey.core import seeding

if TYPE_CHECKING:
    from offkey.features.variants import Variant


class RandomWindows:
    """One random crop per clip; which one follows from (seed, clip, variant, epoch).

    What a clip is called and where its rows are is looked up once, not in every epoch.

    Parameters
    ----------
    variants : sequence of Variant
    seed : int
    share : float
        Length of a crop as a share of the analysis window.
    """

    def __init__(self, variants: Sequence[Variant], seed: int, share: float = 1.0) -> None:
        self.seed = seed
        self._rows = [variant.rows(row) for variant in variants for row in range(len(variant))]
        self._names = [
            (clip_id, variant.condition.variant)
            for variant in variants
            for clip_id in variant.clips["clip_id"]
        ]
        self._sizes = [
            size
            for variant in variants
            for size in [round(share * variant.features.window_frames)] * len(variant)
        ]
        self._targets = targets(variants)

    def __len__(self) -> int:
        return len(self._rows)

    def epoch(self, epoch: int, chosen: Sequence[int] | None = None) -> TensorDataset:
        """The crops of one epoch, float16 of shape (n, frames, n_mels), and their targets.

        Parameters
        ----------
        epoch : int
        chosen : sequence of int, optional
            Numbers of the clips to take; by default all.
        """
        numbers = list(range(len(self)) if chosen is None else chosen)
        # in one order of memory, on which last bits depend, whatever that of the shards is
        crops = np.ascontiguousarray(np.stack([self._crop(number, epoch) for number in numbers]))
        return TensorDataset(torch.from_numpy(crops), self._targets[numbers])

    def _crop(self, number: int, epoch: int) -> np.ndarray:
        rows, size = self._rows[number], self._sizes[number]
        rng = seeding.rng(self.seed, *self._names[number], "window", str(epoch))
        start = int(rng.integers(0, len(rows) - size + 1))
        return rows[start : start + size]


def all_windows(variants: Sequence[Variant]) -> tuple[torch.Tensor, np.ndarray]:
    """Every analysis window of every clip, in order.

    Returns
    -------
    windows : Tensor of float16, shape (n_windows, frames, n_mels)
    owners : ndarray of int, shape (n_windows,)
        Clip number of each, counted through all variants.
    """
    found = [variant.windows(row) for variant in variants for row in range(len(variant))]
    owners = np.repeat(np.arange(len(found)), [len(windows) for windows in found])
    return torch.from_numpy(np.ascontiguousarray(np.concatenate(found))), owners


def targets(variants: Sequence[Variant]) -> torch.Tensor:
    """1 for AI and 0 for human, float32, of every clip of all variants in order."""
    known = np.concatenate([variant.clips["target"].to_numpy() for variant in variants])
    return torch.from_numpy(known.astype(np.float32))
