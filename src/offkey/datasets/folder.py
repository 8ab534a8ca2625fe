"""Any music the user has: a directory with ``human/`` and ``ai/``, or a CSV that lists files."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from offkey.core import csvfiles
from offkey.core.errors import BadInput, unknown
from offkey.core.manifest import SPLITS
from offkey.datasets import cutting
from offkey.datasets.base import MAX_BAD_SHARE, DatasetInfo
from offkey.datasets.cutting import EXTENSIONS, Cut, Recording
from offkey.sound.soundfiles import shown

INFO = DatasetInfo(
    name="folder",
    title="The user's own music: human/ and ai/, or a CSV of files",
    url="local files",
    licence="as the user's files: not known to this project",
    citation="As the user's files ask for.",
    shares_audio=False,
)
RECIPE = cutting.RECIPE
COLUMNS = ("path", "target", "track_id", "generator", "split")
_NOT_MUSIC = ("$RECYCLE.BIN", "System Volume Information", "__MACOSX", "@eaDir", "lost+found")


def make(
    folder: Path,
    *,
    seed: int,
    source: str = "",
    clip_s: float = 10.0,
    clips_per_track: int = 1,
    random_segment: bool = False,
    licence: str = "not stated",
    max_bad_share: float = MAX_BAD_SHARE,
) -> pd.DataFrame:
    """Cut clips from the user's files.

    Parameters
    ----------
    folder : Path
        Where clips go, as FLAC at their own rate (48 kHz at most) in ``audio/``.
    seed : int
        The study's seed; it decides the splits.
    source : str
        A directory with ``human/`` and ``ai/``, searched to any depth, linked folders too, hidden
        ones and bins not: the first folder below names the human source or the generator, a file
        without its extension is a track. Or a CSV, separated by comma, semicolon or tab, with
        columns path (from the CSV's place), target (1 AI, 0 human), and where known track_id,
        generator, split (train, val, test; for all files or none); other columns are ignored.
    clip_s : float
        Longest clip, in seconds; recordings under 5 s are skipped, since one window of 4 s must
        survive a rate of 1.25.
    clips_per_track : int
        How many clips to cut where the recording is long enough.
    random_segment : bool
        Draw a single clip anywhere in its recording instead of cutting all at the same share.
    licence : str
        What the manifest says of the files.
    max_bad_share : float
        Share of the files that may be left out because they cannot be used, 0 to 1; one file may
        always, except with 0. All of them are listed in ``skipped.csv`` in `folder`.

    Raises
    ------
    BadInput
        There is no such music, too much of it cannot be used, the same file is called human
        and AI, or a class has too few tracks to split.
    """
    found = _listed(source, licence)
    how = Cut(clip_s, clips_per_track, random_seed=seed if random_segment else None)
    about = {"dataset": INFO.name, "label": "cutting clips"}
    rows = cutting.clips_of(found, folder, how, max_bad_share=max_bad_share, **about)
    return rows if found[0].split else cutting.with_splits(rows, seed, INFO.name)


def sources(options: Mapping[str, Any]) -> dict[str, Path]:
    """Every file that clips are cut from, by its path in the collection, and the list of them."""
    root = Path(options["source"]).expanduser().resolve()
    listed = {item.key: Path(item.path) for item in _listed(options["source"], "")}
    return {"": root, **listed} if root.suffix.lower() == ".csv" else listed


def _listed(source: str, licence: str) -> list[Recording]:
    if not source:
        raise BadInput(
            "data set 'folder': give source=DIRECTORY (with human/ and ai/) or source=FILE.csv "
            "(path,target)."
        )
    root = Path(source).expanduser().resolve()
    return _from_csv(root, licence) if root.suffix.lower() == ".csv" else _from_tree(root, licence)


def _from_tree(root: Path, licence: str) -> list[Recording]:
    recordings: list[Recording] = []
    for target, kind in ((0, "human"), (1, "ai")):
        if not (root / kind).is_dir():
            raise BadInput(f"data set 'folder': {shown(root)} has no folder {kind}/ in it.")
        here = len(recordings)
        for path in _sound_files(root / kind):
            key = path.relative_to(root)
            maker = shown(key.parts[1]) if len(key.parts) > 2 else kind
            recordings.append(
                Recording(
                    path=str(path),
                    key=str(key),
                    track_id=shown(key.with_suffix("").as_posix()),
                    target=target,
                    generator=maker,
                    family=maker if target else "human",
                    licence=licence,
                )
            )
        if len(recordings) == here:
            raise BadInput(
                f"data set 'folder': no sound files in {shown(root / kind)} "
                f"({', '.join(sorted(EXTENSIONS))})."
            )
    return recordings


def _sound_files(top: Path) -> Iterator[Path]:
    """Sound files at any depth, in order; linked folders too, each folder once, hidden ones not."""

    def refuse(error: OSError) -> None:
        raise BadInput(
            f"data set 'folder': {shown(error.filename)} cannot be read ({error.strerror})."
        ) from error

    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(top, followlinks=True, onerror=refuse):
        about = Path(place).stat()
        if (about.st_dev, about.st_ino) in seen:  # a link back to a folder above, or a second one
            folders.clear()
            continue
        seen.add((about.st_dev, about.st_ino))
        folders[:] = sorted(n for n in folders if not n.startswith(".") and n not in _NOT_MUSIC)
        for name in sorted(names):
            if Path(name).suffix.lower() in EXTENSIONS and not name.startswith("."):
                yield Path(place, name)


def _from_csv(path: Path, licence: str) -> list[Recording]:
    table = _read_csv(path)
    recordings: list[Recording] = []
    for line, row in zip(table.index, table.to_dict("records"), strict=True):
        where = f"{shown(path)}, line {line}"
        if row["target"] not in ("0", "1"):
            raise BadInput(f"{where}: target '{row['target']}' is neither 0 (human) nor 1 (AI).")
        if row["split"] and row["split"] not in SPLITS:
            raise BadInput(f"{where}: {unknown('split', row['split'], SPLITS)}")
        if bool(row["split"]) != bool(table["split"].iloc[0]):
            raise BadInput(f"{where}: give a split for every file or for none.")
        if not row["path"]:
            raise BadInput(f"{where}: the path is empty.")
        target = int(row["target"])
        maker = shown(row["generator"]) if row["generator"] else ("ai" if target else "human")
        recordings.append(
            Recording(
                path=str(_place(path.parent, row["path"])),
                key=row["path"],
                track_id=shown(
                    row["track_id"] or row["path"].removesuffix(Path(row["path"]).suffix)
                ),
                target=target,
                generator=maker,
                family=maker if target else "human",
                licence=licence,
                split=row["split"],
            )
        )
    return recordings


def _read_csv(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise BadInput(f"{shown(path)} does not exist.")
    words = {name: (name,) for name in COLUMNS}
    table, others = csvfiles.read(path, words, ("path", "target"), purpose="cut clips from")
    for column in others:  # a column may be there for other readers, but not be misspelt
        meant = difflib.get_close_matches(column.lower(), COLUMNS, n=1, cutoff=0.8)
        if meant and meant[0] not in table:
            raise unknown(f"column of {shown(path)}", column, COLUMNS)
    twice = table["path"].duplicated()
    if twice.any():
        raise BadInput(f"{shown(path)}: '{table.loc[twice, 'path'].iloc[0]}' stands there twice.")
    return table.reindex(columns=list(COLUMNS), fill_value="")


def _place(folder: Path, path: str) -> Path:
    """Where a listed file is; only ``~/`` means a home, since a name may begin with a tilde."""
    return folder / (Path(path).expanduser() if path.startswith("~/") else path)
