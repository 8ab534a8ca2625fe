"""What a reader gets to see of runs: their pages, the index, the headline numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import offkey
from offkey import notebook_parameters, run_states, store, workspace
from offkey.execution import Plan
from offkey.studies import Run


def render(plan: Plan, fresh: set[str]) -> None:
    """Make the pages of what ran, pages that are missing, and the index when any page is new.

    Parameters
    ----------
    plan : Plan
        The study.
    fresh : set of str
        Names of runs that ended now.
    """
    entries = [entry(plan, run) for run in plan.study.runs]
    out = plan.space.out
    stale = [
        item
        for item in entries
        if item["ipynb"] and (item["name"] in fresh or not (out / item["html"]).is_file())
    ]
    if not (stale or fresh or not (out / "index.html").is_file()):
        return

    from offkey.reports import pages

    for item in stale:
        pages.notebook_page(
            out / item["ipynb"],
            out / item["html"],
            title=item["title"],
            provenance=provenance(plan, item["name"]),
            figures=plan.space.figures,
        )
    pages.study_index(out, plan.study.model_dump(), entries, headline(out))
    root = workspace.project_root()
    if root and out.parent == root / "results":
        pages.results_index(out.parent)


def entry(plan: Plan, run: Run) -> dict[str, Any]:
    """One run as the index shows it; files relative to the results folder, empty if none."""
    state = run_states.read(plan.states, run.name)
    status = state.get("status", run_states.NOT_RUN)
    if status == run_states.COMPLETE and not plan.is_current(run):
        status = run_states.OUTDATED
    failed = status == run_states.FAILED and plan.failed_output(run).is_file()
    output = plan.failed_output(run) if failed else plan.output(run)
    shown = failed or (output.is_file() and status != run_states.FAILED)
    ipynb = output.relative_to(plan.space.out).as_posix() if shown else ""
    return {
        "name": run.name,
        "notebook": run.notebook,
        "title": run.title or notebook_parameters.heading(plan.source(run)),
        "status": status,
        "seconds": state.get("seconds"),
        "html": ipynb.removesuffix(".ipynb") + ".html" if shown else "",
        "ipynb": ipynb,
        "error": state.get("error") or "",
    }


def provenance(plan: Plan, name: str) -> dict[str, Any]:
    """What made a run's result, for the foot of its page."""
    state = run_states.read(plan.states, name)
    return {
        "study": plan.study.study,
        "run": name,
        "parameters": state["parameters"],
        "fingerprint": state["fingerprint"],
        "offkey": offkey.__version__,
        "started": state["started"],
        "seconds": state.get("seconds"),
        "peak_rss_mb": state.get("peak_rss_mb"),
    }


def headline(out: Path) -> pd.DataFrame | None:
    """The study's main numbers, where a notebook left them."""
    path = out / "tables" / "headline.csv"
    return store.read_table(path) if path.is_file() else None


def headline_lines(out: Path) -> list[str]:
    """The headline numbers as text: ``label: value [low, high] (n clips of m tracks)``."""
    table = headline(out)
    lines = []
    for row in table.to_dict("records") if table is not None else []:
        low, high = row.get("low"), row.get("high")
        interval = f" [{low:.3g}, {high:.3g}]" if low == low and low is not None else ""
        n = row.get("n_clips")
        count = f" ({n:.0f} clips of {row['n_tracks']:.0f} tracks)" if n == n and n else ""
        lines.append(f"{row['label']}: {row['value']:.3g}{interval}{count}")
    return lines
