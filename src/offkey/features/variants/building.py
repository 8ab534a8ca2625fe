"""Manifest × condition → shards of features on disk, in parallel, resumable.

A shard holds a few dozen clips under one condition: ``<fingerprint>.npy`` (all clips' rows one
after another, log-mels as float16 of shape ``(sum of frames, n_mels)``) and
``<fingerprint>.parquet`` (one row per clip). The fingerprint covers the clips' hashes, the
condition, the seed and the feature settings, so a shard is built once, by any number of workers,
to the same bytes. A shard of clips is decoded and analysed once for all conditions that are
missing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey import perturbations
from offkey.core import cluster, manifest, store
from offkey.core.errors import BadInput, DiskFull
from offkey.features import LogMel, Window
from offkey.features.variants.variant import Variant
from offkey.perturbations import Condition, Source
from offkey.sound import audio

SHARD_CLIPS = 32


def build(
    clips: pd.DataFrame,
    conditions: Sequence[Condition],
    folder: Path,
    *,
    seed: int = 0,
    features: Window | None = None,
    audio_folder: Path | None = None,
    label: str = "variants",
) -> dict[str, Variant]:
    """Build what is missing and open the variants.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths; build the splits that are needed.
    conditions : sequence of Condition
        From :mod:`offkey.perturbations`.
    folder : Path
        Where shards are kept; shared by all data sets and studies.
    seed : int
        The study's seed.
    features : Window, optional
        Log-mels by default.
    audio_folder : Path, optional
        Also write every edited clip as FLAC to ``audio_folder/<variant>/<clip_id>.flac``.
    label : str
        What the progress bar says.

    Returns
    -------
    dict of str to Variant
        By variant name, in the order of `conditions`.
    """
    features = features or LogMel()
    _refuse_short(clips, features)
    jobs = []
    shards: dict[str, list[tuple[pd.DataFrame, Path]]] = {}
    for chunk in _chunks(clips):
        missing = []
        for condition in conditions:
            stem = folder / condition.variant / _shard_name(chunk, condition, seed, features)
            shards.setdefault(condition.variant, []).append((chunk, stem))
            if not _complete(stem, chunk, condition, audio_folder):
                missing.append((condition, stem))
        if missing:
            jobs.append((chunk, missing))
    _require_space(jobs, folder, features)
    work = partial(_build_shard, seed=seed, features=features, audio_folder=audio_folder)
    cluster.run(work, jobs, label=label)
    return {
        condition.variant: _open(condition, shards[condition.variant], features)
        for condition in conditions
    }


def _refuse_short(clips: pd.DataFrame, features: Window) -> None:
    rate = features.sample_rate_hz
    short = [
        (clip_id, duration)
        for clip_id, duration in zip(clips["clip_id"], clips["duration_s"], strict=True)
        if features.n_windows(round(duration * rate)) < 1
    ]
    if short:
        raise BadInput(
            f"clip '{short[0][0]}' lasts {short[0][1]:.2f} s ({len(short)} such clips): one window "
            f"of {features.window_s:g} s must survive a tempo of 1.25, so at least "
            f"{features.window_s * 1.25:g} s are needed; leave it out or choose a shorter window."
        )


def _chunks(clips: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for _, part in clips.groupby("split", sort=False):
        for begin in range(0, len(part), SHARD_CLIPS):
            yield part.iloc[begin : begin + SHARD_CLIPS]


def _shard_name(chunk: pd.DataFrame, condition: Condition, seed: int, features: Window) -> str:
    content = chunk[["clip_id", "sha256"]].values.tolist()
    made_by = {"seed": seed, **condition.identity()}
    return store.fingerprint(content, made_by, features.identity())


def _complete(
    stem: Path, chunk: pd.DataFrame, condition: Condition, audio_folder: Path | None
) -> bool:
    if not (_beside(stem, ".parquet").is_file() and _beside(stem, ".npy").is_file()):
        return False
    return audio_folder is None or all(
        _audio_path(audio_folder, condition, clip_id).is_file() for clip_id in chunk["clip_id"]
    )


def _beside(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)


def _audio_path(audio_folder: Path, condition: Condition, clip_id: str) -> Path:
    return audio_folder / condition.variant / f"{clip_id}.flac"


def _require_space(jobs: Iterable[Any], folder: Path, features: Window) -> None:
    seconds = sum(float(chunk["duration_s"].sum()) * len(missing) for chunk, missing in jobs)
    size = features.n_values * np.dtype(features.DTYPE).itemsize
    need = int(seconds * features.rows_per_s * size)
    folder.mkdir(parents=True, exist_ok=True)
    have = shutil.disk_usage(folder).free
    if need > have:
        raise DiskFull(
            f"variants need about {need / 1e9:.1f} GB at {folder}, {have / 1e9:.1f} GB are free: "
            "free some, choose another place with --data, or build fewer conditions."
        )


def _build_shard(
    job: tuple[pd.DataFrame, list[tuple[Condition, Path]]],
    *,
    seed: int,
    features: Window,
    audio_folder: Path | None,
) -> None:
    chunk, missing = job
    arrays: dict[str, list[np.ndarray]] = {c.variant: [] for c, _ in missing}
    rows: dict[str, list[dict[str, Any]]] = {c.variant: [] for c, _ in missing}
    for clip in chunk.itertuples():
        rate = features.sample_rate_hz
        source = Source(audio.load(str(clip.path), rate), rate)
        n_windows = features.n_windows(len(source.samples))
        for condition, _ in missing:
            drawn = perturbations.draw(condition, seed, str(clip.clip_id))
            samples, level_change_db = perturbations.apply(condition, source, drawn)
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
                path = _audio_path(audio_folder, condition, str(clip.clip_id))
                audio.write(path, samples, rate)
    for condition, stem in missing:
        with store.writing(_beside(stem, ".npy")) as partial_path:
            np.save(partial_path, np.concatenate(arrays[condition.variant]))
        # written last: a shard with its table is a whole shard
        store.write_table(pd.DataFrame(rows[condition.variant]), _beside(stem, ".parquet"))


def _open(
    condition: Condition, shards: list[tuple[pd.DataFrame, Path]], features: Window
) -> Variant:
    parts = []
    for chunk, stem in shards:
        table = store.read_table(_beside(stem, ".parquet"))
        merged = chunk.merge(table, on="clip_id", validate="one_to_one")
        parts.append(merged.assign(shard=str(_beside(stem, ".npy"))))
    clips = pd.concat(parts, ignore_index=True)
    # labels and facts of the source file are learnt from as well, and no shard holds them
    known = clips[["clip_id", "target", *manifest.SOURCE_FACTS]].astype(str).to_numpy().tolist()
    name = store.fingerprint([stem.name for _, stem in shards], known)
    return Variant(condition, clips, features, name)
