"""librosa, imported so that its compiled parts are made by one process at a time.

librosa compiles on import and keeps the result on disk. Two processes that do so at once can leave
a file there that crashes every later process, so nothing else imports librosa.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

# The modules that compile something; the others come when they are asked for.
_COMPILING = ("librosa.util.utils", "librosa.core.audio", "librosa.core.pitch", "librosa.beat")


@cache
def librosa() -> Any:
    """The librosa module; the first call in a process waits for others that are compiling it."""
    with FileLock(lock_file()):
        for name in _COMPILING:
            importlib.import_module(name)
    return importlib.import_module("librosa")


def lock_file() -> Path:
    """Held while librosa is imported: beside what numba keeps of it, or where all can write."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    found = importlib.util.find_spec("librosa")
    assert found and found.origin
    folder = Path(named) if named else Path(found.origin).parent
    folder.mkdir(parents=True, exist_ok=True)
    place = folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())
    return place / "offkey-compiling.lock"
