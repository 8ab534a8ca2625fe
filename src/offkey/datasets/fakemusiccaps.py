"""FakeMusicCaps: the captions of MusicCaps turned into music by text-to-music models.

The download holds one folder of 10 s WAV files per generator, each named by the YouTube id of its
caption. The human originals, MusicCaps, are not in it: the user adds their sound as one more folder
with the same names. All clips of one caption are one track, so they share a split.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey.core import seeding
from offkey.core.errors import BadInput, unknown
from offkey.datasets import cutting
from offkey.datasets.base import MAX_BAD_SHARE, DatasetInfo
from offkey.datasets.cutting import EXTENSIONS, Cut, Recording
from offkey.sound.soundfiles import shown

INFO = DatasetInfo(
    name="fakemusiccaps",
    title="FakeMusicCaps: a dataset for detection and attribution of synthetic music",
    url="https://zenodo.org/records/13732524",
    licence="CC BY-NC 4.0 (generated clips); MusicCaps audio: as its YouTube sources",
    citation="L. Comanducci, P. Bestagini, S. Tubaro: FakeMusicCaps: a Dataset for Detection and "
    "Attribution of Synthetic Music Generated via Text-to-Music Models. 2024. arXiv:2409.10684.",
    shares_audio=False,
)
RECIPE = cutting.RECIPE
GENERATORS = (
    "MusicGen_medium",
    "audioldm2",
    "musicldm",
    "mustango",
    "stable_audio_open",
)
ALL_GENERATORS = (*GENERATORS, "SunoCaps")  # the original study leaves SunoCaps out
HUMAN_LICENCE = "as its YouTube source"
AI_LICENCE = "CC BY-NC 4.0"
# plain, or as MusicCaps downloaders name it: [ytid]-[30-40]
_YTID = re.compile(r"\[?([\w-]{11})\]?(?:-\[\d+-\d+\])?")


def make(
    folder: Path,
    *,
    seed: int,
    source: str = "",
    human: str = "MusicCaps",
    generators: Sequence[str] = GENERATORS,
    balance: bool = True,
    max_clips_per_class: int = 0,
    clip_s: float = 10.0,
    max_bad_share: float = MAX_BAD_SHARE,
) -> pd.DataFrame:
    """Read the folders, draw what is to be used, and split it by caption.

    Parameters
    ----------
    folder : Path
        Where clips go, as FLAC at their own rate in ``audio/``: both classes take the same way.
    seed : int
        The study's seed; it decides draws and splits.
    source : str
        Folder that holds one folder per generator.
    human : str
        Folder of the human originals within `source`.
    generators : sequence of str
        Folders to use as AI; by default the five of the original study.
    balance : bool
        As the original study: an equal share of each generator, as many AI as human clips; drawn
        at random, where the original took the first files of each directory.
    max_clips_per_class : int
        Draw at most so many clips per class; 0 for all.
    clip_s : float
        Longest clip, in seconds, from the start of the file.
    max_bad_share : float
        As in the data set ``folder``.

    Raises
    ------
    BadInput
        A folder is absent or empty, names carry no caption id, or files cannot be used.
    """
    people, ai = _listed(source, human, generators)
    people, ai = _draw(people, ai, balance, max_clips_per_class, seed)
    recordings = [_recording(path, 0, human) for path in people]
    recordings += [_recording(path, 1, name) for name, paths in ai.items() for path in paths]
    how = Cut(clip_s, clips_per_track=1, first_offset=0.0)
    about = {"dataset": INFO.name, "label": "reading clips"}
    rows = cutting.clips_of(recordings, folder, how, max_bad_share=max_bad_share, **about)
    return cutting.with_splits(rows, seed, INFO.name)


def sources(options: Mapping[str, Any]) -> dict[str, Path]:
    """Every file of the folders that are drawn from, by folder and name."""
    people, ai = _listed(options["source"], options["human"], options["generators"])
    folders = {options["human"]: people, **ai}
    return {f"{name}/{path.name}": path for name, paths in folders.items() for path in paths}


def _listed(
    source: str, human: str, generators: Sequence[str]
) -> tuple[list[Path], dict[str, list[Path]]]:
    """Files of the human folder and of each generator's."""
    if not source:
        raise BadInput(
            f"fakemusiccaps: download it from {INFO.url}, unpack it, add the MusicCaps audio, and "
            "give source=FOLDER."
        )
    root = Path(source).expanduser().resolve()
    ai = {name: _list(root, name) for name in _checked(generators)}
    if not (root / human).is_dir():
        raise BadInput(
            f"fakemusiccaps: no human music in {root / human}: FakeMusicCaps comes without it, so "
            "put the MusicCaps audio there as <ytid>.wav, or name its folder with human=NAME."
        )
    people = _list(root, human)
    if not {_caption(path) for path in people} & {
        _caption(p) for item in ai.values() for p in item
    }:
        raise BadInput(
            f"fakemusiccaps: no file of {root / human} is named like a generated one, so captions "
            "cannot be kept in one split: name the files <ytid>.wav."
        )
    return people, ai


