"""Training regimes: which variants a detector learns from, and in which order.

``clean`` and ``retrained`` train on one variant, ``joint`` on several at once, ``augmented`` on
many random draws, ``iterative`` on one variant after another. A trained detector is kept under the
fingerprint of everything that made it, so a notebook that asks for the same one gets it without
training.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey import detectors, seeding, store
from offkey.errors import BadInput, unknown
from offkey.manifest import KEYS
from offkey.perturbations import Condition
from offkey.variants import Variant

RECIPE = 1
REGIMES = ("clean", "retrained", "joint", "augmented")


def train(
    detector: Any,
    variants: Sequence[Variant],
    folder: Path,
    *,
    seed: int,
    name: str,
    start: str = "",
    replay: Sequence[Variant] = (),
) -> tuple[Any, pd.DataFrame]:
    """Train a detector on the train split of `variants`, or take the one that stands there.

    Parameters
    ----------
    detector : detector
        New, or with the weights to start from.
    variants : sequence of Variant
        What to learn; their validation split stops the training and fixes the threshold.
    folder : Path
        Where models are kept.
    seed : int
    name : str
        Readable first part of the model's folder, e.g. ``"resnet-demo-clean-seed0"``.
    start : str
        Fingerprint of the weights started from; empty for a new detector.
    replay : sequence of Variant
        Training clips of earlier stages, mixed in.

    Returns
    -------
    detector : detector
        Trained; its ``fingerprint`` and ``folder`` attributes name it.
    history : DataFrame
        Losses per epoch.
    """
    learn = [variant.select("train") for variant in variants]
    check = [variant.select("val") for variant in variants]
    for part, split in ((learn, "train"), (check, "val")):
        for variant in part:
            if variant.clips["target"].nunique() < 2:
                raise BadInput(
                    f"variant '{variant.condition.variant}' has no clips of both classes in split "
                    f"'{split}': training needs AI and human clips in each; add clips or tracks."
                )
    content = [variant.fingerprint for variant in (*learn, *check, *replay)]
    mark = store.fingerprint(RECIPE, detector.identity(), content, seed, start)
    place = folder / f"{name}-{mark}"
    if not (place / "model.json").is_file():
        checkpoint = place / "checkpoint.safetensors"
        history = detector.fit(
            [*learn, *replay], check, seed=seed, checkpoint=checkpoint, label=f"training {name}"
        )
        store.write_table(history, place / "history.parquet")
        detector.save(
            place, fingerprint=mark, trained_on=[v.condition.variant for v in variants], seed=seed
        )
        checkpoint.unlink(missing_ok=True)
    trained = detectors.load(place)
    trained.fingerprint, trained.folder = mark, place
    return trained, store.read_table(place / "history.parquet")


def iterative(
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


Trained = dict[int, tuple[Any, pd.DataFrame]]
"""Per seed the detector and its losses."""


def described(regime: str, learnt: Sequence[Condition]) -> str:
    """Name what a regime learns from, as ``train_variant`` has it.

    Raises
    ------
    BadInput
        The regime is unknown, or does not go with so many variants.
    """
    if regime not in REGIMES:
        raise unknown("regime", regime, REGIMES)
    names = [condition.variant for condition in learnt]
    single = {"clean": names == ["clean"], "retrained": len(names) == 1 and names != ["clean"]}
    if not single.get(regime, len(names) > 1):
        raise BadInput(
            f"regime '{regime}' does not go with train_variants {', '.join(names) or 'none'}: "
            "'clean' learns from clean, 'retrained' from one edit, 'joint' and 'augmented' from "
            "several variants."
        )
    return names[0] if regime in single else regime


def train_seeds(
    detector: tuple[str, dict[str, Any]],
    variants: Sequence[Variant],
    folder: Path,
    *,
    seeds: Sequence[int],
    name: str,
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
    """:func:`iterative` from the detector of every seed, each stage tested on everything.

    Parameters
    ----------
    base : Trained
        Stage ``0 clean``.
    stages, folder, name, **how
        See :func:`iterative`.
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
        later = iterative(model, stages, folder, seed=seed, name=f"{name}-seed{seed}", **how)
        learnt = ["clean", *(variant.condition.variant for variant in stages.values())]
        passed = [("0 clean", model, history), *later]
        for variant, (stage, trained, history_of) in zip(learnt, passed, strict=True):
            about = {"regime": regime, "stage": stage, "train_variant": variant}
            tables.append(predict(trained, heard, seed=seed, **about))
            losses.append(history_of.assign(stage=stage, seed=seed))
    return pd.concat(tables, ignore_index=True), pd.concat(losses, ignore_index=True)


def predict(
    detector: Any,
    variants: Sequence[Variant],
    *,
    regime: str,
    train_variant: str,
    seed: int,
    stage: str = "",
) -> pd.DataFrame:
    """Score the clips of `variants`: the predictions table, one row per clip and variant."""
    tables = []
    for variant in variants:
        score = detector.predict_proba(variant)
        tables.append(
            variant.clips[KEYS].assign(
                **variant.condition.columns(),
                detector=detector.NAME,
                regime=regime,
                stage=stage,
                train_variant=train_variant,
                seed=seed,
                score=np.round(score, 7),
                threshold=detector.threshold,
                model_fingerprint=detector.fingerprint,
                data_fingerprint=variant.fingerprint,
                feature_fingerprint=store.fingerprint(variant.features.identity()),
            )
        )
    return pd.concat(tables, ignore_index=True)
