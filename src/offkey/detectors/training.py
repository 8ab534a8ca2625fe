"""The torch loop: seeded, checkpointed between epochs, resumable to the same bits.

Everything random in epoch *k* follows from (seed, k), so a run that was killed and started again
ends with the weights of one that was not, given the same number of threads. Checkpoints are
safetensors with the history as metadata; no pickle is written or read.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, TensorDataset

from offkey.core import progress, seeding, store
from offkey.core.errors import BadInput

if TYPE_CHECKING:  # what only a training needs, judging a file shall not wait for
    import pandas as pd
    from accelerate import Accelerator

RECIPE = 2


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Attributes
    ----------
    epochs : int
        At most this many passes.
    batch_size : int
    learning_rate : float
        Peak of the one-cycle schedule, or the rate throughout.
    rate : str
        ``one_cycle`` or ``constant``.
    weight_decay : float
        Of AdamW.
    label_smoothing : float
        Targets are moved this far towards one half, against overconfidence.
    patience : int
        Stop after this many epochs without a better validation loss; 0 never stops early.
    keep : str
        Weights of which epoch: ``best`` (lowest validation loss), or ``last``, which then is always
        reached. Where validation clips are of families that were not trained on, their loss rises
        with the confidence of wrong answers while the ranking still gets better.
    """

    epochs: int = 12
    batch_size: int = 16
    learning_rate: float = 1e-3
    rate: str = "one_cycle"
    weight_decay: float = 0.01
    label_smoothing: float = 0.1
    patience: int = 5
    keep: str = "best"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0 or self.patience < 0:
            raise BadInput(
                f"training schedule {asdict(self)}: epochs and batch_size must be at least 1, "
                "learning_rate positive, patience at least 0."
            )
        if self.rate not in ("one_cycle", "constant"):
            raise BadInput(f"rate must be 'one_cycle' or 'constant', not '{self.rate}'.")
        if self.keep not in ("best", "last"):
            raise BadInput(f"keep must be 'best' or 'last', not '{self.keep}'.")


EpochData = Callable[[int], TensorDataset]


def fit(
    network: nn.Module,
    train: EpochData,
    val: TensorDataset,
    schedule: Schedule,
    *,
    seed: int,
    checkpoint: Path | None = None,
    checkpoint_every_s: float = 20.0,
    label: str = "training",
) -> pd.DataFrame:
    """Train a network with one logit to tell AI (1) from human (0).

    Parameters
    ----------
    network : Module
        Trained in place; only parameters with ``requires_grad`` move.
    train : callable
        ``train(epoch)`` gives the inputs (of any float type) and targets of that epoch, which are
        moved to the device at once.
    val : TensorDataset
        Inputs and targets.
    schedule : Schedule
    seed : int
    checkpoint : Path, optional
        Written after an epoch; picked up if it stands there already.
    checkpoint_every_s : float
        Not written more often than this (s): it holds every weight four times.
    label : str
        What the progress bar says.

    Returns
    -------
    DataFrame
        ``epoch, train_loss, val_loss``.
    """
    import pandas as pd
    from accelerate import Accelerator

    accelerator = Accelerator()
    # made here, from the parameters that are there now: an optimiser never outlives a layer
    moving = [p for p in network.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        moving, lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True
    )
    network, optimiser = accelerator.prepare(network, optimiser)
    inner = accelerator.unwrap_model(network)
    state = _State.resume(checkpoint, inner, optimiser, accelerator.device)
    bar = progress.bar(total=schedule.epochs, initial=state.epochs_done, desc=label, unit="epoch")
    saved = time.monotonic()
    val = _moved(val, accelerator.device)
    with bar:
        while not state.finished(schedule):
            epoch = state.epochs_done
            loader = _loader(_moved(train(epoch), accelerator.device), schedule, seed, epoch)
            train_loss = _epoch(accelerator, network, optimiser, loader, schedule, seed, epoch)
            val_loss = _validate(network, val, schedule)
            if not math.isfinite(train_loss + val_loss):
                raise BadInput(
                    f"{label}: the loss is not finite in epoch {epoch}; "
                    f"lower learning_rate (now {schedule.learning_rate:g})."
                )
            state.record(inner, train_loss, val_loss)
            due = time.monotonic() - saved >= checkpoint_every_s
            if checkpoint is not None and due and accelerator.is_main_process:
                state.save(checkpoint, inner, optimiser)
                saved = time.monotonic()
            bar.update()
            bar.set_postfix(train=f"{train_loss:.3f}", val=f"{val_loss:.3f}")
    if schedule.keep == "best":
        inner.load_state_dict(state.best)
    inner.to("cpu").eval()
    return pd.DataFrame(state.history)


def _moved(data: TensorDataset, device: torch.device) -> TensorDataset:
    return TensorDataset(*(tensor.to(device) for tensor in data.tensors))


