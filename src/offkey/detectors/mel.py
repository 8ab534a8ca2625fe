"""What the networks on log-mels share: windows, training, probabilities, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import nn

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors import devices, files, training
from offkey.detectors.base import Detector, Windows
from offkey.detectors.windows import RandomWindows
from offkey.features import LogMel

if TYPE_CHECKING:
    import pandas as pd

    from offkey.features.variants import Variant


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


class MelDetector(Detector):
    """P(AI) from a network on log-mel windows; a subclass says which network.

    Attributes
    ----------
    network : Module
        Log-mels in dB of shape (batch, frames, n_mels) in, logits of shape (batch,) out; its
        method ``features`` gives what goes into its last layer, shape (batch, d).
    """

    Settings: ClassVar[type[MelSettings]]
    Features = LogMel

    def __init__(self, settings: Any, features: LogMel | None = None) -> None:
        super().__init__(settings, features)
        self.network: Any = self._build()
        self._initialised = False

    def _build(self) -> nn.Module:
        """The network, untrained."""
        raise NotImplementedError

    def _prepare(self, train: Sequence[Variant]) -> None:
        """What the network has to know of the training clips before it learns."""

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        about = super().identity()
        return {**about, "recipe": [*about["recipe"], training.RECIPE]}

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Train, from the present weights if there are any; see :meth:`Detector.fit`."""
        if not self._initialised:
            self.features = train[0].features
            self._initialise(seed)
            self._prepare(train)
        options = {"checkpoint": checkpoint, "label": label or self.NAME}
        history = self._learn(train, val, seed=seed, **options)
        self._settle(train, val)
        return history

    def _initialise(self, seed: int) -> None:
        torch.manual_seed(seeding.integer(seed, "weights"))
        self.network = self._build()
        self._initialised = True

    def _learn(
        self, train: Sequence[Variant], val: Sequence[Variant], *, seed: int, **options: Any
    ) -> pd.DataFrame:
        share = self.settings.crop_share
        windows = RandomWindows(train, seed, share)
        return training.fit(
            self.network,
            lambda epoch: windows.epoch(epoch, self._heard(len(windows), seed, epoch)),
            RandomWindows(val, seed, share).epoch(0),  # always the same crops
            self.settings,
            seed=seed,
            **options,
        )

    def _heard(self, n: int, seed: int, epoch: int) -> list[int] | None:
        """Which of `n` clips are heard in an epoch; None for all."""
        if self.settings.epoch_share == 1:
            return None
        order = seeding.rng(seed, "heard", str(epoch)).permutation(n)
        return [int(i) for i in order[: round(self.settings.epoch_share * n)]]

    def items(self, rows: np.ndarray, n_windows: int) -> Windows:
        """The analysis windows of a clip; see :meth:`Detector.items`."""
        size = self.features.window_frames
        return np.asarray(rows[: n_windows * size].reshape(n_windows, size, self.features.n_mels))

    def score(self, windows: Windows) -> np.ndarray:
        """P(AI) per window; see :meth:`Detector.score`."""
        network = self.network.eval()
        if len(windows) > devices.BATCH:
            from torch.fx.experimental.optimization import fuse

            # batch normalisation folded into the convolutions: half as fast again on a processor,
            # and worth its 50 ms where more than a few windows are judged
            network = fuse(network)
        logits = devices.outputs(network, windows)
        return torch.sigmoid(logits).double().numpy()

    def embed(self, windows: Windows) -> np.ndarray:
        """What goes into the last layer, float32; see :meth:`Detector.embed`."""
        return devices.outputs(self.network, windows, self.network.features).numpy()

    def _dump(self, folder: Path) -> str:
        return files.dump_weights(self.network.state_dict(), folder / "model.safetensors")

    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:
        weights = files.load_weights(folder / "model.safetensors", card["sha256"])
        self.network.load_state_dict(weights)
        self.network.eval()
        self._initialised = True
