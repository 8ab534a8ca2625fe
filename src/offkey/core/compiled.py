"""What numba compiles: made by one process, read by all others.

librosa compiles on import and keeps the result on disk. Two processes that do so at once can leave
a file there that crashes every later process. So the first process compiles under a lock and
leaves a mark; where the mark stands, nobody waits. Nothing else imports librosa or numba.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from filelock import Timeout

from offkey.core import locks, store
from offkey.core.errors import BadInput

# The modules that compile something and keep it
_COMPILING = ("librosa.util.utils", "librosa.core.audio", "librosa.core.pitch", "librosa.beat")
PATIENCE_S = 900.0
"""How long a process waits for another that compiles: half a minute, more on a busy machine."""

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def librosa() -> Any:
    """The librosa module, without waiting where it has been compiled already.

    Its parts are imported when they are used: ``librosa.beat`` alone takes seconds, since it keeps
    one of its compiled functions nowhere.

    Raises
    ------
    BadInput
        No folder for compiled functions can be written or locked.
    """
    folder = cache_folder()
    _numba()
    # named as numba names its indexes: whoever deletes those deletes it with them
    mark = folder / f"offkey-{_identity()}.nbi"
    if not mark.is_file():
        with _alone():
            if not mark.is_file():
                for name in _COMPILING:
                    importlib.import_module(name)
                mark.touch()
    return importlib.import_module("librosa")


def kernel(function: Function) -> Function:
    """Compile a function with numba on its first call, and keep the result on disk."""
    cache_folder()
    compiled: Function = _numba().njit(cache=True)(function)
    return compiled


def lock_file() -> Path:
    """Held while librosa is compiled; beside what numba keeps of it."""
    return cache_folder() / "offkey-compiling.lock"


@cache
def cache_folder() -> Path:
    """Where compiled functions are kept: beside the code, or in a folder of this user's.

    Numba is told by ``NUMBA_CACHE_DIR`` where it is not beside the code.

    Raises
    ------
    BadInput
        None of these folders can be written.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named:
        if not _is_mine(Path(named)):
            raise BadInput(
                f"NUMBA_CACHE_DIR={named} cannot be written: "
                "name a folder of yours, or unset the variable."
            )
        return Path(named)
    beside = _package("librosa") / "__pycache__"
    if _is_mine(beside) and _is_mine(_package("offkey") / "__pycache__"):
        return beside
    for folder in _folders_of_this_user():
        if _is_mine(folder):
            os.environ["NUMBA_CACHE_DIR"] = str(folder)
            return folder
    raise BadInput(
        "no folder for compiled functions can be written: "
        "set NUMBA_CACHE_DIR to the path of a folder of yours."
    )


def _package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found and found.origin
    return Path(found.origin).parent


def _folders_of_this_user() -> Iterator[Path]:
    import pooch

    usual = Path(pooch.os_cache("offkey"))
    if usual.is_absolute():  # it is not where there is no home
        yield usual
    # another user's folder of that name could hold any code
    shared = Path(tempfile.gettempdir()) / f"offkey-{os.getuid()}"
    with suppress(OSError):
        shared.mkdir(mode=0o700, exist_ok=True)
        if shared.stat().st_uid == os.getuid():
            yield shared


def _is_mine(folder: Path) -> bool:
    """Whether this process can write there; the folder is made where it is missing."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _numba() -> Any:
    import numba

    numba.config.reload_config()  # whoever imported it first may not have named the folder
    return numba


def _identity() -> str:
    """Names what numba would have to compile anew: another librosa, numba, Python or processor."""
    from llvmlite import binding
    from numba import __version__ as numba_version

    package = _package("librosa")
    files = [package.joinpath(*name.split(".")[1:]).with_suffix(".py") for name in _COMPILING]
    sources = [(str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    processor = (binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten())
    return store.fingerprint(numba_version, sys.implementation.cache_tag, processor, sources)


@contextmanager
def _alone() -> Iterator[None]:
    try:
        lock = locks.at(lock_file())
        lock.acquire(timeout=PATIENCE_S)
    except Timeout as error:
        raise BadInput(
            f"another process has held {lock_file()} for {PATIENCE_S / 60:g} minutes: "
            "if no other offkey is running, delete that file."
        ) from error
    except (OSError, NotImplementedError) as error:
        raise BadInput(
            f"{lock_file()} cannot be locked ({error}): "
            "set NUMBA_CACHE_DIR to a folder on a local disk."
        ) from error
    try:
        yield
    finally:
        lock.release()
