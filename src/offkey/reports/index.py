"""What a reader opens first: the index of a study, and the index of all studies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.core.workspace import SUMMARY
from offkey.reports.notebook import read_notebook
from offkey.reports.notebook_cleaning import scrub
from offkey.reports.page_parts import css, duration, facts, one_line, templates
from offkey.reports.safe_html import POLICY, seal
from offkey.reports.words import formatted, table_html

HEADLINE_FIGURES = ("headline", "severity")
_HIDDEN = ("name", "study", "title", "question", "description", "runs", "headline", "products")


def study_index(
    out: Path,
    study: dict[str, Any],
    runs: list[dict[str, Any]],
    headline: pd.DataFrame | None,
) -> Path:
    """Write ``index.html``, ``README.md`` and ``index.json`` of one study.

    Parameters
    ----------
    out : Path
        The study's folder in ``results/``, with ``notebooks/``, ``figures/``, ``tables/``.
    study : dict
        The study file: ``study`` (its name), optional ``title``, ``question``, ``description``,
        ``products`` (files its runs made, relative to `out`); of the rest, all but ``runs`` and
        ``headline`` is shown as its settings.
    runs : list of dict
        In reading order: ``name``, ``status`` ("complete", "failed", "skipped", …), and where
        there are such ``title``, ``seconds``, ``error``, and the files ``html`` and ``ipynb``
        relative to `out` (else ``notebooks/NAME.html`` and ``.ipynb``, where they exist).
    headline : DataFrame or None
        From :func:`offkey.reports.tables.headline`; None when the study has no scores yet.

    Returns
    -------
    Path
        ``index.html``.
    """
    name = study.get("study") or study.get("name")
    if not name:
        raise BadInput("a study needs a name ('study: NAME') for its index page.")
    entries = [_run(out, run) for run in runs]
    numbers = headline if headline is not None and len(headline) else None
    page = {
        "name": str(name),
        "title": one_line(study.get("title") or name),
        "question": one_line(study.get("question", "")),
        "description": one_line(study.get("description", "")),
        "settings": facts({k: v for k, v in study.items() if k not in _HIDDEN and v}),
        "runs": entries,
        "figure": _headline_figure(out),
        "figures": _files(out, "figures", ".csv"),
        "cards": _files(out, "cards", ".html"),
        "tables": _files(out, "tables", ".csv"),
        "headline": None if numbers is None else formatted(numbers),
        "headline_html": Markup("" if numbers is None else table_html(numbers)),
    }
    _write(out, "study", page)
    done = sum(run["status"] == "complete" for run in entries)
    keep = ("name", "title", "question", "description", "figure")
    summary: dict[str, Any] = {key: page[key] for key in keep}
    summary |= {"complete": done, "notebooks": len(runs)}
    took = {run["name"]: run["seconds"] for run in runs if run.get("seconds")}
    summary |= {"seconds": took, "products": study.get("products", [])}
    store.write_json(out / SUMMARY, summary)
    return out / "index.html"


def results_index(results: Path) -> Path:
    """Write ``results/index.html`` and ``results/README.md`` over all studies.

    Parameters
    ----------
    results : Path
        Folder whose subfolders were indexed with :func:`study_index`; others are left out.

    Returns
    -------
    Path
        ``index.html``.
    """
    studies = []
    for path in sorted(results.glob(f"*/{SUMMARY}")):
        studies.append({**store.read_json(path), "folder": quote(path.parent.name)})
    _write(results, "results", {"title": "Results", "studies": studies})
    return results / "index.html"


def question_of(notebook: Path) -> tuple[str, str]:
    """Title and one-line question of a notebook, from its first markdown cell.

    Returns
    -------
    title, question : str
        The text of the ``#`` heading, and of the line that starts with ``*Question.*``; empty
        where the notebook has none.
    """
    cells = [cell.source for cell in read_notebook(notebook).cells if cell.cell_type == "markdown"]
    first = cells[0] if cells else ""
    title = re.search(r"^#\s+(.+)$", first, re.M)
    question = re.search(r"^\*+Question\.?\*+\s*(.+)$", first, re.M)
    return one_line(title.group(1) if title else ""), one_line(
        question.group(1) if question else ""
    )


def _run(out: Path, run: dict[str, Any]) -> dict[str, Any]:
    name = str(run["name"])
    files = {
        kind: str(run.get(kind) or f"notebooks/{name}.{kind}")
        for kind in ("html", "ipynb")
        if run.get(kind) or (out / "notebooks" / f"{name}.{kind}").is_file()
    }
    ipynb = out / files.get("ipynb", "-")
    title, question = question_of(ipynb) if ipynb.is_file() else ("", "")
    seconds = run.get("seconds")
    return {
        "title": one_line(run.get("title") or title or name),
        "question": question,
        "status": str(run.get("status", "skipped")),
        "error": scrub(one_line(run.get("error") or "")),
        "took": "" if seconds is None else duration(float(seconds)),
        "html": quote(files.get("html", "")),
        "ipynb": quote(files.get("ipynb", "")),
    }


def _headline_figure(out: Path) -> str:
    names = [*HEADLINE_FIGURES, *_files(out, "figures", ".csv")]
    return next((name for name in names if (out / "figures" / f"{name}.png").is_file()), "")


def _files(out: Path, folder: str, ending: str) -> list[str]:
    return sorted(path.name.removesuffix(ending) for path in (out / folder).glob(f"*{ending}"))


def markdown(value: Any) -> str:
    """Text that Markdown and the HTML inside it show as it is, also in a table."""
    text = one_line(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", text)


def markdown_table(table: pd.DataFrame) -> str:
    """A table of texts in Markdown."""
    rows = [[*table.columns], ["---"] * table.shape[1], *table.to_numpy().tolist()]
    lines = [" | ".join("---" if cell == "---" else markdown(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _write(folder: Path, name: str, page: dict[str, Any]) -> None:
    shell = {"css": Markup(css()), "policy": POLICY}
    html = templates().get_template(f"{name}.html.j2").render(page=page, **shell)
    store.write_text(folder / "index.html", seal(html, beside=True))
    tools = {"md": lambda value: Markup(markdown(value)), "address": quote}
    table = page.get("headline")
    numbers = Markup(markdown_table(table)) if table is not None else ""
    readme = templates().get_template(f"{name}.md.j2").render(page=page, numbers=numbers, **tools)
    store.write_text(folder / "README.md", re.sub(r"\n{3,}", "\n\n", readme).strip() + "\n")
