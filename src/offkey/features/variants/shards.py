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
    job: tuple[pd.DataFrame, list[tuple[Condition, list[tuple[Window, Path]]]]],
    *,
    seed: int,
    audio_folder: Path | None,
) -> None:
    """Decode each clip once, edit it once at its own rate under every condition, write the shards.

    Parameters
    ----------
    job : tuple
        The clips, and per condition the kinds of features with their shards.
    """
    chunk, missing = job
    arrays: dict[Path, list[np.ndarray]] = {stem: [] for _, kinds in missing for _, stem in kinds}
    rows: dict[Path, list[dict[str, Any]]] = {stem: [] for stem in arrays}
    for clip in chunk.itertuples():
        source = Source(*audio.read(str(clip.path)))
        for condition, kinds in missing:
            drawn = perturbations.draw(condition, seed, str(clip.clip_id))
            edited = perturbations.edit(condition, source, drawn)
            for features, stem in kinds:
                rate = features.sample_rate_hz
                n_windows = features.n_windows(len(source.at(rate)))
                samples, change_db = perturbations.levelled(condition, source, edited, rate)
                found = features.prepare(samples, n_windows)
                rows[stem].append(
                    {
                        "clip_id": clip.clip_id,
                        "first_frame": sum(row["n_frames"] for row in rows[stem]),
                        "n_frames": len(found),
                        "n_windows": n_windows,
                        "drawn": json.dumps(drawn),
                        "level_change_db": change_db,
                        "edited_s": len(samples) / rate,
                    }
                )
                arrays[stem].append(found)
                if audio_folder is not None:
                    place = audio_path(audio_folder, condition, str(clip.clip_id))
                    audio.write(place, samples, rate)
    for stem, found_rows in rows.items():
        with store.writing(beside(stem, ".npy")) as partial_path:
            np.save(partial_path, np.concatenate(arrays[stem]))
        # written last: a shard with its table is a whole shard
        store.write_table(pd.DataFrame(found_rows), beside(stem, ".parquet"))
