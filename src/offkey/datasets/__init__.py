"""Data sets: one file per source, each ends in a manifest.

Each module provides ``INFO`` (licence and citation as data) and
``make(folder, *, seed, **options) -> DataFrame``, which puts mono sound where it belongs
and returns the clips table, paths relative to `folder` or absolute. One that is made from files
of the user lists them in ``sources(options)``.

Every recipe has a folder of its own: a data set with other options, or of other files, is another
one.
"""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd

from offkey.core import manifest, store
from offkey.core.errors import BadInput, unknown
from offkey.datasets.base import DatasetInfo, write_skipped
from offkey.datasets.recipes import Recipe, recipe

NAMES = ("demo", "public_clips", "fakemusiccaps", "folder")
RECEIPT = "recipe.json"


def module(name: str) -> ModuleType:
    """The file of a data set."""
    if name not in NAMES:
        raise unknown("data set", name, NAMES)
    return importlib.import_module(f"offkey.datasets.{name}")


def info(name: str) -> DatasetInfo:
    """Title, licence, citation of a data set."""
    found: DatasetInfo = module(name).INFO
    return found


def identity(name: str, root: Path, /, *, seed: int = 0, **options: Any) -> str:
    """Name a data set by its recipe and the content of the files it is made from.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    root : Path
        Folder of the data sets; hashes of source files are kept there.
    seed : int
        The study's seed.
    **options
        As :func:`make` takes them; what is left out has its default.
    """
    return recipe(name, module(name), seed, options, root).fingerprint


def ready(name: str, root: Path, /, *, seed: int = 0, **options: Any) -> pd.DataFrame:
    """The clips of a data set in its own folder below `root`, built where they are missing.

    Where another process builds the same one, this one waits and reads it.

    Returns
    -------
    DataFrame
        As :func:`make`; ``attrs["folder"]`` (str) says where audio, manifest and the list of files
        that could not be used are.
    """
    wanted = recipe(name, module(name), seed, options, root)
    folder = root / f"{name}-{wanted.fingerprint[:10]}"
    clips = _standing(folder, wanted)
    if clips is None:
        with store.waiting(folder):
            clips = _built(folder, wanted, root)
    clips.attrs["folder"] = str(folder)
    return clips


def make(name: str, folder: Path, /, *, seed: int = 0, **options: Any) -> pd.DataFrame:
    """Build a data set in a folder, or read it where the same one stands already.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    folder : Path
        Where audio and manifest go.
    seed : int
        The study's seed.
    **options
        Passed to the data set's ``make``; an unknown or ill-typed one is refused.

    Returns
    -------
    DataFrame
        The validated manifest, paths absolute.
    """
    return _built(folder, recipe(name, module(name), seed, options, folder), folder)


def _standing(folder: Path, wanted: Recipe) -> pd.DataFrame | None:
    """The clips of a folder, if it holds this very data set with all its sound."""
    receipt = folder / RECEIPT
    if not receipt.is_file() or store.read_json(receipt)["fingerprint"] != wanted.fingerprint:
        return None
    clips = load(folder)
    return clips if all(Path(path).is_file() for path in clips["path"]) else None


def _built(folder: Path, wanted: Recipe, place: Path) -> pd.DataFrame:
    clips = _standing(folder, wanted)
    if clips is not None:
        return clips
    source = module(wanted.name)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECEIPT).unlink(missing_ok=True)
    made = source.make(folder, seed=wanted.seed, **wanted.options)
    if recipe(wanted.name, source, wanted.seed, wanted.chosen, place) != wanted:
        raise BadInput(
            f"data set '{wanted.name}': its source files changed while they were read: run again."
        )
    manifest.write(made, folder)
    write_skipped(made.attrs.get("skipped", []), folder)
    about = {"name": wanted.name, "seed": wanted.seed, "options": wanted.chosen}
    store.write_json(folder / RECEIPT, {"fingerprint": wanted.fingerprint, **about})
    return load(folder)


def made(root: Path, name: str = "") -> pd.DataFrame:
    """Data sets that stand below `root`, of one name or all.

    Returns
    -------
    DataFrame
        ``name, options, folder``; options as text, as far as they differ from the defaults.
    """
    rows = []
    for receipt in sorted(root.glob(f"*/{RECEIPT}")):
        about = store.read_json(receipt)
        options = {"seed": about["seed"]} if about["seed"] else {}
        options |= about["options"]
        text = ", ".join(f"{key}: {json.dumps(value)}" for key, value in options.items())
        rows.append([about["name"], text, str(receipt.parent)])
    table = pd.DataFrame(rows, columns=["name", "options", "folder"])
    return table[table["name"] == name].reset_index(drop=True) if name else table


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
