"""One detector: train it or take the one that stands there, and let it predict."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey import detectors
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.core.manifest import KEYS
from offkey.detectors.trained import AI_OR_HUMAN
from offkey.features.variants import Variant
from offkey.protocols.regimes import regime_of

RECIPE = 1
VALIDATION = "validation.parquet"


def train(
    detector: Any,
    variants: Sequence[Variant],
    folder: Path,
    *,
    seed: int,
    name: str,
    start: str = "",
    replay: Sequence[Variant] = (),
    purpose: str = AI_OR_HUMAN,
) -> tuple[Any, pd.DataFrame]:
    """Train a detector on the train split of `variants`, or take the one that stands there.

    Where another process trains the same one, this one waits and takes its result.

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
    purpose : str
        What the detector is for, as :mod:`offkey.detectors.trained` has it; kept in its file.

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
    if not _is_trained(place):
        with store.waiting(place):
            if not _is_trained(place):  # nobody did it while this one waited
                checkpoint = place / "checkpoint.safetensors"
                start_s = time.monotonic()
                how = {"seed": seed, "checkpoint": checkpoint, "label": f"training {name}"}
                history = detector.fit([*learn, *replay], check, **how)
                seconds = round(time.monotonic() - start_s, 3)
                store.write_table(history, place / "history.parquet")
                store.write_table(detector.validation, place / VALIDATION)
                about = {"training_s": seconds, "seed": seed, **_told(learn, purpose, start)}
                detector.save(place, fingerprint=mark, **about)
                checkpoint.unlink(missing_ok=True)
    trained = detectors.load(place)
    trained.fingerprint, trained.folder = mark, place
    return trained, store.read_table(place / "history.parquet")


def _is_trained(place: Path) -> bool:
    return (place / "model.json").is_file()  # written last


def _told(learn: Sequence[Variant], purpose: str, start: str) -> dict[str, Any]:
    """What a model's file says of its training."""
    clips = pd.concat([variant.clips for variant in learn])
    return {
        "purpose": purpose,
        "regime": "iterative" if start else regime_of([part.condition for part in learn])[0],
        "trained_on": [variant.condition.variant for variant in learn],
        "dataset": ", ".join(sorted(clips["dataset"].unique())),
        "train_clips": len(clips),
    }


def predict(
    detector: Any,
    variants: Sequence[Variant],
    *,
    regime: str,
    train_variant: str,
    seed: int,
    stage: str = "",
) -> pd.DataFrame:
    """Score the clips of `variants`: the predictions table, one row per clip and variant.

    What a detector made of a variant is kept beside it: several notebooks ask the same.
    """
    about = {"regime": regime, "train_variant": train_variant, "seed": seed, "stage": stage}
    tables = [_table(detector, variant, _scores(detector, variant), about) for variant in variants]
    return pd.concat(tables, ignore_index=True)


def validation(
    detector: Any,
    learnt: Sequence[Variant],
    *,
    regime: str,
    train_variant: str,
    seed: int,
    stage: str = "",
) -> pd.DataFrame:
    """What fixed a detector's threshold: a predictions table of clips it was not fitted on.

    Parameters
    ----------
    detector : Detector
        Trained.
    learnt : sequence of Variant
        What it was trained on.
    """
    about = {"regime": regime, "train_variant": train_variant, "seed": seed, "stage": stage}
    kept = store.read_table(detector.folder / VALIDATION)
    tables = []
    for variant in learnt:
        own = kept[kept["variant"] == variant.condition.variant].set_index("clip_id")["score"]
        seen = variant.clips[variant.clips["clip_id"].isin(own.index)].assign(split="val")
        part = Variant(variant.condition, seen, variant.features, f"{variant.fingerprint}-val")
        tables.append(_table(detector, part, own[seen["clip_id"]].to_numpy(), about))
    return pd.concat(tables, ignore_index=True)


def _table(
    detector: Any, variant: Variant, score: np.ndarray, about: dict[str, Any]
) -> pd.DataFrame:
    return variant.clips[[*KEYS, "band_limited"]].assign(
        **variant.condition.columns(),
        detector=detector.NAME,
        **about,
        score=np.round(score, 7),
        threshold=detector.threshold,
        model_fingerprint=detector.fingerprint,
        data_fingerprint=variant.fingerprint,
        feature_fingerprint=store.fingerprint(variant.features.identity()),
    )


def _scores(detector: Any, variant: Variant) -> np.ndarray:
    place = detector.folder / "predictions" / f"{variant.content()}.parquet"
    if not place.is_file():
        store.write_table(pd.DataFrame({"score": detector.predict_proba(variant)}), place)
    return store.read_table(place)["score"].to_numpy()
