"""A command in a process group of its own: ended on time, with everything it started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

GUARD = Path(__file__).with_name("workers") / "guard.py"


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, None where it took too long; its output."""

    code: int | None
    output: str
    last_words: str
    """The last line of its standard error, empty without any."""


def run(
    command: Sequence[str],
    *,
    folder: Path,
    timeout_s: float,
    place: Path,
    log: Path,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command to its end, or kill it with its whole group.

    Parameters
    ----------
    command : sequence of str
        Program and words; no shell.
    folder : Path
        Where it runs.
    timeout_s : float
        From when it is killed.
    place : Path
        A folder for its output.
    log : Path
        What it says on standard error is added here.
    environment : mapping, optional
        Added to this process's.
    """
    output, errors = place / "stdout.txt", place / "stderr.txt"
    with open(output, "wb") as out, open(errors, "wb") as err:
        # the guard ends the command when this process closes the pipe, or dies
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), *command],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        code: int | None
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait()
    said = errors.read_text(encoding="utf-8", errors="replace")
    with open(log, "a", encoding="utf-8") as stream:
        stream.write(said)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    text = output.read_text(encoding="utf-8", errors="replace")
    return Ended(code, text, lines[-1] if lines else "")
