"""Files that are whole or absent: fingerprints, atomic writes, tables, locks."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock, Timeout

from offkey.core.errors import BadInput, Busy, DiskFull

WRITTEN = "OFFKEY_WRITTEN"
"""Environment variable: a file that gets a line for every file written whole."""


def fingerprint(*parts: Any) -> str:
    """Name a product by everything that made it.

    Parameters
    ----------
    *parts : JSON-serialisable
        Parameters, input hashes, feature settings, recipe versions.

    Returns
    -------
    str
        16 hexadecimal digits of the SHA-256 of the canonical JSON.
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, read in blocks."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it takes the final name only on success.

    Raises
    ------
    DiskFull
        No space is left; whatever stood under the final name is untouched.
    BadInput
        The folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
        _note(path)
    except OSError as error:
        raise _explain(error, path) from error
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)


def _note(path: Path) -> None:
    """Add a finished file to the list that ``OFFKEY_WRITTEN`` names, where somebody wants one."""
    wanted = os.environ.get(WRITTEN)
    if wanted:
        with open(wanted, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(str(path)) + "\n")


def written(listing: Path) -> list[Path]:
    """The files on such a list, each once, sorted."""
    if not listing.is_file():
        return []
    lines = listing.read_text(encoding="utf-8").splitlines()
    return sorted({Path(json.loads(line)) for line in lines})


def _explain(error: OSError, path: Path) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return DiskFull(
            f"no space left to write {path}: free some, or choose another place with --data/--out."
        )
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST):
        return BadInput(
            f"cannot write {path} ({error.strerror}): choose a writable folder with --data/--out."
        )
    return error


def write_text(path: Path, text: str) -> Path:
    """Write a text file atomically (UTF-8)."""
    with writing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def write_json(path: Path, value: Any) -> Path:
    """Write JSON atomically."""
    return write_text(path, json.dumps(value, indent=2, sort_keys=True, default=str) + "\n")


def file_name(text: str) -> str:
    """A name that every file system and every link can hold: others' characters become ``_``."""
    return re.sub(r"[^\w@.+-]", "_", text)


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises
    ------
    BadInput
        The file is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist.") from error
    except ValueError as error:
        raise BadInput(f"{path} is not valid JSON ({error}).") from error


def write_table(table: pd.DataFrame, path: Path, *, csv: bool = False) -> None:
    """Write a table as ``.parquet``, with a CSV twin beside it where a person would open it."""
    path = path.with_suffix(".parquet")
    with writing(path) as partial:
        table.to_parquet(partial, index=False)
    if csv:
        with writing(path.with_suffix(".csv")) as partial:
            table.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")


def read_table(path: Path) -> pd.DataFrame:
    """Read a Parquet table, or a CSV one where the name ends in ``.csv``.

    Raises
    ------
    BadInput
        The file is missing or cannot be read as a table.
    """
    if not path.is_file():
        raise BadInput(f"table {path} does not exist: run the notebook that makes it first.")
    try:
        return pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise BadInput(f"{path} cannot be read as a table ({error}).") from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder for this process.

    The operating system frees the lock when its holder dies, so a stale one cannot stay behind.

    Raises
    ------
    Busy
        Another process holds it; the message names the process and since when.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        holder = folder / ".lock.json"
        about = read_json(holder) if holder.is_file() else {"pid": "?", "since": "?"}
        raise Busy(
            f"{folder} is in use by process {about['pid']} since {about['since']}: "
            "wait for it, or choose another folder with --out."
        ) from error
    except OSError as error:
        raise _explain(error, folder) from error
    try:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        write_json(folder / ".lock.json", {"pid": os.getpid(), "since": since})
        yield
    finally:
        (folder / ".lock.json").unlink(missing_ok=True)
        lock.release()
