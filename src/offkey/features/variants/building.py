"""Manifest × condition → shards of features on disk, in parallel, resumable.

A shard holds a few clips under one condition (:mod:`~offkey.features.variants.shards`) and is built
once, by any number of workers, to the same bytes. The clips of a shard are decoded and analysed
once for all conditions that are missing, and edited once for all kinds of features; only where
there are fewer shards than workers do several share its conditions.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from offkey.core import cluster, manifest, store
from offkey.core.errors import BadInput, DiskFull
from offkey.features import LogMel, Window
from offkey.features.variants import shards
from offkey.features.variants.variant import Variant
from offkey.perturbations import Condition

SHARD_CLIPS = 8
Job = tuple[pd.DataFrame, list[tuple[Condition, list[tuple[Window, Path]]]]]
"""Some clips, and what is missing of them: per condition the features and their shards."""


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
        Also write every edited clip, as it is heard, as FLAC at the rate of the features to
        ``audio_folder/<variant>/<clip_id>.flac``.
    label : str
        What the progress bar says.

    Returns
    -------
    dict of str to Variant
        By variant name, in the order of `conditions`.
    """
    return build_each(
        clips, conditions, folder, [features or LogMel()],
        seed=seed, audio_folder=audio_folder, label=label,
    )[0]  # fmt: skip


def build_each(
    clips: pd.DataFrame,
    conditions: Sequence[Condition],
    folder: Path,
    kinds: Sequence[Window],
    *,
    seed: int = 0,
    audio_folder: Path | None = None,
    label: str = "variants",
) -> list[dict[str, Variant]]:
    """:func:`build` for several kinds of features: every clip is edited once for all of them.

    Parameters
    ----------
    kinds : sequence of Window
        The other parameters are those of :func:`build`; sound is kept at the rate of the last.

    Returns
    -------
    list of dict of str to Variant
        In the order of `kinds`.
    """
    different = list(dict.fromkeys(kinds))
    for features in different:
        _refuse_short(clips, features)
    jobs: list[Job] = []
    places: dict[tuple[Window, Condition], list[tuple[pd.DataFrame, Path]]] = {}
    made_by = {(f, c): shards.made_by(c, f) for f in different for c in conditions}
    for chunk in _chunks(clips):
        missing = []
        for condition in conditions:
            lacking = []
            for features in different:
                name = shards.name(chunk, condition, seed, made_by[features, condition])
                stem = folder / store.file_name(condition.variant) / name
                places.setdefault((features, condition), []).append((chunk, stem))
                if not _complete(stem, chunk, condition, audio_folder):
                    lacking.append((features, stem))
            if lacking:
                missing.append((condition, lacking))
        if missing:
            jobs.append((chunk, missing))
    _require_space(jobs, folder)
    work = partial(shards.build, seed=seed, audio_folder=audio_folder)
    cluster.run(work, _shared_out(jobs, cluster.jobs()), label=label)
    return [
        {c.variant: _open(c, places[features, c], features) for c in conditions}
        for features in kinds
    ]


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


def _shared_out(jobs: Sequence[Job], workers: int) -> list[Job]:
    """Give every worker something to do: divide the conditions where shards are few."""
    parts = -(-workers // len(jobs)) if jobs else 1
    return [
        (chunk, missing[first::parts])
        for chunk, missing in jobs
        for first in range(min(parts, len(missing)))
    ]


def _complete(
    stem: Path, chunk: pd.DataFrame, condition: Condition, audio_folder: Path | None
) -> bool:
    if not (shards.beside(stem, ".parquet").is_file() and shards.beside(stem, ".npy").is_file()):
        return False
    return audio_folder is None or all(
        shards.audio_path(audio_folder, condition, clip_id).is_file()
        for clip_id in chunk["clip_id"]
    )


def _require_space(jobs: Iterable[Job], folder: Path) -> None:
    need = 0
    for chunk, missing in jobs:
        for features in (kind for _, lacking in missing for kind, _ in lacking):
            size = features.n_values * np.dtype(features.DTYPE).itemsize
            need += int(float(chunk["duration_s"].sum()) * features.rows_per_s * size)
    folder.mkdir(parents=True, exist_ok=True)
    have = shutil.disk_usage(folder).free
    if need > have:
        raise DiskFull(
            f"variants need about {need / 1e9:.1f} GB at {folder}, {have / 1e9:.1f} GB are free: "
            "free some, choose another place with --data, or build fewer conditions."
        )


def _open(
    condition: Condition, places: list[tuple[pd.DataFrame, Path]], features: Window
) -> Variant:
    tables = [
        store.read_table(shards.beside(stem, ".parquet")).assign(
            shard=str(shards.beside(stem, ".npy"))
        )
        for _, stem in places
    ]
    rows = pd.concat([chunk for chunk, _ in places], ignore_index=True)
    clips = rows.merge(pd.concat(tables), on="clip_id", validate="one_to_one")
    # labels and facts of the source file are learnt from as well, and no shard holds them
    known = clips[["clip_id", "target", *manifest.SOURCE_FACTS]].astype(str).to_numpy().tolist()
    name = store.fingerprint([stem.name for _, stem in places], known)
    return Variant(condition, clips, features, name)
