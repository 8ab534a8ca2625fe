"""Where a network computes: on the accelerator where there is one, else on the processor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

BATCH = 32
_AT_ONCE = 1 << 28
"""Bytes of windows sent to the device in one go."""


def device() -> torch.device:
    """The accelerator, or the processor."""
    found = torch.accelerator.current_accelerator(check_available=True)
    return found or torch.device("cpu")


@contextmanager
def placed(network: nn.Module) -> Iterator[torch.device]:
    """The network in evaluation mode on the device; afterwards it is back where it was."""
    before = next((p.device for p in network.parameters()), torch.device("cpu"))
    network.eval().to(device())
    try:
        yield device()
    finally:
        network.to(before)


def outputs(
    network: nn.Module,
    windows: torch.Tensor | np.ndarray | Sequence[np.ndarray],
    ask: Callable[[torch.Tensor], torch.Tensor] | None = None,
) -> torch.Tensor:
    """What a network says of windows, in batches of ``BATCH``; without gradients.

    Parameters
    ----------
    network : Module
    windows : Tensor of shape (n, n_frames, n_mels), or a sequence of n arrays
        Sent to the device in large parts, as they are, and made float32 there.
    ask : callable, optional
        What to call instead of the network, one of its methods.

    Returns
    -------
    Tensor
        On the processor, n along the first axis.
    """
    if not isinstance(windows, torch.Tensor):
        windows = torch.from_numpy(np.asarray(windows))
    bytes_each = max(1, windows[0].numel() * windows.element_size())
    part = max(1, _AT_ONCE // bytes_each // BATCH) * BATCH
    found = []
    with placed(network) as where, torch.inference_mode():
        for many in windows.split(part):
            for batch in many.to(where).split(BATCH):
                found.append((ask or network)(batch.float()))
        return torch.cat(found).cpu()
