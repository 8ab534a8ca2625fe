"""Data sets: one file per source, each ends in a manifest.

Each module provides ``INFO`` (licence and citation as data) and
``make(folder, *, seed, **options) -> DataFrame``, which puts mono sound where it belongs
and returns the clips table, paths relative to `folder` or absolute.
"""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from offkey.core import manifest, store
from offkey.core.errors import BadInput, unknown
from offkey.datasets.base import DatasetInfo

NAMES = ("demo", "public_clips", "fakemusiccaps", "folder")


def module(name: str) -> ModuleType:
    """The file of a data set."""
    if name not in NAMES:
        raise unknown("data set", name, NAMES)
    return importlib.import_module(f"offkey.datasets.{name}")


def info(name: str) -> DatasetInfo:
    """Title, licence, citation of a data set."""
    found: DatasetInfo = module(name).INFO
    return found


def make(name: str, folder: Path, *, seed: int = 0, **options: Any) -> pd.DataFrame:
    """Build a data set, or read it where the same one stands already.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    folder : Path
        Where audio and manifest go.
    seed : int
        The study's seed.
    **options
        Passed to the data set's ``make``; an unknown one is refused.

    Returns
    -------
    DataFrame
        The validated manifest, paths absolute.
    """
    source = module(name)
    allowed = [p for p in inspect.signature(source.make).parameters if p not in ("folder", "seed")]
    for option in options:
        if option not in allowed:
            raise unknown(f"option of data set '{name}'", option, allowed)
    recipe = {
        "fingerprint": store.fingerprint(
            *(name, seed, options, getattr(source, "RECIPE", 1), manifest.COLUMNS),
            _files(options.get("source")),
        ),
        "name": name,
        "seed": seed,
        "options": options,
    }
    receipt = folder / "recipe.json"
    if not (receipt.is_file() and store.read_json(receipt)["fingerprint"] == recipe["fingerprint"]):
        folder.mkdir(parents=True, exist_ok=True)
        receipt.unlink(missing_ok=True)
        clips = source.make(folder, seed=seed, **options)
        manifest.write(clips, folder)
        store.write_table(
            pd.DataFrame(clips.attrs.get("skipped", []), columns=["path", "reason", "detail"]),
            folder / "skipped.parquet",
            csv=True,
        )
        store.write_json(receipt, recipe)
    return load(folder)


def ready(name: str, root: Path, *, seed: int = 0, **options: Any) -> pd.DataFrame:
    """The clips of a data set in its own folder below `root`, built where they are missing.

    Returns
    -------
    DataFrame
        As :func:`make`; ``attrs["folder"]`` (str) says where audio, manifest and the list of files
        that could not be used are.
    """
    folder = root / name
    clips = make(name, folder, seed=seed, **options)
    clips.attrs["folder"] = str(folder)
    return clips


def _files(source: Any) -> list[tuple[str, int, int]]:
    """Name, size and time of every file a data set is made from, so that a change is noticed."""
    if not source or not Path(source).expanduser().exists():
        return []
    place = Path(source).expanduser()
    paths = sorted(place.rglob("*")) if place.is_dir() else [place]
    stats = [(path, path.stat()) for path in paths if path.is_file()]
    return [(str(path), stat.st_size, stat.st_mtime_ns) for path, stat in stats]


def load(folder: Path) -> pd.DataFrame:
    """Read the manifest of a data set that was made, paths absolute."""
    if not (folder / "clips.parquet").is_file():
        raise BadInput(f"no data set in {folder}: make it with 'offkey data make' first.")
    clips = manifest.read(folder)
    return clips.assign(path=[str(folder / path) for path in clips["path"]])


def verify(folder: Path) -> pd.DataFrame:
    """Compare every clip's file with its hash.

    Returns
    -------
    DataFrame
        ``clip_id, path, problem`` for each missing or changed file; empty when all is well.
    """
    problems = []
    for clip in load(folder).itertuples():
        path = Path(str(clip.path))
        if not path.is_file():
            problems.append((clip.clip_id, clip.path, "missing"))
        elif store.file_sha256(path) != clip.sha256:
            problems.append((clip.clip_id, clip.path, "changed"))
    return pd.DataFrame(problems, columns=["clip_id", "path", "problem"])


def catalogue() -> pd.DataFrame:
    """Every known data set with its licence."""
    columns = ["name", "title", "licence", "url"]
    rows = [[getattr(info(name), column) for column in columns] for name in NAMES]
    return pd.DataFrame(rows, columns=columns)


def skipped(folder: Path) -> pd.DataFrame:
    """Files that could not be used when the data set was made: ``path, reason, detail``."""
    return store.read_table(folder / "skipped.parquet")
