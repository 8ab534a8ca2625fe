"""Executes runs that are due: starts them, records their states, files their notebooks."""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offkey.core import cluster, store
from offkey.core.workspace import Workspace
from offkey.runner import durations, notebook_job, notebook_parameters, run_states, scheduling
from offkey.runner.notebook_job import Job, Outcome
from offkey.runner.progress_bar import ProgressBar, clock
from offkey.runner.studies import Run, Study


@dataclass(frozen=True)
class Plan:
    """A study with everything settled: places, parameters and fingerprints per run."""

    study: Study
    space: Workspace
    notebooks: Path
    parameters: dict[str, dict[str, Any]]
    fingerprints: dict[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What the command line says in place of the study."""

    @property
    def states(self) -> Path:
        """Where states and unfinished notebooks are kept."""
        return self.space.data / "runs" / self.study.study

    def source(self, run: Run) -> Path:
        """The notebook of a run."""
        return self.notebooks / f"{run.notebook}.ipynb"

    def output(self, run: Run) -> Path:
        """The executed notebook of a run."""
        return self.space.out / "notebooks" / f"{run.name}.ipynb"

    def failed_output(self, run: Run) -> Path:
        """The notebook of a run that failed, up to the failure."""
        return self.output(run).with_suffix(".failed.ipynb")

    def is_current(self, run: Run) -> bool:
        """Whether the result of a run can be kept."""
        state = run_states.read(self.states, run.name)
        current = run_states.is_current(state, self.fingerprints[run.name], self.output(run))
        return current and all((self.space.out / name).is_file() for name in state["products"])


@dataclass(frozen=True)
class Resources:
    """What an execution may use."""

    jobs: int = 1
    scheduler: str = ""
    max_minutes: float | None = None


@dataclass(frozen=True)
class Report:
    """How an execution ended: names of runs, and the signal that stopped it or 0."""

    complete: list[str]
    failed: list[str]
    signal: int


def execute(
    plan: Plan, todo: list[Run], resources: Resources, say: Callable[[str], None]
) -> Report:
    """Execute runs, each as soon as those it comes after are complete.

    Parameters
    ----------
    plan : Plan
        The study.
    todo : list of Run
        What to run, in reading order.
    resources : Resources
        Slots, Dask scheduler, time limit.
    say : callable
        Gets one line per event.
    """
    progress = scheduling.Progress(list(todo))
    usual = _usual_seconds(plan, todo)
    bar = ProgressBar(len(todo))
    place = {run.name: f"[{number}/{len(todo)}] {run.name}" for number, run in enumerate(todo, 1)}
    address = resources.scheduler

    def start(run: Run) -> Job:
        nonlocal address
        if run.cores == "all" and resources.jobs > 1 and not address:
            address = _local_cluster(resources.jobs, closing)
        bar.say(say, f"{place[run.name]}: started")
        return _start(plan, run, resources, address)

    def finish(run: Run, outcome: Outcome) -> bool:
        error = outcome.error
        if not error:
            usual[run.name] = outcome.seconds
        _file(plan, run, outcome)
        if not any(other.cores == "all" for other in progress.waiting):
            closing.close()  # nobody needs the workers any more: their memory is for the kernels
        how = f"failed after {clock(outcome.seconds)}: {error}" if error else ""
        how = how or f"done in {clock(outcome.seconds)}"
        left = remaining()
        soon = f"; about {clock(left)} left" if left else ""
        bar.say(say, f"{place[run.name]}: {how}{soon}")
        return not error

    def skip(run: Run, broken: str) -> None:
        reason = f"needs '{broken}', which is not complete"
        _record(plan, run, run_states.SKIPPED, error=reason)
        bar.say(say, f"{place[run.name]}: skipped, {reason}")

    def tick() -> None:
        bar.show(len(todo) - len(progress.waiting) - len(progress.running), remaining())

    def remaining() -> float | None:
        return scheduling.remaining_seconds(progress, resources.jobs, usual, time.monotonic())

    estimate = remaining()
    if estimate:
        say(f"about {clock(estimate)} for {len(todo)} notebooks, as it took before")
    urgency = scheduling.urgencies(todo, usual)
    with bar, scheduling.stop_signals() as stop, ExitStack() as closing:
        scheduling.drain(
            progress, resources.jobs, stop,
            start=start, finish=finish, skip=skip, tick=tick, urgency=urgency,
        )  # fmt: skip
    if stop.signal:
        for run, _ in progress.running.values():
            _record(plan, run, run_states.INTERRUPTED, error=signal.strsignal(stop.signal))
            shutil.rmtree(plan.states / run.name, ignore_errors=True)
        say("stopped: what is complete is kept, the same command goes on from there")
    return Report(progress.complete, progress.failed, stop.signal)


def _local_cluster(jobs: int, closing: ExitStack) -> str:
    local = cluster.start_local(jobs)
    closing.callback(local.close)
    return str(local.scheduler_address)


def _usual_seconds(plan: Plan, todo: list[Run]) -> dict[str, float]:
    """How long runs took here before or, on a new machine, where the results were made."""
    usual = durations.read(plan.space.out)
    for run in todo:
        here = run_states.read(plan.states, run.name).get("usual_seconds")
        usual |= {run.name: here} if here else {}
    return usual


def _start(plan: Plan, run: Run, resources: Resources, address: str) -> Job:
    _record(plan, run, run_states.RUNNING, started=time.strftime("%Y-%m-%d %H:%M:%S"))
    all_cores = run.cores == "all"
    # A run must not borrow cores it has not asked for; a user's cluster is another matter
    environment = notebook_job.environment(
        data=plan.space.data,
        jobs=resources.jobs if isinstance(run.cores, str) else min(run.cores, resources.jobs),
        # fixed by the study file, whatever the machine has: sums depend on the number of threads
        threads=resources.jobs if isinstance(run.cores, str) else run.cores,
        scheduler=address if all_cores else resources.scheduler,
    )
    places = {"data_dir": str(plan.space.data), "out_dir": str(plan.space.out)}
    accepted = notebook_parameters.inspect(plan.source(run))
    return notebook_job.start(
        plan.states / run.name,
        plan.source(run),
        {**plan.parameters[run.name], **{k: v for k, v in places.items() if k in accepted}},
        environment,
        max_seconds=60 * resources.max_minutes if resources.max_minutes else float("inf"),
    )


def _file(plan: Plan, run: Run, outcome: Outcome) -> None:
    """Put an executed notebook where readers look, then record that it is there."""
    from offkey.reports import pages

    partial = plan.states / run.name / "notebook.partial.ipynb"
    target = plan.failed_output(run) if outcome.error else plan.output(run)
    if partial.is_file():
        pages.write_notebook(pages.read_notebook(partial), target, run.notebook, plan.space.tables)
    if outcome.error:
        target.with_suffix(".html").unlink(missing_ok=True)
        _record(plan, run, run_states.FAILED, outcome)
        return
    made = store.written(plan.states / run.name / notebook_job.WRITTEN)
    out = plan.space.out
    products = [path.relative_to(out).as_posix() for path in made if path.is_relative_to(out)]
    shutil.rmtree(plan.states / run.name)
    for old in (plan.failed_output(run), plan.failed_output(run).with_suffix(".html")):
        old.unlink(missing_ok=True)
    # a page of an earlier execution must not pass for one of this
    target.with_suffix(".html").unlink(missing_ok=True)
    result = {"output_sha256": store.file_sha256(target), "products": products}
    _record(plan, run, run_states.COMPLETE, outcome, **result)


def _record(plan: Plan, run: Run, status: str, outcome: Outcome | None = None, **more: Any) -> None:
    measured = {}
    if outcome:
        measured = {
            "seconds": round(outcome.seconds, 2),
            "peak_rss_mb": outcome.peak_rss_mb,
            "error": outcome.error,
        }
    before = run_states.read(plan.states, run.name)
    run_states.write(
        plan.states,
        run.name,
        **{
            "status": status,
            "notebook": run.notebook,
            "fingerprint": plan.fingerprints[run.name],
            "parameters": plan.parameters[run.name],
            "started": before.get("started"),
            **measured,
            **more,
        },
    )
