"""What makes a data set the same one: its options, its recipe, and the content of its sources."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

from tqdm.auto import tqdm

from offkey.core import cluster, manifest, store
from offkey.core.errors import unknown
from offkey.core.typed import typed

HASHES = ".sources"
"""Folder of the hashes of source files, beside the data sets made from them."""


@dataclass(frozen=True)
class Recipe:
    """How a data set is made.

    Attributes
    ----------
    name : str
    seed : int
    options : dict
        All options, defaults filled in.
    chosen : dict
        Those that differ from their defaults.
    fingerprint : str
        Names the recipe and the content of the source files, wherever they lie.
    """

    name: str
    seed: int
    options: dict[str, Any]
    chosen: dict[str, Any]
    fingerprint: str


def recipe(
    name: str, source: ModuleType, seed: Any, options: Mapping[str, Any], place: Path
) -> Recipe:
    """Settle what is asked for and name it.

    Parameters
    ----------
    name : str
        Of the data set.
    source : module
        Its file; where it has ``sources(options)``, that gives the files it is made from: a key
        that matters (a class, a maker, a track may follow from it) and the path of each.
    seed : int
    options : mapping
        As the user gave them.
    place : Path
        Folder in which hashes of source files are kept.

    Raises
    ------
    BadInput
        An option is unknown or of another type, or there is no such music.
    """
    given = {"seed": seed, **options}
    hints = get_type_hints(source.make)
    defaults = {
        key: parameter.default
        for key, parameter in inspect.signature(source.make).parameters.items()
        if key not in ("folder", "seed")
    }
    for key in options:
        if key not in defaults:
            raise unknown(f"option of data set '{name}'", key, defaults)
    chosen = {
        key: typed(f"data set '{name}', option '{key}'", value, hints[key])
        for key, value in given.items()
    }
    seed = chosen.pop("seed")
    filled = {**defaults, **chosen}
    listed = getattr(source, "sources", None)
    files = listed(filled) if listed else {}
    # where the files lie does not matter, what is in them does
    where = ("source",) if listed else ()
    content = {key: value for key, value in filled.items() if key not in where}
    return Recipe(
        name,
        seed,
        filled,
        {key: value for key, value in chosen.items() if _json(value) != _json(defaults[key])},
        store.fingerprint(
            *(name, seed, content, getattr(source, "RECIPE", 1), manifest.COLUMNS),
            hashes(files, place / HASHES),
        ),
    )


def _json(value: Any) -> str:
    return json.dumps(value, default=str)


def hashes(files: Mapping[str, Path], folder: Path) -> list[list[str]]:
    """Key and SHA-256 of every file; no hash where a file cannot be read.

    Parameters
    ----------
    files : mapping of str to Path
        By a key of each.
    folder : Path
        Where hashes are kept: a file of the same size and times is not read again.
    """
    if not files:
        return []
    paths = [str(path.absolute()) for path in files.values()]
    kept = folder / f"{store.fingerprint(os.path.commonpath(paths))}.json"
    before = store.read_json(kept) if kept.is_file() else {}
    facts = {path: _facts(path) for path in paths}
    known = {path: old[1] for path, old in before.items() if old[0] == facts.get(path)}
    missing = [path for path in facts if path not in known]
    with (
        ThreadPoolExecutor(cluster.jobs()) as pool,
        tqdm(total=len(missing), desc="hashing sources", unit="file", delay=3.0) as bar,
    ):
        for path, sha256 in zip(missing, pool.map(_sha256, missing), strict=True):
            known[path] = sha256
            bar.update()
    now = {path: [facts[path], known[path]] for path in sorted(facts)}
    if now != before:
        store.write_json(kept, now)
    return sorted([key, known[path]] for key, path in zip(files, paths, strict=True))


def _facts(path: str) -> list[int]:
    """Size and times; the second time changes whenever the file does, whoever sets the first."""
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):  # a name that no file can have
        return []
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]


def _sha256(path: str) -> str:
    try:
        return store.file_sha256(Path(path))
    except (OSError, ValueError):
        return ""
