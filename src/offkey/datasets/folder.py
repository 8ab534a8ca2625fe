"""Any music the user has: a directory with ``human/`` and ``ai/``, or a CSV that lists files."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from offkey.core.errors import BadInput, unknown
from offkey.core.manifest import SPLITS
from offkey.datasets import cutting
from offkey.datasets.base import DatasetInfo
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
COLUMNS = {"path": True, "target": True, "track_id": False, "generator": False, "split": False}


def make(
    folder: Path,
    *,
    seed: int,
    source: str = "",
    clip_s: float = 10.0,
    clips_per_track: int = 1,
    random_segment: bool = False,
    licence: str = "not stated",
) -> pd.DataFrame:
    """Cut clips from the user's files.

    Parameters
    ----------
    folder : Path
        Where clips go, as FLAC at their own rate (48 kHz at most) in ``audio/``.
    seed : int
        The study's seed; it decides the splits.
    source : str
        A directory with ``human/`` and ``ai/``, searched to any depth: the first folder below
        names the human source or the generator, a file without its extension is a track. Or a CSV
        with columns path (from the CSV's place), target (1 AI, 0 human), and where known
        track_id, generator, split (train, val, test; for all files or none).
    clip_s : float
        Longest clip, in seconds; recordings under 5 s are skipped, since one window of 4 s must
        survive a rate of 1.25.
    clips_per_track : int
        How many clips to cut where the recording is long enough.
    random_segment : bool
        Draw a single clip anywhere in its recording instead of cutting all at the same share.
    licence : str
        What the manifest says of the files.

    Raises
    ------
    BadInput
        There is no such music, more than 5 % of it cannot be used, the same file is called human
        and AI, or a class has too few tracks to split.
    """
    if not source:
        raise BadInput(
            "data set 'folder': give source=DIRECTORY (with human/ and ai/) or source=FILE.csv "
            "(path,target)."
        )
    root = Path(source).expanduser().resolve()
    found = _from_csv(root, licence) if root.suffix.lower() == ".csv" else _from_tree(root, licence)
    how = Cut(clip_s, clips_per_track, random_seed=seed if random_segment else None)
    rows = cutting.clips_of(found, folder, how, dataset=INFO.name, label="cutting clips")
    return rows if found[0].split else cutting.with_splits(rows, seed, INFO.name)


def _from_tree(root: Path, licence: str) -> list[Recording]:
    recordings: list[Recording] = []
    for target, kind in ((0, "human"), (1, "ai")):
        if not (root / kind).is_dir():
            raise BadInput(f"data set 'folder': {shown(root)} has no folder {kind}/ in it.")
        here = len(recordings)
        for place, folders, names in os.walk(root / kind):
            folders.sort()
            for name in sorted(names):
                path = Path(place, name)
                if path.suffix.lower() not in EXTENSIONS or name.startswith("."):
                    continue
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


def _from_csv(path: Path, licence: str) -> list[Recording]:
    table = _read_csv(path)
    recordings: list[Recording] = []
    for line, row in enumerate(table.to_dict("records"), start=2):
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
                path=str(path.parent / Path(row["path"]).expanduser()),
                key=row["path"],
                track_id=shown(row["track_id"] or Path(row["path"]).with_suffix("").as_posix()),
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
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadInput(f"{shown(path)} cannot be read as a CSV ({error}).") from error
    for column in table.columns:
        if column not in COLUMNS:
            raise unknown(f"column of {shown(path)}", str(column), COLUMNS)
    missing = [name for name, needed in COLUMNS.items() if needed and name not in table]
    if missing or table.empty:
        raise BadInput(
            f"{shown(path)}: missing columns {missing or 'none'}, {len(table)} rows; "
            "give at least path and target (1 AI, 0 human)."
        )
    twice = table["path"].duplicated()
    if twice.any():
        raise BadInput(f"{shown(path)}: '{table.loc[twice, 'path'].iloc[0]}' stands there twice.")
    return table.reindex(columns=list(COLUMNS), fill_value="")
