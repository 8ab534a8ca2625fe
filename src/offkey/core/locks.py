"""A lock for one process at a time, also where the file system has none."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)


def at(path: Path) -> BaseFileLock:
    """A lock on a file in an existing folder, not yet taken.

    The operating system frees it when its holder dies. Some network file systems cannot lock; there
    a file beside, ``NAME.held``, marks the holder. One that a dead process of this machine has left
    is removed by who comes next; one of another machine has to be removed by hand.
    """
    if _can_lock(path.parent):
        return FileLock(path)
    return SoftFileLock(path.with_name(f"{path.name}.held"))


def _can_lock(folder: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows locks in another way, on every file system
        return True
    with tempfile.TemporaryFile(dir=folder) as probe:
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
    return True
