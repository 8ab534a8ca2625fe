"""From a study to executed notebooks and pages: what must run, and what can be kept.

Each run is a process of its own (`notebook_job`), started when its turn comes (`scheduling`);
what an interrupted study completed is kept by fingerprint (`states`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from offkey.core import store
from offkey.core.errors import Busy, unknown
from offkey.core.workspace import Workspace
from offkey.runner import pages, run_states, studies
from offkey.runner.execution import Plan, Report, Resources, execute
from offkey.runner.studies import Run, Study


def run_study(
    study: Study,
    space: Workspace,
    *,
    notebooks: Path,
    settings: dict[str, Any] | None = None,
    only: list[str] | None = None,
    resources: Resources | None = None,
    force: bool = False,
    say: Callable[[str], None] = print,
) -> int:
    """Execute a study's notebooks and render its pages.

    Parameters
    ----------
    study : Study
        What to run.
    space : Workspace
        States go to ``data/runs/STUDY``, results to ``out``.
    notebooks : Path
        Folder of the sources.
    settings : dict
        Parameters from the command line, see `studies.parameters`.
    only : list of str
        Runs or notebooks, or beginnings of their names; what they need and is not complete is
        run too. Empty: all.
    resources : Resources
        Runs at once, Dask scheduler, time limit per notebook.
    force : bool
        Run again what could be kept.
    say : callable
        Gets one line per event.

    Returns
    -------
    int
        Exit code: 0, 1 when a run failed, 128 + the signal when stopped by one.

    Raises
    ------
    BadInput
        A name or a parameter is wrong, or the results folder cannot be written; nothing was
        started.
    Busy
        Another process works on the same results.
    """
    parameters = studies.parameters(study, notebooks, settings)
    chosen = select(study, only or [])
    plan = Plan(
        study,
        space,
        notebooks,
        parameters,
        run_states.fingerprints(study, parameters, notebooks, space.datasets),
        settings or {},
    )
    with _held(plan):
        todo = due(plan, chosen, force, say)
        report = execute(plan, todo, resources or Resources(), say) if todo else Report([], [], 0)
        if report.signal:
            return 128 + report.signal
        pages.render(plan, fresh={*report.complete, *report.failed})
    if report.failed:
        ended = f"{len(report.complete)} complete, {len(report.failed)} failed or skipped"
        say(f"{ended}: {', '.join(report.failed)}")
        return 1
    return 0


def select(study: Study, only: list[str]) -> set[str]:
    """Names of the runs that the words of ``--only`` mean; no words mean all."""
    chosen: set[str] = set()
    for word in (text.removesuffix(".ipynb") for text in only):
        exact = {run.name for run in study.runs if word in (run.name, run.notebook)}
        near = {
            run.name
            for run in study.runs
            if run.name.startswith(word) or run.notebook.startswith(word)
        }
        if not near:
            known = {run.name for run in study.runs} | {run.notebook for run in study.runs}
            raise unknown("run or notebook", word, known)
        chosen |= exact or near
    return chosen or {run.name for run in study.runs}


def due(plan: Plan, chosen: set[str], force: bool, say: Callable[[str], None]) -> list[Run]:
    """Runs that must be executed, in reading order; says what is kept and what is added.

    A run is due when it was chosen, or a due one comes after it, and its result cannot be kept.
    """
    current = {run.name: plan.is_current(run) for run in plan.study.runs}
    needed: dict[str, str] = {}

    def need(name: str, because: str) -> None:
        if name in needed or (current[name] and not (force and name in chosen)):
            return
        needed[name] = because
        for other in plan.study.run(name).after:
            need(other, name)

    for run in plan.study.runs:
        if run.name in chosen:
            need(run.name, "")
    for run in plan.study.runs:
        if run.name in needed and run.name not in chosen:
            say(f"{run.name}: not complete, run too because '{needed[run.name]}' needs it")
        elif run.name in chosen and run.name not in needed:
            say(f"{run.name}: unchanged, kept")
    return [run for run in plan.study.runs if run.name in needed]


@contextmanager
def _held(plan: Plan) -> Iterator[None]:
    with ExitStack() as locks:
        locks.enter_context(store.locked(plan.space.out))
        try:
            # two result folders may share one data folder, and with it the states of a study
            locks.enter_context(store.locked(plan.states))
        except Busy as error:
            raise Busy(
                f"study '{plan.study.study}' is being run with the same data folder "
                f"({plan.space.data}): wait for it, or choose another one with --data."
            ) from error
        yield
