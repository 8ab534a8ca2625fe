"""What a reader opens first: the page of a study, and the index of all studies."""

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
from offkey.reports import answers
from offkey.reports.notebook import read_notebook
from offkey.reports.notebook_cleaning import ANSWER, scrub
from offkey.reports.page_parts import (
    FIRST_ROWS,
    facts,
    markdown,
    markdown_table,
    one_line,
    prose,
    templates,
    write_page,
)
from offkey.reports.words import formatted

HEADLINE_FIGURES = ("headline", "severity")
LAST = 9
"""Place of a study that asks for none."""
# By the number that a notebook's name begins with.
CHAPTERS = {
    "Start": ("00", "19"),
    "Make the data": ("01", "02", "03", "04"),
    "Train and test": ("05", "06"),
    "Compare": ("07", "08", "12"),
    "Doubt": ("10", "11", "13", "14", "15"),
    "Other detectors": ("09", "16", "17", "18", "20", "21", "22", "23"),
}
_SHOWN = ("name", "study", "title", "question", "description", "runs", "headline", "products")


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
        ``headline`` (``figure``, its name, and ``place`` among all studies), ``products`` (files
        its runs made, relative to `out`); the rest is shown as its settings.
    runs : list of dict
        In reading order: ``name``, ``status`` ("complete", "failed", "skipped", …), and where
        there are such ``title``, ``error``, and the files ``html`` and ``ipynb`` relative to `out`
        (else ``notebooks/NAME.html`` and ``.ipynb``, where they exist).
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
    wanted = study.get("headline") or {}
    figure = _headline_figure(out, wanted.get("figure", ""))
    page: dict[str, Any] = {
        "name": str(name),
        "title": one_line(study.get("title") or name),
        "question": one_line(study.get("question", "")),
        "description": one_line(study.get("description", "")),
        "findings": answers.of_study(out / "tables", figure),
        "figure": figure,
        "complete": sum(run["status"] == "complete" for run in entries),
        "notebooks": len(entries),
    }
    summary = {**page, "place": wanted.get("place", LAST), "runs": runs}
    store.write_json(out / SUMMARY, summary | {"products": study.get("products", [])})
    numbers = answers.numbers_of_study(out / "tables", figure)
    if numbers.empty and headline is not None:
        numbers = formatted(headline.drop(columns="label", errors="ignore"))
    page |= {
        "settings": facts({k: v for k, v in study.items() if k not in _SHOWN and v}),
        "chapters": _chapters(entries),
        "figures": _files(out, "figures", ".png", ".dark.png"),
        "cards": _files(out, "cards", ".html"),
        "tables": _files(out, "tables", ".parquet"),
        "csv": _files(out, "tables", ".csv"),
        "durations": (out / "durations.csv").is_file(),
        "first": Markup(markdown_table(numbers.head(FIRST_ROWS))),
        "numbers": Markup(markdown_table(numbers)),
        "n_numbers": len(numbers),
    }
    ways = {"home": ("all studies", "../index.html") if is_listed(out) else None}
    return _write(out, "study", page, ways | {"words": _glossary(out, out)})


def results_index(results: Path) -> Path:
    """Write ``index.html`` and ``README.md`` over all studies in a folder.

    Parameters
    ----------
    results : Path
        Folder whose subfolders were indexed with :func:`study_index`; others, and those of an
        earlier form, are left out.

    Returns
    -------
    Path
        ``index.html``.
    """
    found = [(store.read_json(path), path.parent) for path in results.glob(f"*/{SUMMARY}")]
    studies = [s | {"folder": quote(folder.name)} for s, folder in found if "findings" in s]
    studies.sort(key=lambda study: (study["place"], study["name"]))
    words = next(filter(None, (_glossary(results / s["folder"], results) for s in studies)), None)
    page = {"title": "Results", "studies": studies}
    return _write(results, "results", page, {"words": words})


def is_listed(out: Path) -> bool:
    """Whether an index of all studies stands above this one."""
    return out.parent.name in ("results", "runs")


def _glossary(out: Path, page: Path) -> tuple[str, str] | None:
    """Link from the index in `page` to the notebook of a study that explains the words."""
    path = out / "notebooks" / "00_start_here.html"
    return ("words", quote(path.relative_to(page).as_posix())) if path.is_file() else None


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


def _answer_of(notebook: Path) -> str:
    cells = read_notebook(notebook).cells
    found = [cell.source for cell in cells if ANSWER in cell.metadata.get("tags", [])]
    return found[0].removeprefix("**Answer.** ") if found else ""


def _run(out: Path, run: dict[str, Any]) -> dict[str, Any]:
    name = str(run["name"])
    files = {
        kind: str(run.get(kind) or f"notebooks/{name}.{kind}")
        for kind in ("html", "ipynb")
        if run.get(kind) or (out / "notebooks" / f"{name}.{kind}").is_file()
    }
    ipynb = out / files.get("ipynb", "-")
    title, question = question_of(ipynb) if ipynb.is_file() else ("", "")
    return {
        "name": name,
        "title": one_line(run.get("title") or title or name),
        "question": question,
        "answer": Markup(_answer_of(ipynb) if ipynb.is_file() else ""),
        "status": str(run.get("status", "skipped")),
        "error": scrub(one_line(run.get("error") or "")),
        "html": quote(files.get("html", "")),
        "ipynb": quote(files.get("ipynb", "")),
    }


def _chapters(runs: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    chapter = {number: name for name, numbers in CHAPTERS.items() for number in numbers}
    of = [chapter.get(run["name"].partition("_")[0], "More") for run in runs]
    found = {
        name: [run for run, own in zip(runs, of, strict=True) if own == name]
        for name in (*CHAPTERS, "More")
    }
    return [(name, own) for name, own in found.items() if own]


def _headline_figure(out: Path, wanted: str) -> str:
    names = [wanted, *HEADLINE_FIGURES, *_files(out, "figures", ".png", ".dark.png")]
    return next((n for n in names if n and (out / "figures" / f"{n}.png").is_file()), "")


def _files(out: Path, folder: str, ending: str, other: str = "") -> list[str]:
    names = [path.name for path in (out / folder).glob(f"*{ending}")]
    return sorted(n.removesuffix(ending) for n in names if not other or not n.endswith(other))


def _write(folder: Path, name: str, page: dict[str, Any], ways: dict[str, Any]) -> Path:
    """Write one text twice: as Markdown, and as a page; each links to its own kind."""
    template = templates().get_template(f"{name}.md.j2")
    tools = {"md": lambda value: Markup(markdown(value)), "address": quote}
    as_markdown, as_html = (
        re.sub(r"\n{3,}", "\n\n", template.render(page=page, html=html, **tools)).strip() + "\n"
        for html in (False, True)
    )
    store.write_text(folder / "README.md", as_markdown)
    return write_page(folder / "index.html", page["title"], prose(as_html), ways=ways)
