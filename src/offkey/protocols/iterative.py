"""One variant after another, each stage from the weights of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import detectors
from offkey.core import seeding, store
from offkey.core.errors import BadInput
from offkey.features.variants import Variant
from offkey.protocols.seeds import Trained
from offkey.protocols.single import predict, train


def train_stages(
    base: Any,
    stages: Mapping[str, Variant],
    folder: Path,
    *,
    seed: int,
    name: str,
    head: str = "keep",
    replay_share: float = 0.0,
    **settings: Any,
) -> Iterator[tuple[str, Any, pd.DataFrame]]:
    """Train one stage after another, each from the weights of the one before.

    Parameters
    ----------
    base : detector
        Trained; stage 0.
    stages : mapping of str to Variant
        What to learn next, in order.
    folder : Path
        Where models are kept.
    seed : int
    name : str
        Readable first part of the models' folders.
    head : str
        ``keep``, or ``reset`` to begin every stage with a fresh head (the original's way).
    replay_share : float
        Share of a stage's training clips that come from the stages before it, 0 ≤ share < 1.
    **settings
        Settings of the detector that differ in these stages, e.g. ``epochs=4, train="head"``.

    Yields
    ------
    stage : str
    detector : detector
        As trained up to here.
    history : DataFrame
    """
    if head not in ("keep", "reset"):
        raise BadInput(f"head must be 'keep' or 'reset', not '{head}'.")
    if not 0 <= replay_share < 1:
        raise BadInput(f"replay_share must be at least 0 and below 1, not {replay_share:g}.")
    seen: list[Variant] = []
    detector = base
    for stage, variant in stages.items():
        start = f"{detector.fingerprint}/{head}"
        detector = detectors.load(detector.folder)
        detector.settings = replace(detector.settings, **settings)
        if head == "reset":
            detector.reset_head(seeding.integer(seed, stage))
        detector, history = train(
            detector,
            [variant],
            folder,
            seed=seed,
            name=f"{name}-{variant.condition.variant}",
            start=start,
            replay=_replayed(seen, variant, replay_share, seed),
        )
        yield stage, detector, history
        seen.append(variant)


def _replayed(seen: Sequence[Variant], variant: Variant, share: float, seed: int) -> list[Variant]:
    """Whole tracks of earlier variants, so many that they make up `share` of the stage's clips."""
    if not seen or not share:
        return []
    wanted = share / (1 - share) / len(seen)
    parts = []
    for earlier in seen:
        learn = earlier.select("train")
        tracks = sorted(learn.clips["track_id"].unique())
        order = seeding.rng(seed, "replay", earlier.condition.variant).permutation(len(tracks))
        take = {tracks[i] for i in order[: max(1, round(wanted * len(tracks)))]}
        rows = learn.clips[learn.clips["track_id"].isin(take)].reset_index(drop=True)
        mark = store.fingerprint(learn.fingerprint, sorted(take))
        parts.append(Variant(learn.condition, rows, learn.features, mark))
    return parts


def iterative_seeds(
    base: Trained,
    stages: Mapping[str, Variant],
    folder: Path,
    heard: Sequence[Variant],
    *,
    name: str,
    regime: str = "iterative",
    **how: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """:func:`train_stages` from the detector of every seed, each stage tested on everything.

    Parameters
    ----------
    base : Trained
        Stage ``0 clean``.
    stages, folder, name, **how
        See :func:`train_stages`.
    heard : sequence of Variant
        What every stage is tested on.
    regime : str
        Name of this order and these settings in the tables; begins with ``iterative``.

    Returns
    -------
    predictions, histories : DataFrame
        With ``stage`` and ``seed``.
    """
    tables, losses = [], []
    for seed, (model, history) in base.items():
        later = train_stages(model, stages, folder, seed=seed, name=f"{name}-seed{seed}", **how)
        learnt = ["clean", *(variant.condition.variant for variant in stages.values())]
        passed = [("0 clean", model, history), *later]
        for variant, (stage, trained, history_of) in zip(learnt, passed, strict=True):
            about = {"regime": regime, "stage": stage, "train_variant": variant}
            tables.append(predict(trained, heard, seed=seed, **about))
            losses.append(history_of.assign(stage=stage, seed=seed))
    return pd.concat(tables, ignore_index=True), pd.concat(losses, ignore_index=True)