def _checked(generators: Sequence[str]) -> list[str]:
    names = [generators] if isinstance(generators, str) else list(generators)
    for name in names:
        if name not in ALL_GENERATORS:
            raise unknown("generator of fakemusiccaps", name, ALL_GENERATORS)
    if not names:
        raise BadInput(f"fakemusiccaps: name at least one of {', '.join(ALL_GENERATORS)}.")
    return list(dict.fromkeys(names))


def _list(root: Path, name: str) -> list[Path]:
    if not (root / name).is_dir():
        raise BadInput(
            f"fakemusiccaps: {root} has no folder '{name}': give the folder that holds one folder "
            "per generator, or name those that are there with generators=[...]."
        )
    paths = sorted(path for path in (root / name).iterdir() if path.suffix.lower() in EXTENSIONS)
    if not paths:
        raise BadInput(f"fakemusiccaps: no sound files in {root / name}.")
    return paths


def _caption(path: Path) -> str:
    """Id of the caption: the YouTube id in the name, or the whole name where there is none."""
    match = _YTID.fullmatch(path.stem)
    return match.group(1) if match else shown(path.stem)


def _draw(
    people: list[Path], ai: dict[str, list[Path]], balance: bool, limit: int, seed: int
) -> tuple[list[Path], dict[str, list[Path]]]:
    """Choose files at random, whatever the order of the directories."""
    n_human, sizes = len(people), {name: len(paths) for name, paths in ai.items()}
    if balance:
        n_human = min(n_human, len(ai) * min(sizes.values()))
    n_ai = n_human if balance else sum(sizes.values())
    if limit:
        n_human, n_ai = min(n_human, limit), min(n_ai, limit)
    if balance or limit:
        sizes = _shares(sizes, n_ai, seed)
    return (
        _sample(people, n_human, seed, "human"),
        {name: _sample(paths, sizes[name], seed, name) for name, paths in ai.items()},
    )


def _shares(sizes: dict[str, int], total: int, seed: int) -> dict[str, int]:
    """Share `total` as evenly as the sizes allow; chance decides who gets one more."""
    names = sorted(sizes)
    names = [names[i] for i in seeding.rng(seed, "fakemusiccaps", "shares").permutation(len(names))]
    shares = dict.fromkeys(names, 0)
    for _ in range(total):
        name = min((name for name in names if shares[name] < sizes[name]), key=shares.__getitem__)
        shares[name] += 1
    return shares


def _sample(paths: list[Path], n: int, seed: int, name: str) -> list[Path]:
    chosen = seeding.rng(seed, "fakemusiccaps", "draw", name).permutation(len(paths))[:n]
    return [paths[i] for i in np.sort(chosen)]


def _recording(path: Path, target: int, name: str) -> Recording:
    return Recording(
        path=str(path),
        key=f"{name}/{path.name}",
        track_id=_caption(path),
        target=target,
        generator=name,
        family=name if target else "human",
        licence=AI_LICENCE if target else HUMAN_LICENCE,
    )
