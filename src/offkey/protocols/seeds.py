"""The same training with several seeds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import detectors
from offkey.detectors.trained import AI_OR_HUMAN
from offkey.features.variants import Variant
from offkey.protocols.single import predict, train

Trained = dict[int, tuple[Any, pd.DataFrame]]
"""Per seed the detector and its losses."""


def train_seeds(
    detector: tuple[str, dict[str, Any]],
    variants: Sequence[Variant],
    folder: Path,
    *,
    seeds: Sequence[int],
    name: str,
    purpose: str = AI_OR_HUMAN,
) -> Trained:
    """Train one new detector per seed on `variants`; see :func:`train`.

    Parameters
    ----------
    detector : tuple of str and dict
        Its name and settings, as :func:`offkey.detectors.create` takes them.
    """
    kind, settings = detector
    return {
        seed: train(
            detectors.create(kind, **settings),
            variants,
            folder,
            seed=seed,
            name=f"{name}-seed{seed}",
            purpose=purpose,
        )
        for seed in seeds
    }


def histories(trained: Trained) -> pd.DataFrame:
    """Losses of every seed below each other, column ``seed``."""
    return pd.concat([losses.assign(seed=seed) for seed, (_, losses) in trained.items()])


def predict_seeds(trained: Trained, heard: Sequence[Variant], **about: str) -> pd.DataFrame:
    """:func:`predict` for the detector of every seed, one below the other."""
    tables = [predict(model, heard, seed=seed, **about) for seed, (model, _) in trained.items()]
    return pd.concat(tables, ignore_index=True)
