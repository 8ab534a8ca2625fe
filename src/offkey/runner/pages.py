"""What a reader gets to see of runs: their pages, the index, the headline numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

import offkey
from offkey.core import store, workspace
from offkey.core.workspace import SUMMARY
from offkey.runner import notebook_parameters, run_states
from offkey.runner.execution import Plan
from offkey.runner.studies import Run


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

    # imported here: it draws figures, too, and a run that keeps everything should be quick
    from offkey import reports
    from offkey.reports.page_parts import as_text

    for item in stale:
        reports.notebook_page(
            out / item["ipynb"],
            out / item["html"],
            title=item["title"],
            provenance=provenance(plan, item["name"]),
            figures=plan.space.figures,
            home="../index.html",
        )
    study = plan.study
    settings = {"headline": study.headline} if study.headline else {}
    about = {"name": study.study, "title": study.title, "question": study.question}
    made = {"products": _swept(plan, entries)}
    chosen = ", ".join(f"{key} = {as_text(key, value)}" for key, value in plan.settings.items())
    if chosen:
        about["description"] = f"Not as the study says: {chosen}."
    whole = {**settings, **study.parameters, **plan.settings, **about, **made}
    reports.study_index(out, whole, entries, headline(out))
    root = workspace.project_root()
    if root and out.parent == root / "results":
        reports.results_index(out.parent)


def _swept(plan: Plan, entries: list[dict[str, Any]]) -> list[str]:
    """Remove what runs made that the study no longer has; return what its runs made.

    Only files that the summary of these results names are ever removed, and only once every run is
    complete.
    """
    out = plan.space.out
    before = store.read_json(out / SUMMARY).get("products", []) if (out / SUMMARY).is_file() else []
    made = {name for item in entries for name in item["products"]}
    made |= {item[kind] for item in entries for kind in ("html", "ipynb") if item[kind]}
    if any(item["status"] != run_states.COMPLETE for item in entries):
        return sorted(made.union(before))
    for name in set(before) - made:
        path = (out / name).resolve()
        if path.is_relative_to(out):
            path.unlink(missing_ok=True)
    return sorted(made)


def entry(plan: Plan, run: Run) -> dict[str, Any]:
    """One run as the index shows it; files relative to the results folder, empty if none."""
    state = run_states.read(plan.states, run.name)
    status = state.get("status", run_states.NOT_RUN)
    if status == run_states.COMPLETE and not plan.is_current(run):
        status = run_states.OUTDATED
    output = plan.failed_output(run) if status == run_states.FAILED else plan.output(run)
    shown = output.is_file()
    stem = output.name.removesuffix(".ipynb")
    return {
        "name": run.name,
        "notebook": run.notebook,
        "title": run.title or notebook_parameters.heading(plan.source(run)),
        "status": status,
        "seconds": state.get("seconds"),
        "html": f"notebooks/{stem}.html" if shown else "",
        "ipynb": f"notebooks/{stem}.ipynb" if shown else "",
        "error": state.get("error") or "",
        "products": state.get("products", []),
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
    """The headline numbers as text: ``what: value [low, high] (n clips of m tracks)``."""
    table = headline(out)
    if table is None:
        return []
    if "metric" in table:
        # the other metrics are on the page
        table = table[table["metric"] == table["metric"].iloc[0]]
    label = "label" if "label" in table else str(table.columns[0])
    lines = []
    for row in table.to_dict("records"):
        line = f"{row[label]}: {row['value']:.3g}"
        if pd.notna(row.get("low")) and pd.notna(row.get("high")):
            line += f" [{row['low']:.3g}, {row['high']:.3g}]"
        if pd.notna(row.get("n_clips")) and pd.notna(row.get("n_tracks")):
            line += f" ({row['n_clips']:.0f} clips of {row['n_tracks']:.0f} tracks)"
        lines.append(line)
    return lines
