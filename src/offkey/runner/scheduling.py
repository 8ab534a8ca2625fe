"""Starts runs as soon as what they need is there and slots are free, the most urgent first."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from offkey.runner.notebook_job import Job, Outcome
from offkey.runner.studies import Run

POLL_S = 0.05


@dataclass
class Stop:
    """The signal that asked to stop, or 0."""

    signal: int = 0


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Note Ctrl-C and SIGTERM instead of dying of them, so that kernels can be stopped first."""
    stop = Stop()

    def note(number: int, _frame: FrameType | None) -> None:
        stop.signal = stop.signal or number

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Progress:
    """Which runs still wait, which run, and which ended how."""

    waiting: list[Run]
    running: dict[str, tuple[Run, Job]] = field(default_factory=dict)
    complete: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    """Failed or skipped."""


def drain(
    progress: Progress,
    slots: int,
    stop: Stop,
    *,
    start: Callable[[Run], Job],
    finish: Callable[[Run, Outcome], bool],
    skip: Callable[[Run, str], None],
    tick: Callable[[], None] = lambda: None,
    urgency: Mapping[str, float] | None = None,
) -> None:
    """Work until nothing waits or runs, or until asked to stop.

    Parameters
    ----------
    progress : Progress
        Runs to do, in reading order; what they come after and is not among them counts as there.
    slots : int
        Cores to share out: a run takes as many as its ``cores`` says, ``all`` of them at most.
    stop : Stop
        Once it holds a signal, running notebooks are stopped and the function returns; they stay
        in ``progress.running``.
    start, finish, skip : callable
        What to do when a run starts, ends (true: complete) or cannot start because of another.
    tick : callable
        Called several times a second.
    urgency : mapping of str to float
        From :func:`urgencies`; equal ones, and by default all, start in reading order.
    """
    try:
        while (progress.waiting or progress.running) and not stop.signal:
            for name, (run, job) in list(progress.running.items()):
                outcome = job.poll()
                if outcome is not None:
                    del progress.running[name]
                    (progress.complete if finish(run, outcome) else progress.failed).append(name)
            _start_ready(progress, slots, stop, start, skip, urgency or {})
            tick()
            time.sleep(POLL_S)
    finally:
        for _, job in progress.running.values():
            job.ask_to_stop()
        for _, job in progress.running.values():
            job.stop()


def _start_ready(
    progress: Progress,
    slots: int,
    stop: Stop,
    start: Callable[[Run], Job],
    skip: Callable[[Run, str], None],
    urgency: Mapping[str, float],
) -> None:
    for run in sorted(progress.waiting, key=lambda run: -urgency.get(run.name, 0.0)):
        broken = [name for name in run.after if name in progress.failed]
        pending = {other.name for other in progress.waiting} | set(progress.running)
        if broken:
            progress.waiting.remove(run)
            progress.failed.append(run.name)
            skip(run, broken[0])
        elif not pending & set(run.after) and _fits(run, progress, slots) and not stop.signal:
            progress.waiting.remove(run)
            progress.running[run.name] = (run, start(run))


def _fits(run: Run, progress: Progress, slots: int) -> bool:
    taken = sum(_slots(other, slots) for other, _ in progress.running.values())
    return taken + _slots(run, slots) <= slots


def _slots(run: Run, slots: int) -> int:
    return slots if run.cores == "all" else min(run.cores, slots)


def urgencies(runs: Sequence[Run], usual: Mapping[str, float]) -> dict[str, float]:
    """Seconds from the start of each run to the end of the longest chain of runs that hangs on it.

    The longest chain first leaves the fewest idle slots at the end.

    Parameters
    ----------
    runs : sequence of Run
        In any order.
    usual : mapping of str to float
        Seconds per run where known; others count as their mean, or as one.
    """
    mean = sum(usual.values()) / len(usual) if usual else 1.0
    found: dict[str, float] = {}

    def of(run: Run) -> float:
        if run.name not in found:
            later = [of(other) for other in runs if run.name in other.after]
            found[run.name] = usual.get(run.name, mean) + max(later, default=0.0)
        return found[run.name]

    return {run.name: of(run) for run in runs}


def remaining_seconds(
    progress: Progress, slots: int, usual: dict[str, float], now: float
) -> float | None:
    """Estimate the time left from durations of earlier executions.

    Parameters
    ----------
    progress : Progress
        What waits and runs.
    slots : int
        Runs at once.
    usual : dict of float
        Seconds per run where known; other runs count as their mean.
    now : float
        ``time.monotonic()``.

    Returns
    -------
    float or None
        Seconds; None when no duration is known at all.
    """
    if not usual:
        return None
    mean = sum(usual.values()) / len(usual)
    total = 0.0
    for run in progress.waiting:
        total += usual.get(run.name, mean) * _slots(run, slots) / slots
    for run, job in progress.running.values():
        left = max(usual.get(run.name, mean) - (now - job.started), 0.0)
        total += left * _slots(run, slots) / slots
    return total
