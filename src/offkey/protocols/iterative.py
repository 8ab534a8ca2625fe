"""One variant after another, each stage from the weights of the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
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
    learnt: Sequence[Variant],
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
    learnt : sequence of Variant
        What `base` was trained on: the first that is replayed.
    head : str
        ``keep``, or ``reset`` to begin every stage with a fresh head (the original's way).
    replay_share : float
        Share of a stage's training clips that come from what was learnt before it, stage 0
        included, 0 ≤ share < 1; each earlier variant gives the same number. The clips of the stage
        itself are all used once an epoch, so a share of 0.5 doubles the epoch. Where there are
        fewer earlier clips than that, they are repeated within the epoch.
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
    if replay_share and not learnt:
        raise BadInput("replay_share needs what the first stage was trained on: give learnt.")
    seen = list(learnt)
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
    """Training clips of what was learnt before: `share` of all that the stage trains on.

    Every earlier variant gives as much as any other.
    """
    if not share:
        return []
    wanted = share / (1 - share) * len(variant.select("train")) / len(seen)
    parts = []
    for earlier in seen:
        learn = earlier.select("train")
        rng = seeding.rng(seed, "replay", variant.condition.variant, earlier.condition.variant)
        rows = _drawn(learn.clips, wanted / len(learn), rng)
        mark = store.fingerprint(learn.fingerprint, rows["clip_id"].tolist())
        parts.append(Variant(learn.condition, rows, learn.features, mark))
    return parts


def _drawn(clips: pd.DataFrame, times: float, rng: np.random.Generator) -> pd.DataFrame:
    """Every clip `times` over on average: whole tracks, the classes in proportion.

    Where more is wanted than there is, all tracks are taken again and again, and chance decides
    only about the last turn.
    """
    by_track = {str(track): list(rows) for track, rows in clips.groupby("track_id").indices.items()}
    kinds: dict[frozenset[int], list[str]] = {}
    for track, rows in sorted(by_track.items()):
        kinds.setdefault(frozenset(clips["target"].iloc[rows]), []).append(track)
    taken: list[int] = []
    for _, tracks in sorted(kinds.items(), key=lambda kind: sorted(kind[0])):
        turns, rest = divmod(round(times * len(tracks)), len(tracks))
        order = rng.permutation(len(tracks))
        for track in [*(tracks * turns), *(tracks[i] for i in order[:rest])]:
            taken += by_track[track]
    return clips.iloc[taken].reset_index(drop=True)


def iterative_seeds(
    base: Sequence[Trained],
    stages: Mapping[str, Variant],
    folder: Path,
    heard: Sequence[Variant],
    *,
    clean: Variant,
    name: str,
    regime: str = "iterative",
    **how: Any,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """:func:`train_stages` from the detector of every seed and fold, each stage tested.

    Parameters
    ----------
    base : sequence of Trained
        Stage ``0 clean``, of every seed and fold.
    clean : Variant
        What `base` was trained on.
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
    for one in base:
        own = dict(zip(stages, one.seen_by(list(stages.values())), strict=True))
        about: dict[str, Any] = {
            "seed": one.seed,
            "name": f"{name}-{one.mark}",
            "learnt": one.seen_by([clean]),
        }
        later = train_stages(one.detector, own, folder, **about, **how)
        learnt = ["clean", *(variant.condition.variant for variant in stages.values())]
        passed = [("0 clean", one.detector, one.losses), *later]
        for variant, (stage, trained, history_of) in zip(learnt, passed, strict=True):
            told = {"regime": regime, "stage": stage, "train_variant": variant}
            tables.append(predict(trained, one.of(heard), seed=one.seed, **told))
            losses.append(history_of.assign(stage=stage, seed=one.seed))
    return pd.concat(tables, ignore_index=True), pd.concat(losses, ignore_index=True)
