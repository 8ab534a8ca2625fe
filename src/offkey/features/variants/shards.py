"""A few clips under some conditions become rows of features on disk: what a shard holds.

A shard is ``<name>.npy`` (all clips' rows one after another, log-mels as float16 of shape ``(sum of
frames, n_mels)``) and ``<name>.parquet`` (one row per clip). Its name says all that decides its
content: the clips' hashes, the numbers drawn for each, the code of the edit, of the features and of
this file, the settings, and the versions of the libraries that make the sound.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey import perturbations
from offkey.core import code, store
from offkey.features.window import Window
from offkey.perturbations import Condition, Source
from offkey.sound import audio

_OWN_CODE = "features/variants/shards.py"


def made_by(condition: Condition, features: Window) -> str:
    """Name what makes features of clips under a condition, whatever the clips."""
    own = code.fingerprint(*code.standing_on(_OWN_CODE, rooms=("features",)))
    return store.fingerprint(perturbations.recipe(condition), features.identity(), own)


def name(chunk: pd.DataFrame, condition: Condition, seed: int, made: str) -> str:
    """Name a shard of some clips; `made` is from :func:`made_by`."""
    clips = zip(chunk["clip_id"], chunk["sha256"], strict=True)
    return store.fingerprint(
        made, [[clip, sha, perturbations.draw(condition, seed, clip)] for clip, sha in clips]
    )


def beside(stem: Path, suffix: str) -> Path:
    """One of a shard's two files."""
    return stem.with_name(stem.name + suffix)


def audio_path(audio_folder: Path, condition: Condition, clip_id: str) -> Path:
    """Where an edited clip is kept as sound."""
    return audio_folder / store.file_name(condition.variant) / f"{clip_id}.flac"


def build(
    job: tuple[pd.DataFrame, list[tuple[Condition, Path]]],
    *,
    seed: int,
    features: Window,
    audio_folder: Path | None,
) -> None:
    """Decode each clip once, edit it at its own rate under every condition, write the shards.

    Parameters
    ----------
    job : tuple
        The clips, and each condition with its shard.
    """
    chunk, missing = job
    arrays: dict[str, list[np.ndarray]] = {c.variant: [] for c, _ in missing}
    rows: dict[str, list[dict[str, Any]]] = {c.variant: [] for c, _ in missing}
    rate = features.sample_rate_hz
    for clip in chunk.itertuples():
        source = Source(*audio.read(str(clip.path)))
        n_windows = features.n_windows(len(source.at(rate)))
        for condition, _ in missing:
            drawn = perturbations.draw(condition, seed, str(clip.clip_id))
            samples, level_change_db = perturbations.apply(condition, source, drawn, rate)
            mel = features.prepare(samples, n_windows)
            done = rows[condition.variant]
            done.append(
                {
                    "clip_id": clip.clip_id,
                    "first_frame": sum(row["n_frames"] for row in done),
                    "n_frames": len(mel),
                    "n_windows": n_windows,
                    "drawn": json.dumps(drawn),
                    "level_change_db": level_change_db,
                    "edited_s": len(samples) / rate,
                }
            )
            arrays[condition.variant].append(mel)
            if audio_folder is not None:
                audio.write(audio_path(audio_folder, condition, str(clip.clip_id)), samples, rate)
    for condition, stem in missing:
        with store.writing(beside(stem, ".npy")) as partial_path:
            np.save(partial_path, np.concatenate(arrays[condition.variant]))
        # written last: a shard with its table is a whole shard
        store.write_table(pd.DataFrame(rows[condition.variant]), beside(stem, ".parquet"))
