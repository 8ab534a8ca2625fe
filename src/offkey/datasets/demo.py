"""The embedded data set: human-composed scores rendered to sound, and a decoder twin of each.

It is made on the spot from installed packages: nothing is fetched. Both classes share music,
instruments, room, loudness, length and file format; only the decoder's traces tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from offkey.core import cluster, manifest, seeding, store
from offkey.core.errors import BadInput
from offkey.datasets import decoders, rendering, scores
from offkey.datasets.base import DatasetInfo
from offkey.sound import audio

INFO = DatasetInfo(
    name="demo",
    title="Scores of music21's corpus rendered with TimGM6mb, and their decoder twins",
    url="https://github.com/cuthbertLab/music21",
    licence=(
        "Scores: encodings that music21 (BSD-3-Clause) distributes with the permission of their "
        "encoders; its corpus warns that some of them may not be used commercially, and the files "
        "used here state no such restriction. "
        "SoundFont: TimGM6mb by Tim Brechbill, as shipped with pretty_midi (MIT), itself GPL-2.0."
    ),
    citation=(
        "Cuthbert, M. S. and Ariza, C. (2010). music21: A Toolkit for Computer-Aided Musicology "
        "and Symbolic Music Data. ISMIR. — Raffel, C. and Ellis, D. P. W. (2014). Intuitive "
        "Analysis, Creation and Manipulation of MIDI Data with pretty_midi. ISMIR late-breaking."
    ),
    shares_audio=True,
)
DECODERS = ("griffin_mel_80", "sines_noise", "convcodec_64", "convcodec_160")
"""Three families whose traces a small network can learn from 180 tracks. ``griffin_mel_256`` is
left out: it differs from its original by about 1 dB, too little to be learnt from so few."""

RECIPE = (5, decoders.fingerprint(*decoders.NAMES))
"""Raise the first number when the list of scores or their rendering changes."""

CLIP_LICENCE = "score: music21 corpus; SoundFont: TimGM6mb (GPL-2.0)"
RATE_HZ = rendering.SAMPLE_RATE_HZ
MIN_TRACKS = 8
MIN_CLIP_S, MAX_CLIP_S = 1.0, 15.0
BATCH = 6


def make(
    folder: Path,
    *,
    seed: int,
    tracks: int = 300,
    clip_s: float = 10.0,
    split_shares: tuple[float, float, float] = (0.6, 0.15, 0.25),
    decoder_names: Sequence[str] = DECODERS,
) -> pd.DataFrame:
    """Render scores and decode them again.

    Parameters
    ----------
    folder : Path
        Where ``audio/*.flac`` goes (22.05 kHz mono, 16 bit).
    seed : int
        Chooses the scores, how each is played, its split, its decoder.
    tracks : int
        How many scores, taken evenly from the styles; each gives one clip of each class.
    clip_s : float
        Length of a clip in seconds.
    split_shares : tuple of float
        Share of the tracks for train, val and test. A track that a decoder was trained on goes to
        train whatever the draw.
    decoder_names : sequence of str
        Decoders of the twins, dealt evenly; see :mod:`offkey.datasets.decoders`.

    Returns
    -------
    DataFrame
        The manifest, two rows a track: the rendering (``human``, generator ``score/<style>``) and
        its twin, both in the same split. Paths are relative to `folder`.

    Raises
    ------
    BadInput
        More tracks than there are scores, or too few to split; clips too short or too long.
    """
    if not MIN_TRACKS <= tracks <= len(scores.catalogue()):
        raise BadInput(
            f"data set 'demo' can make {MIN_TRACKS} to {len(scores.catalogue())} tracks, "
            f"not {tracks}: change option 'tracks'."
        )
    if not MIN_CLIP_S <= clip_s <= MAX_CLIP_S:
        raise BadInput(
            f"data set 'demo' makes clips of {MIN_CLIP_S:g} to {MAX_CLIP_S:g} s, "
            f"not {clip_s:g} s: change option 'clip_s'."
        )
    for name in decoder_names:
        decoders.family(name)  # refuses an unknown one
    plan = _plan(seed, tracks, split_shares, decoder_names)
    batches = np.array_split(np.arange(tracks), -(-tracks // BATCH))
    work = [plan.iloc[batch].to_dict("records") for batch in batches]
    build = partial(_build, folder=folder, seed=seed, clip_s=clip_s)
    rows = [row for batch in cluster.run(build, work, label="demo: tracks") for row in batch]
    clips = manifest.validate(pd.DataFrame(rows), "demo")
    decoders.refuse_heard(clips)
    return clips


def _plan(
    seed: int,
    tracks: int,
    split_shares: tuple[float, float, float] = (0.6, 0.15, 0.25),
    decoder_names: Sequence[str] = DECODERS,
) -> pd.DataFrame:
    """Choose the scores, their splits and decoders.

    Returns
    -------
    DataFrame
        ``path, style, composer, track_id, split, decoder``, one row a track.
    """
    listed = scores.catalogue()
    order = seeding.rng(seed, "demo", "scores").permutation(len(listed))
    shuffled = listed.iloc[order]
    # the first score of every style, then the second of every style, until there are enough
    turn = shuffled.groupby("style").cumcount()
    chosen = shuffled.iloc[np.lexsort((shuffled["style"], turn))[:tracks]]
    plan = chosen.assign(track_id=[track_id(path) for path in chosen["path"]])
    # strata of fewer than four tracks would leave the validation split empty
    few = tracks < 4 * listed["style"].nunique()
    strata = pd.Series("all", index=plan.index) if few else plan["style"]
    reserved = decoders.trained_on(*decoder_names)
    plan["split"] = manifest.assign_splits(
        plan["track_id"], strata, seed=seed, shares=split_shares, reserved=reserved
    )
    plan["decoder"] = ""
    for split in manifest.SPLITS:
        rng = seeding.rng(seed, "demo", "decoders", split)
        members = rng.permutation(plan.index[plan["split"] == split])
        names = rng.permutation(list(decoder_names))
        plan.loc[members, "decoder"] = [str(names[i % len(names)]) for i in range(len(members))]
    return plan


def track_id(score_path: str) -> str:
    """Name a score by its path below the composer's folder, in letters any file system takes."""
    name = "-".join(PurePosixPath(score_path).with_suffix("").parts[1:])
    return re.sub(r"(?:[^A-Za-z0-9.]|\.(?!\d))+", "-", name)


def _build(
    batch: Sequence[dict[str, Any]], *, folder: Path, seed: int, clip_s: float
) -> list[dict[str, Any]]:
    """Write the clips of some tracks and return their manifest rows."""
    rows = []
    for track in batch:
        name, decoder = track["track_id"], track["decoder"]
        played = rendering.render(track["path"], name, seed, clip_s)
        twin = decoders.twin(played, decoder, seed=seed, key=name)
        for clip_id, samples, about in (
            (name, played, (0, f"score/{track['style']}", "human")),
            (f"{name}__{decoder}", twin, (1, decoder, decoders.family(decoder))),
        ):
            path = audio.write(folder / "audio" / f"{clip_id}.flac", samples, RATE_HZ)
            rows.append(
                {
                    "clip_id": clip_id,
                    "track_id": name,
                    "path": path.relative_to(folder).as_posix(),
                    **dict(zip(("target", "generator", "family"), about, strict=True)),
                    "dataset": INFO.name,
                    "split": track["split"],
                    "offset_s": 0.0,
                    "duration_s": len(samples) / RATE_HZ,
                    "sample_rate_hz": RATE_HZ,
                    "source_container": "flac",
                    "source_codec": "flac",
                    "source_encoder": "",
                    "source_bitrate_kbps": np.nan,
                    "source_sample_rate_hz": RATE_HZ,
                    "sha256": store.file_sha256(path),
                    "licence": CLIP_LICENCE,
                }
            )
    return rows
