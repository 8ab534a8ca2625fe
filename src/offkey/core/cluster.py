"""Parallel work: the same call on one core, on two, or on a cluster.

``OFFKEY_SCHEDULER`` names a Dask scheduler to use; otherwise a local cluster with
``OFFKEY_JOBS`` single-threaded workers (default: one per core that this process may use) is started
on first use. With one job the work is done in this process.
"""

from __future__ import annotations

import atexit
import logging
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import resource_tracker
from typing import Any, TypeVar

from offkey.core import progress
from offkey.core.errors import BadInput

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables that say how many threads a numerical library takes."""

MEMORY = {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
"""Environment of processes that compute; glibc keeps what they free: they ask for as much again."""

PATIENCE = "30s"
"""How long a scheduler may take to answer."""

STOPPED = "stopped; what is done is kept: run again to go on"

T = TypeVar("T")
R = TypeVar("R")


def jobs() -> int:
    """How many processes may work at once.

    ``OFFKEY_JOBS`` where it is set; else the cores that affinity, cgroup and SLURM leave.

    Raises
    ------
    BadInput
        ``OFFKEY_JOBS`` is not a number of processes.
    """
    wish = os.environ.get("OFFKEY_JOBS", "").strip()
    if wish:
        if not wish.isdecimal() or int(wish) == 0:
            raise BadInput(
                f"OFFKEY_JOBS={wish} is not a number of processes: give 1 or more, or unset it."
            )
        return int(wish)
    return cores()


def cores() -> int:
    """How many cores this process may use: what affinity, cgroup and SLURM leave."""
    from dask.system import cpu_count

    allotted = [os.environ.get(f"SLURM_CPUS_{name}", "") for name in ("PER_TASK", "ON_NODE")]
    given = next((int(number) for number in allotted if number.isdecimal()), 0)
    return min(cpu_count(), given or cpu_count())


def run(function: Callable[[T], R], items: Iterable[T], *, label: str) -> list[R]:
    """Apply `function` to every item, in parallel where there is something to share.

    Parameters
    ----------
    function : callable
        Top-level function (or ``functools.partial`` of one) of one item; it is sent once.
    items : iterable
        Units of work; each should take well over 10 ms.
    label : str
        What the progress bar says.

    Returns
    -------
    list
        Results in the order of `items`, whatever the number of workers.

    Raises
    ------
    KeyboardInterrupt
        Stopped by hand; what waits is dropped, and the next call finds working processes.
    """
    work: Sequence[T] = list(items)
    here = not os.environ.get("OFFKEY_SCHEDULER") and (jobs() == 1 or len(work) < 2)
    with progress.bar(total=len(work), desc=label, disable=not work) as bar:
        try:
            return _run_here(function, work, bar) if here else _run_there(function, work, bar)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(STOPPED) from None


def _run_here(function: Callable[[T], R], work: Sequence[T], bar: Any) -> list[R]:
    results = []
    for item in work:
        results.append(function(item))
        bar.update()
    return results


def _run_there(function: Callable[[T], R], work: Sequence[T], bar: Any) -> list[R]:
    from distributed import as_completed
    from distributed.protocol import pickle

    client = _client()
    # a result of its own, which every worker fetches once and which can be made again; as bytes, so
    # that the modules behind it are imported by the tasks, by all workers at the same time
    sent = client.submit(bytes, pickle.dumps(function), pure=False)
    futures = client.map(_call, work, function=sent, pure=False)
    place = {future.key: number for number, future in enumerate(futures)}
    results: dict[int, R] = {}
    try:
        # raises the first error at once
        for future, result in as_completed(futures, loop=client.loop, with_results=True):
            results[place[future.key]] = result
            bar.update()
    finally:
        client.cancel(futures)
    return [results[number] for number in range(len(work))]


def _call(item: Any, *, function: bytes) -> Any:
    return _unpacked(function)(item)


@lru_cache(maxsize=1)
def _unpacked(function: bytes) -> Callable[[Any], Any]:
    from distributed.protocol import pickle

    unpacked: Callable[[Any], Any] = pickle.loads(function)
    return unpacked


@dataclass(frozen=True)
class _Connection:
    """A client and, where this process started it, its cluster."""

    wanted: tuple[str, int]
    client: Any
    local: Any

    def works(self) -> bool:
        running: bool = self.client.status == "running"
        return running and (self.local is None or self.local.status.name == "running")

    def close(self) -> None:
        self.client.close()
        if self.local is not None:
            self.local.close()


_open: list[_Connection] = []


def _client() -> Any:
    """The client of this process; one that works no more is replaced."""
    address = os.environ.get("OFFKEY_SCHEDULER", "")
    wanted = (address, 0 if address else jobs())
    if not (_open and _open[0].wanted == wanted and _open[0].works()):
        close()
        with _undisturbed():
            _open.append(_connect(*wanted))
    return _open[0].client


def _connect(address: str, n_workers: int) -> _Connection:
    from distributed import Client

    atexit.register(close)  # after what distributed does at the end, so it is done before that
    local = None if address else start_local(n_workers)
    try:
        client = Client(local or address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise BadInput(
            f"no Dask scheduler answers at '{address}' ({error}): "
            "start one there, or unset OFFKEY_SCHEDULER to work on this machine alone."
        ) from error
    return _Connection((address, n_workers), client, local)


def close() -> None:
    """End this process's connection and the workers it started; the next call makes new ones."""
    while _open:
        _open.pop().close()


def start_local(n_workers: int) -> Any:
    """Start a local Dask cluster of at most one worker a core.

    One thread a worker, since numba and BLAS must not compete. Workers beyond the cores would only
    wait for each other, and each pays for its imports.
    """
    from distributed import LocalCluster

    with _undisturbed(), _inherited({**dict.fromkeys(THREADS, "1"), **MEMORY}):
        return LocalCluster(
            n_workers=min(n_workers, cores()),
            threads_per_worker=1,
            processes=True,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
            memory_limit=0,
            silence_logs=logging.CRITICAL,  # what fails is raised where it is waited for
        )


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep Ctrl-C and Jupyter's Stop back until the end of the block.

    They reach every process of the group. Threads and processes started here inherit that they do
    not hear them: workers live on, to be used again, until the process that started them ends.
    """
    resource_tracker.ensure_running()  # on its start it would let the signal through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _inherited(environment: dict[str, str]) -> Iterator[None]:
    """Let processes started here inherit these variables instead of this one's."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
