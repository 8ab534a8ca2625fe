"""Parallel work: the same call on one core, on two, or on a cluster.

``OFFKEY_SCHEDULER`` names a Dask scheduler to use; otherwise a local cluster with
``OFFKEY_JOBS`` single-threaded workers (default: one per core) is started on first use. With one
job the work is done in this process.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from offkey.core import progress

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""Environment variables that say how many threads a numerical library takes."""

MEMORY = {"MALLOC_MMAP_THRESHOLD_": "2000000000", "MALLOC_TRIM_THRESHOLD_": "8000000000"}
"""Environment of processes that compute; glibc keeps what they free: they ask for as much again."""

T = TypeVar("T")
R = TypeVar("R")


def jobs() -> int:
    """How many processes may work at once on this machine."""
    return int(os.environ.get("OFFKEY_JOBS") or os.cpu_count() or 1)


@cache
def _client() -> Any:
    from distributed import Client

    address = os.environ.get("OFFKEY_SCHEDULER")
    if address:
        return Client(address, timeout="30s", set_as_default=False)
    local = start_local(jobs())
    atexit.register(local.close)
    client = Client(local, set_as_default=False)
    atexit.register(client.close)
    return client


def start_local(n_workers: int) -> Any:
    """Start a local Dask cluster: one thread a worker, since numba and BLAS must not compete."""
    from distributed import LocalCluster

    with _inherited({**dict.fromkeys(THREADS, "1"), **MEMORY}):
        return LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
            silence_logs=40,
        )


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


def run(function: Callable[[T], R], items: Iterable[T], *, label: str) -> list[R]:
    """Apply `function` to every item, in parallel where there is something to share.

    Parameters
    ----------
    function : callable
        Top-level function (or ``functools.partial`` of one) of one item.
    items : iterable
        Units of work; each should take well over 10 ms.
    label : str
        What the progress bar says.

    Returns
    -------
    list
        Results in the order of `items`, whatever the number of workers.
    """
    work: Sequence[T] = list(items)
    bar = progress.bar(total=len(work), desc=label, disable=not work)
    with bar:
        if not os.environ.get("OFFKEY_SCHEDULER") and (jobs() == 1 or len(work) < 2):
            results = []
            for item in work:
                results.append(function(item))
                bar.update()
            return results
        return _run_on_cluster(function, work, bar)


def _run_on_cluster(function: Callable[[T], R], work: Sequence[T], bar: Any) -> list[R]:
    from distributed import as_completed

    client = _client()
    futures = client.map(function, work, pure=False)
    try:
        for future in as_completed(futures, loop=client.loop):
            future.result()  # raise the first error at once
            bar.update()
        return list(client.gather(futures))
    finally:
        client.cancel(futures)