def _loader(data: TensorDataset, schedule: Schedule, seed: int, epoch: int) -> DataLoader[Any]:
    """Whole batches by one look-up each, in the order of the seed and the epoch."""
    order = torch.Generator().manual_seed(seeding.integer(seed, "order", str(epoch)))
    # one item left over would make batch normalisation fail
    drop = len(data) % schedule.batch_size == 1 and len(data) > 1
    shuffled = RandomSampler(data, generator=order)
    batches = BatchSampler(shuffled, schedule.batch_size, drop_last=drop)
    return DataLoader(data, batch_size=None, sampler=batches, generator=order)


def _epoch(
    accelerator: Accelerator,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    loader: DataLoader[Any],
    schedule: Schedule,
    seed: int,
    epoch: int,
) -> float:
    torch.manual_seed(seeding.integer(seed, "epoch", str(epoch)))
    network.train()
    losses, counts = [], []
    for step, (inputs, targets) in enumerate(loader):
        progress = (epoch + step / len(loader)) / schedule.epochs
        for group in optimiser.param_groups:
            group["lr"] = _rate(schedule, progress)
        optimiser.zero_grad()
        loss = _loss(network(inputs.float()), targets, schedule)
        accelerator.backward(loss)
        optimiser.step()
        losses.append(loss.detach())
        counts.append(len(targets))
    return _mean(losses, counts)


def _mean(losses: list[torch.Tensor], counts: list[int]) -> float:
    """Mean loss per item; read once, so that the device need not wait after every batch."""
    values = torch.stack(losses).tolist()
    return sum(loss * n for loss, n in zip(values, counts, strict=True)) / sum(counts)


def _loss(logits: torch.Tensor, targets: torch.Tensor, schedule: Schedule) -> torch.Tensor:
    soft = targets * (1 - schedule.label_smoothing) + schedule.label_smoothing / 2
    return nn.functional.binary_cross_entropy_with_logits(logits, soft)


def _validate(network: nn.Module, val: TensorDataset, schedule: Schedule) -> float:
    network.eval()
    losses, counts = [], []
    with torch.inference_mode():
        for inputs, targets in zip(*(part.split(32) for part in val.tensors), strict=True):
            losses.append(_loss(network(inputs.float()), targets, schedule))
            counts.append(len(targets))
    return _mean(losses, counts)


def _rate(schedule: Schedule, progress: float) -> float:
    """Constant, or one cycle: cosine up over the first quarter, then down to 1 % of the peak."""
    warm = 0.25
    if schedule.rate == "constant":
        return schedule.learning_rate
    if progress < warm:
        share = 0.04 + 0.96 * (1 - math.cos(math.pi * progress / warm)) / 2
    else:
        share = 0.01 + 0.99 * (1 + math.cos(math.pi * (progress - warm) / (1 - warm))) / 2
    return schedule.learning_rate * share


class _State:
    """Progress of one training: history, best weights, and their file."""

    def __init__(self) -> None:
        self.history: list[dict[str, float]] = []
        self.best: dict[str, torch.Tensor] = {}

    @property
    def epochs_done(self) -> int:
        return len(self.history)

    def finished(self, schedule: Schedule) -> bool:
        losses = [row["val_loss"] for row in self.history]
        since_best = len(losses) - 1 - losses.index(min(losses)) if losses else 0
        hopeful = schedule.keep == "last" or not schedule.patience
        stale = not hopeful and since_best >= schedule.patience
        return self.epochs_done >= schedule.epochs or stale

    def record(self, network: nn.Module, train_loss: float, val_loss: float) -> None:
        if not self.history or val_loss < min(row["val_loss"] for row in self.history):
            self.best = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}
        self.history.append(
            {"epoch": self.epochs_done + 1, "train_loss": train_loss, "val_loss": val_loss}
        )

    def save(self, path: Path, network: nn.Module, optimiser: Any) -> None:
        tensors = {f"now/{k}": v for k, v in network.state_dict().items()}
        tensors |= {f"best/{k}": v for k, v in self.best.items()}
        for index, slots in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser/{index}/{slot}": value for slot, value in slots.items()}
        tensors = {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()}
        import safetensors.torch

        with store.writing(path) as partial:
            safetensors.torch.save_file(
                tensors, str(partial), metadata={"history": json.dumps(self.history)}
            )

    @classmethod
    def resume(cls, path: Path | None, network: nn.Module, optimiser: Any, device: Any) -> _State:
        import safetensors.torch

        state = cls()
        if path is None or not path.is_file():
            return state
        with safetensors.safe_open(str(path), "pt", device="cpu") as file:
            state.history = json.loads(file.metadata()["history"])
        tensors = safetensors.torch.load_file(str(path))
        network.load_state_dict(_under(tensors, "now"))
        state.best = _under(tensors, "best")
        memory: dict[int, dict[str, torch.Tensor]] = {}
        for name, value in _under(tensors, "optimiser").items():
            index, slot = name.split("/")
            memory.setdefault(int(index), {})[slot] = value.to(device)
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": memory, "param_groups": groups})
        return state


def _under(tensors: dict[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {k.removeprefix(f"{prefix}/"): v for k, v in tensors.items() if k.startswith(prefix)}
