"""Recordings that the user has become clips: decoded, cut, kept as mono FLAC by the manifest.

A clip keeps the sample rate of its recording, up to 48 kHz, so that an edit has the whole band to
work on; detectors hear it at a rate of their own.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey.core import cluster, manifest, seeding, store
from offkey.core.errors import BadInput
from offkey.datasets.base import MAX_BAD_SHARE, Skipped, keep_good
from offkey.sound import audio
from offkey.sound.soundfiles import shown

# One analysis window of 4 s must be left after the fastest edit, a rate of 1.25.
MIN_CLIP_S = 4.0 * 1.25
FIRST_OFFSET = 0.25  # of the recording: past the intro
RECIPE = 2
MAX_RATE_HZ = 48_000
# fmt: off
EXTENSIONS = frozenset((
    ".aac", ".aif", ".aiff", ".amr", ".ape", ".au", ".caf", ".flac",
    ".m4a", ".m4b", ".mka", ".mkv", ".mp2", ".mp3", ".mp4", ".oga", ".ogg",
    ".opus", ".rf64", ".snd", ".w64", ".wav", ".webm", ".wma", ".wv",
))
# fmt: on


@dataclass(frozen=True)
class Recording:
    """One file of the user, and what is known about it."""

    path: str
    key: str
    """Path within its collection: names the clips, so that they keep their names when it moves."""
    track_id: str
    target: int
    generator: str
    family: str
    licence: str
    split: str = ""


@dataclass(frozen=True)
class Cut:
    """How to cut: clips of at most `clip_s`, from `first_offset` (share of the recording) on.

    With a `random_seed`, a single clip is drawn anywhere in its recording.
    """

    clip_s: float = 10.0
    clips_per_track: int = 1
    first_offset: float = FIRST_OFFSET
    random_seed: int | None = None


def offsets(duration_s: float, how: Cut, key: str = "") -> list[float]:
    """Where clips begin, in seconds; they never overlap, so fewer may fit than are wanted.

    A single clip begins at ``how.first_offset`` of the recording, or earlier where it would not
    fit; with a ``how.random_seed``, where the seed and the recording's `key` say. Several lie with
    equal gaps before, between and after them.
    """
    count = min(how.clips_per_track, max(1, int(duration_s / how.clip_s + 1e-9)))
    spare = max(duration_s - count * how.clip_s, 0.0)
    if count == 1 and how.random_seed is not None:
        return [round(seeding.rng(how.random_seed, "segment", key).uniform(0, spare), 3)]
    if count == 1:
        return [round(min(how.first_offset * duration_s, spare), 3)]
    gap = spare / (count + 1)
    return [round(gap + i * (how.clip_s + gap), 3) for i in range(count)]


def clips_of(
    recordings: Sequence[Recording],
    folder: Path,
    how: Cut,
    *,
    dataset: str,
    label: str,
    max_bad_share: float = MAX_BAD_SHARE,
) -> pd.DataFrame:
    """Cut every recording, in parallel, into ``folder/audio``.

    Clips that an earlier, interrupted run has cut are kept; their names follow from the content.

    Returns
    -------
    DataFrame
        Manifest rows without a split where the recording names none; paths relative to `folder`;
        what was skipped in ``attrs["skipped"]``.

    Raises
    ------
    BadInput
        Too many files cannot be used, or the same bytes are called human and AI.
    """
    if how.clip_s < MIN_CLIP_S:
        raise BadInput(
            f"data set '{dataset}': clips of {how.clip_s:g} s are too short; one window of 4 s "
            f"must survive a rate of 1.25, so give clip_s of at least {MIN_CLIP_S:g}."
        )
    if how.clips_per_track < 1:
        raise BadInput(f"data set '{dataset}': clips_per_track must be at least 1.")
    if not 0 <= max_bad_share <= 1:
        raise BadInput(f"data set '{dataset}': max_bad_share must lie between 0 and 1.")
    results = cluster.run(partial(_cut, folder=folder, how=how), recordings, label=label)
    files = keep_good(
        (item if isinstance(item, Skipped) else {"clips": item} for item in results),
        dataset,
        folder,
        max_bad_share,
    )
    rows = pd.DataFrame([row for clips in files["clips"] for row in clips])
    _say_which_cancel(rows.loc[rows.pop("cancels"), "source_path"].unique(), dataset)
    rows = _join_equal_files(rows, dataset).drop(columns=["source_path", "source_sha256"])
    rows = rows.assign(dataset=dataset)
    rows.attrs["skipped"] = files.attrs["skipped"]
    return rows


def with_splits(rows: pd.DataFrame, seed: int, dataset: str) -> pd.DataFrame:
    """Deal whole tracks into train, val and test, class by class.

    Raises
    ------
    BadInput
        A class has too few tracks to be in every split.
    """
    classes = rows["target"].map({0: "human", 1: "AI"})
    split = manifest.assign_splits(rows["track_id"], classes, seed=seed)
    for name, group in split.groupby(classes):
        absent = [part for part in manifest.SPLITS if part not in set(group)]
        if absent:
            raise BadInput(
                f"data set '{dataset}': {rows.loc[group.index, 'track_id'].nunique()} tracks of "
                f"{name} music leave none for {' and '.join(absent)}: add tracks."
            )
    dealt = rows.assign(split=split)
    dealt.attrs.update(rows.attrs)
    return dealt


def _cut(recording: Recording, *, folder: Path, how: Cut) -> list[dict[str, Any]] | Skipped:
    path = Path(recording.path)
    try:
        facts = audio.facts(path)
        duration_s = audio.probe(path).duration_s or len(audio.load(path)) / audio.SAMPLE_RATE_HZ
        if duration_s < MIN_CLIP_S:
            return _too_short(path, duration_s)
        source_sha256 = store.file_sha256(path)
        name = _name(recording.key, source_sha256, how)
        rows = []
        for number, offset_s in enumerate(offsets(duration_s, how, recording.key)):
            clip_id = f"{name}__{number}"
            clip = folder / "audio" / f"{clip_id}.flac"
            cancels = False
            if not _is_whole(clip):
                samples, own_hz, cancels = _loaded(path, offset_s, how.clip_s)
                if len(samples) < MIN_CLIP_S * own_hz:  # the header said more
                    return _too_short(path, len(samples) / own_hz)
                rate = min(own_hz, MAX_RATE_HZ)
                audio.write(clip, audio.at_rate(samples, own_hz, rate), rate)
            about = audio.probe(clip)
            rows.append(
                {
                    "clip_id": clip_id,
                    "track_id": recording.track_id,
                    "path": f"audio/{clip.name}",
                    "target": recording.target,
                    "generator": recording.generator,
                    "family": recording.family,
                    "split": recording.split,
                    "offset_s": offset_s,
                    "duration_s": about.duration_s,
                    "sample_rate_hz": about.sample_rate_hz,
                    **facts,
                    "sha256": store.file_sha256(clip),
                    "licence": recording.licence,
                    "cancels": cancels,
                    "source_path": shown(path),
                    "source_sha256": source_sha256,
                }
            )
    except audio.AudioError as error:
        return Skipped(shown(error.path), error.reason, error.detail)
    return rows


def _loaded(path: Path, offset_s: float, duration_s: float) -> tuple[np.ndarray, int, bool]:
    """Part of a recording, its rate, and whether its channels cancel: said once for all files."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", audio.ChannelsCancel)
        samples, rate = audio.read(path, offset_s=offset_s, duration_s=duration_s)
    return samples, rate, any(one.category is audio.ChannelsCancel for one in said)


