"""What a reader gets to see of runs: their pages, the index, the headline numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

import offkey
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.core.workspace import SUMMARY
from offkey.runner import durations, notebook_parameters, run_states, studies
from offkey.runner.execution import Plan
from offkey.runner.studies import Run, Study

GLOSSARY = "00_start_here"


def render(plan: Plan, fresh: set[str]) -> None:
    """Make the pages of a study when a run ended or a page is missing.

    Parameters
    ----------
    plan : Plan
        The study.
    fresh : set of str
        Names of runs that ended now.
    """
    entries = [entry(plan, run) for run in plan.study.runs]
    out = plan.space.out
    pages = [item["html"] for item in entries if item["ipynb"]]
    if not fresh and all((out / page).is_file() for page in ["index.html", *pages]):
        return
    from offkey.reports.page_parts import as_text

    durations.write(out, entries)
    chosen = ", ".join(f"{key} = {as_text(key, value)}" for key, value in plan.settings.items())
    about = {"description": f"Not as the study says: {chosen}."} if chosen else {}
    settings = {**plan.study.parameters, **plan.settings, **about}
    _write(plan.study, out, entries, settings | {"products": _swept(plan, entries)})


def again(out: Path) -> Path:
    """Make the pages of results that stand anew, from executed notebooks, tables and figures.

    Nothing is executed; notebooks get their answers and their short form again.

    Parameters
    ----------
    out : Path
        A study's results.

    Returns
    -------
    Path
        ``index.html``.
    """
    from offkey.reports.notebook import read_notebook, write_notebook

    if not (out / SUMMARY).is_file():
        raise BadInput(f"{out} holds no results of a study: there is no {SUMMARY}.")
    summary = store.read_json(out / SUMMARY)
    study = studies.load(summary["name"])
    known = {run["name"]: run for run in summary.get("runs", [])}
    entries = [known.get(run.name) or _standing(out, run) for run in study.runs]
    for item in entries:
        if item["ipynb"]:
            path = out / item["ipynb"]
            write_notebook(read_notebook(path), path, item["notebook"], out / "tables")
    kept = {key: summary[key] for key in ("description", "products") if summary.get(key)}
    return _write(study, out, entries, {**study.parameters, **kept})


def _standing(out: Path, run: Run) -> dict[str, Any]:
    """A run of which nothing is known but what stands in the results."""
    stem = f"notebooks/{run.name}"
    there = (out / f"{stem}.ipynb").is_file()
    return {
        "name": run.name,
        "notebook": run.notebook,
        "title": run.title or (notebook_parameters.heading(out / f"{stem}.ipynb") if there else ""),
        "status": run_states.COMPLETE if there else run_states.NOT_RUN,
        "html": f"{stem}.html" if there else "",
        "ipynb": f"{stem}.ipynb" if there else "",
    }


def _write(study: Study, out: Path, entries: list[dict[str, Any]], about: dict[str, Any]) -> Path:
    """Write the page of every executed notebook, the study's, and that of all studies."""
    # imported here: it draws figures, too, and a run that keeps everything should be quick
    from offkey import reports
    from offkey.reports import index

    shown = [item for item in entries if item["ipynb"]]
    words = {item["name"]: item["html"] for item in shown}.get(GLOSSARY)
    for before, item, after in zip([None, *shown], shown, [*shown[1:], None], strict=False):
        reports.notebook_page(
            out / item["ipynb"],
            out / item["html"],
            title=item["title"],
            provenance={
                "study": study.study,
                "run": item["name"],
                "fingerprint": item.get("fingerprint"),
                "offkey": offkey.__version__,
            },
            figures=out / "figures",
            ways={
                "home": (study.title or study.study, "../index.html"),
                "words": ("words", Path(words).name) if words else None,
                "previous": (before["title"], Path(before["html"]).name) if before else None,
                "next": (after["title"], Path(after["html"]).name) if after else None,
            },
        )
    own = {"name": study.study, "title": study.title, "question": study.question}
    runs = [{k: v for k, v in item.items() if k not in ("seconds", "peak_rss_mb", "products")}
            for item in entries]  # fmt: skip
    whole = {**about, **own, "headline": study.headline}
    path = reports.study_index(out, whole, runs, headline(out))
    if index.is_listed(out):
        reports.results_index(out.parent)
    return path


def _swept(plan: Plan, entries: Iterable[dict[str, Any]]) -> list[str]:
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
        "html": f"notebooks/{stem}.html" if shown else "",
        "ipynb": f"notebooks/{stem}.ipynb" if shown else "",
        "error": state.get("error") or "",
        "fingerprint": state.get("fingerprint"),
        "products": state.get("products", []),
        **{key: state.get(key) for key in ("seconds", "peak_rss_mb")},
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
