"""One notebook run seen from outside: start its process, watch it, stop it without orphans."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offkey.core import cluster, store

WRITTEN = "written.txt"
PATIENCE_S = 8.0
"""How long a process may take to stop its kernel before it is killed itself."""


@dataclass(frozen=True)
class Outcome:
    """How a notebook ended; `error` is empty when it is complete."""

    error: str
    seconds: float
    peak_rss_mb: float


@dataclass
class Job:
    """A notebook that is being executed."""

    process: subprocess.Popen[bytes]
    started: float
    max_seconds: float
    log: Path

    def poll(self) -> Outcome | None:
        """The outcome, or None while the notebook still runs."""
        seconds = time.monotonic() - self.started
        if self.process.poll() is None:
            if seconds < self.max_seconds:
                return None
            self.stop()
            limit = f"{self.max_seconds / 60:g} minutes (--max-minutes)"
            return Outcome(f"took longer than {limit} and was stopped", seconds, 0.0)
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        lines = self.process.stdout.read().decode(errors="replace").strip().splitlines()
        self.process.stdout.close()
        if self.process.returncode or not lines:
            code = self.process.returncode
            return Outcome(f"its process ended with code {code}: see {self.log}", seconds, 0.0)
        result = json.loads(lines[-1])
        return Outcome(result["error"], seconds, result["peak_rss_mb"])

    def ask_to_stop(self) -> None:
        """Tell the process to stop its kernel; it does the same when this process dies."""
        assert self.process.stdin
        self.process.stdin.close()

    def stop(self) -> None:
        """End process and kernel."""
        self.ask_to_stop()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()


def start(
    folder: Path,
    notebook: Path,
    parameters: dict[str, Any],
    environment: dict[str, str],
    *,
    max_seconds: float = float("inf"),
) -> Job:
    """Execute a notebook in a process of its own, in the folder where its source stands.

    Parameters
    ----------
    folder : Path
        Emptied, then holds ``notebook.partial.ipynb``, ``job.json``, ``log.txt`` and
        ``written.txt``, the files that the notebook wrote.
    notebook : Path
        The source.
    parameters : dict
        Values of its parameters, JSON types.
    environment : dict of str
        Added to this process's environment.
    max_seconds : float
        The whole notebook is stopped after that time.
    """
    shutil.rmtree(folder, ignore_errors=True)
    job = {
        "notebook": str(notebook.resolve()),
        "parameters": parameters,
        "cwd": str(notebook.resolve().parent),
    }
    file = store.write_json(folder / "job.json", job)
    log = folder / "log.txt"
    with open(log, "wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "offkey.runner.notebook_process", str(file.resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stream,
            env={**os.environ, **environment, store.WRITTEN: str((folder / WRITTEN).resolve())},
            start_new_session=True,
        )
    return Job(process, time.monotonic(), max_seconds, log)


def environment(*, data: Path, jobs: int, threads: int, scheduler: str = "") -> dict[str, str]:
    """Environment variables of a notebook: where data is, how many processes and threads."""
    # a relative path counts from where the command runs, not from the notebooks' folder
    clips = os.environ.get("OFFKEY_CLIPS", "")
    return {
        "OFFKEY_DATA": str(data),
        "OFFKEY_CLIPS": str(Path(clips).expanduser().absolute()) if clips else "",
        "OFFKEY_JOBS": str(jobs),
        "OFFKEY_SCHEDULER": scheduler,
        **cluster.MEMORY,
        **{name: str(threads) for name in cluster.THREADS},
    }
