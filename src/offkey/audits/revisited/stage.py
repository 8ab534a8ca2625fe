"""A stage that trains nothing: the head is replaced, the optimiser still holds the old one.

In ``research_iterative_learning.ipynb`` the third and the fourth stage replace ``fc`` and list the
parameters to update anew, but the optimiser made for the first head goes on. The new head is never
moved; in the original only the running statistics of batch normalisation were.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from offkey.audits.revisited.rows import MENDED, PUBLISHED, clip_features, predictions
from offkey.core import seeding
from offkey.features.variants import Variant

LEARNING_RATE, BATCH_SIZE = 1e-3, 32  # the original's


def new_heads(
    detector: Any,
    learn: Variant,
    heard: Variant,
    *,
    n_heads: int = 5,
    epochs: int = 20,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give a trained detector a new head and train it on an edit, in the wrong order and the right.

    Parameters
    ----------
    detector : detector
        Trained; its backbone stays as it is and is not run in training mode.
    learn, heard : Variant
        Training clips and test clips of the stage.
    n_heads : int
        Random new heads; both ways start from the same ones.
    epochs : int
    seed : int

    Returns
    -------
    predictions : DataFrame
        Regimes ``published`` and ``mended``, one seed per head; called AI from 0.5 on, as the
        original called the class with the larger output.
    moved : DataFrame
        ``regime, head, largest_change`` of any weight of the head.
    """
    known, tested = (torch.from_numpy(clip_features(detector, part)) for part in (learn, heard))
    targets = torch.from_numpy(learn.clips["target"].to_numpy(np.float32))
    tables, moved = [], []
    for number in range(n_heads):
        for regime in (PUBLISHED, MENDED):
            head, change = train_head(
                detector.network.head,
                known,
                targets,
                remade=regime == MENDED,
                epochs=epochs,
                seed=seeding.integer(seed, "new head", str(number)),
            )
            with torch.inference_mode():
                score = torch.sigmoid(head(tested)[:, 0]).double().numpy()
            about: dict[str, Any] = {"detector": detector.NAME, "regime": regime, "seed": number}
            tables.append(predictions(heard.clips, heard.condition, score, **about))
            moved.append({"regime": regime, "head": number, "largest_change": change})
    return pd.concat(tables, ignore_index=True), pd.DataFrame(moved)


def train_head(
    old: nn.Linear,
    features: torch.Tensor,
    targets: torch.Tensor,
    *,
    remade: bool,
    epochs: int,
    seed: int,
) -> tuple[nn.Linear, float]:
    """Replace a head and train the new one; `remade` says whether the optimiser is made anew.

    Returns
    -------
    head : Linear
        The new head.
    change : float
        Largest absolute change of its weights by the training.
    """
    optimiser = torch.optim.Adam(copy.deepcopy(old).parameters(), lr=LEARNING_RATE)
    torch.manual_seed(seed)
    head = nn.Linear(old.in_features, 1)
    if remade:
        optimiser = torch.optim.Adam(head.parameters(), lr=LEARNING_RATE)
    before = [parameter.detach().clone() for parameter in head.parameters()]
    for _ in range(epochs):
        for rows in torch.randperm(len(features)).split(BATCH_SIZE):
            logits = head(features[rows])[:, 0]
            loss = nn.functional.binary_cross_entropy_with_logits(logits, targets[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    pairs = zip(head.parameters(), before, strict=True)
    return head, max(float((now.detach() - then).abs().max()) for now, then in pairs)
