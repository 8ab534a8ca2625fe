"""What a result was made with: versions, machine, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib import metadata

import pandas as pd

import offkey
from offkey.core import workspace

PACKAGES = ("torch", "torchvision", "numpy", "librosa", "scikit-learn", "soundfile", "papermill")


@cache
def commit() -> str:
    """Commit of the checkout, ``+`` where files differ from it; empty outside one."""
    root = workspace.project_root()
    if root is None:
        return ""
    git = ["git", "-C", str(root)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True)
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--", "src", "notebooks", "studies"],
            capture_output=True,
        )
    except FileNotFoundError:  # a checkout without git installed
        return ""
    if head.returncode:
        return ""
    return head.stdout.decode().strip() + ("+" if changed.stdout.strip() else "")


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what decides the numbers."""
    found = {"offkey": offkey.__version__, "python": platform.python_version()}
    return found | {name: metadata.version(name) for name in PACKAGES}


def table() -> pd.DataFrame:
    """Versions, commit, cores and threads, to be shown in a notebook."""
    rows = {
        **versions(),
        "commit": commit() or "not available",
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "threads per process": os.environ.get("OMP_NUM_THREADS", "all"),
    }
    return pd.DataFrame(list(rows.items()), columns=["what", "version"])