def _say_which_cancel(paths: Sequence[str], dataset: str) -> None:
    if len(paths):
        warnings.warn(
            f"data set '{dataset}': the channels of {len(paths)} files cancel when they are mixed "
            f"(one is the other upside down): one channel was taken, e.g. of {paths[0]}.",
            audio.ChannelsCancel,
            stacklevel=3,
        )


def _too_short(path: Path, duration_s: float) -> Skipped:
    detail = (
        f"lasts {duration_s:.2f} s; {MIN_CLIP_S:g} s are needed, since one window of 4 s "
        "must survive a rate of 1.25."
    )
    return Skipped(shown(path), "too_short", detail)


def _name(key: str, source_sha256: str, how: Cut) -> str:
    """A file name that says where the clip is from and is its own for each content and cut."""
    readable = re.sub(r"[^\w.+-]+", "_", shown(Path(key).stem)).strip("._-")[:40]
    return f"{readable}-{store.fingerprint(shown(key), source_sha256, vars(how), RECIPE)[:10]}"


def _is_whole(clip: Path) -> bool:
    try:
        audio.load(clip)  # a damaged FLAC does not decode in full
    except audio.AudioError:
        return False
    return True


def _join_equal_files(rows: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Make one track of tracks that hold the same bytes; refuse them in both classes."""
    files = rows.drop_duplicates("source_path")
    files = files[files["source_sha256"].duplicated(keep=False)]
    joined: dict[str, str] = {}

    def root(track: str) -> str:
        while track in joined:
            track = joined[track]
        return track

    pairs = []
    for _, same in files.sort_values("source_path").groupby("source_sha256"):
        first = same.iloc[0]
        for _, other in same.iloc[1:].iterrows():
            names = f"{first['source_path']} and {other['source_path']}"
            if other["target"] != first["target"]:
                raise BadInput(
                    f"data set '{dataset}': the same file is called human and AI: {names}: "
                    "remove one of them."
                )
            a, b = sorted((root(first["track_id"]), root(other["track_id"])))
            if a != b:
                joined[b] = a
                pairs.append(names)
    if pairs:
        warnings.warn(
            f"data set '{dataset}': {len(pairs)} files repeat another byte for byte and count as "
            f"its track, e.g. {pairs[0]}.",
            stacklevel=3,
        )
    return rows.assign(track_id=rows["track_id"].map(root))
