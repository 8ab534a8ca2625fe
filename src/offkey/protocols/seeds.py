"""The same training with several seeds and, where the clips are dealt into folds, in every fold.

With folds every clip is a test clip once, of a detector that met nothing of its group.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import detectors
from offkey.core import manifest
from offkey.detectors.trained import AI_OR_HUMAN
from offkey.features.variants import Variant
from offkey.protocols.single import predict, train, validation


@dataclass(frozen=True)
class Trained:
    """One trained detector of a comparison.

    Attributes
    ----------
    seed : int
    fold : int, optional
        The fold it has not met; None where there is one split.
    detector : Detector
    losses : DataFrame
    """

    seed: int
    fold: int | None
    detector: Any
    losses: pd.DataFrame

    @property
    def mark(self) -> str:
        """Of its folder's name."""
        return f"seed{self.seed}" if self.fold is None else f"seed{self.seed}-fold{self.fold}"

    def of(self, variants: Sequence[Variant]) -> list[Variant]:
        """What it is tested on: of clips in folds, its own fold."""
        if self.fold is None:
            return list(variants)
        return [
            variant.among(variant.clips[variant.clips["fold"] == self.fold]) for variant in variants
        ]

    def seen_by(self, variants: Sequence[Variant]) -> list[Variant]:
        """The variants with its own train, val and test."""
        if self.fold is None:
            return list(variants)
        return [variant.among(views(variant)[self.fold]) for variant in variants]


def views(variant: Variant) -> list[pd.DataFrame]:
    """The clips of a variant with train, val and test, per fold."""
    return manifest.views(variant.clips)


def train_seeds(
    detector: tuple[str, dict[str, Any]],
    variants: Sequence[Variant],
    folder: Path,
    *,
    seeds: Sequence[int],
    name: str,
    purpose: str = AI_OR_HUMAN,
) -> list[Trained]:
    """Train one new detector per seed and fold on `variants`; see :func:`train`.

    Parameters
    ----------
    detector : tuple of str and dict
        Its name and settings, as :func:`offkey.detectors.create` takes them.
    """
    kind, settings = detector
    several = variants[0].clips["fold"].nunique() > 1
    found = []
    for seed in seeds:
        for number in range(len(views(variants[0]))):
            one = Trained(seed, number if several else None, None, pd.DataFrame())
            learnt, losses = train(
                detectors.create(kind, **settings),
                one.seen_by(variants),
                folder,
                seed=seed,
                name=f"{name}-{one.mark}",
                purpose=purpose,
            )
            found.append(Trained(seed, one.fold, learnt, losses))
    return found


def histories(trained: Sequence[Trained]) -> pd.DataFrame:
    """Losses of every seed below each other, column ``seed``; the mean over the folds."""
    losses = pd.concat([one.losses.assign(seed=one.seed) for one in trained])
    return losses.groupby(["seed", "epoch"], as_index=False, sort=False).mean()


def predict_seeds(
    trained: Sequence[Trained], heard: Sequence[Variant], **about: str
) -> pd.DataFrame:
    """:func:`predict` for every seed and fold, one below the other."""
    return pd.concat(
        [predict(one.detector, one.of(heard), seed=one.seed, **about) for one in trained],
        ignore_index=True,
    )


def validation_seeds(
    trained: Sequence[Trained], learnt: Sequence[Variant], **about: str
) -> pd.DataFrame:
    """:func:`validation` for every seed and fold, one below the other; ``fold`` is the model's."""
    tables = []
    for one in trained:
        table = validation(one.detector, learnt, seed=one.seed, **about)
        tables.append(table if one.fold is None else table.assign(fold=one.fold))
    return pd.concat(tables, ignore_index=True)
