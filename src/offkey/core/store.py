"""Files that are whole or absent: fingerprints, atomic writes, tables, locks."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import Timeout

from offkey.core import locks
from offkey.core.errors import BadInput, Busy, DiskFull

WRITTEN = "OFFKEY_WRITTEN"
"""Environment variable: a file that gets a line for every file written whole."""
LEFTOVER_S = 24 * 3600
"""A partial file that nobody wrote to for so long belongs to a writer that died."""
PAUSE_S = 0.2
"""How often a process that waits for a folder looks whether it is free."""


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
    # a folder may be shared by machines, where a process number says nothing
    writer = f"{socket.gethostname()[:20]}-{os.getpid()}-{secrets.token_hex(4)}"
    partial = path.with_name(f".{path.name}.{writer}.partial{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path.parent)
        yield partial
        partial.replace(path)
        _note(path)
    except OSError as error:
        raise _explain(error, path) from error
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)


@cache
def _remove_leftovers(folder: Path) -> None:
    """Remove what writers that died left in a folder; looked for once per process."""
    for left in folder.glob(".*.partial*"):
        with suppress(OSError):  # its writer lives after all, or another process was quicker
            if time.time() - left.stat().st_mtime > LEFTOVER_S:
                left.unlink()


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
    # a dot in the name is no ending: "tempo0.9" and "tempo0.95" are two tables
    name = path.name.removesuffix(".parquet")
    with writing(path.with_name(f"{name}.parquet")) as partial:
        table.to_parquet(partial, index=False)
    if csv:
        with writing(path.with_name(f"{name}.csv")) as partial:
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

    A lock whose holder has died is free; see :mod:`offkey.core.locks` for file systems without any.

    Raises
    ------
    Busy
        Another process holds it; the message names the process and since when.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = locks.at(folder / ".lock")
        lock.acquire(timeout=0)
    except Timeout as error:
        about = _holder(folder)
        raise Busy(
            f"{folder} is in use by process {about['pid']} since {about['since']}: "
            "wait for it, or choose another folder with --out."
            f"{_left_behind(lock.lock_file)}"
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


def _holder(folder: Path) -> dict[str, Any]:
    """What the holder of a folder wrote about itself; it may be letting go just now."""
    try:
        about: dict[str, Any] = read_json(folder / ".lock.json")
    except BadInput:
        return {"pid": "?", "since": "?"}
    return about


@contextmanager
def waiting(folder: Path) -> Iterator[None]:
    """Hold a folder for this process as :func:`locked` does, after whoever holds it now."""
    with ExitStack() as held:
        told = False
        while True:
            try:
                held.enter_context(locked(folder))
                break
            except Busy:
                if not told:
                    print(f"waiting for another process, which makes {folder}", file=sys.stderr)
                told = True
                time.sleep(PAUSE_S)
        yield


def _left_behind(lock_file: str) -> str:
    """What to do about a mark that outlives its holder; there is none where locks work."""
    if not lock_file.endswith(".held"):
        return ""
    return f" If no such process runs on any machine, remove {lock_file}."
