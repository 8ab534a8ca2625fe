"""What the pages share: one frame and style sheet, Markdown and tables as HTML, values as text."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from offkey.core import store
from offkey.reports.notebook_cleaning import scrub
from offkey.reports.safe_html import POLICY, clean

TEMPLATES = Path(__file__).parent / "templates"
FIRST_ROWS = 5
"""So many rows of a table are seen at once; the rest unfolds."""


@cache
def templates() -> Environment:
    """Templates of the pages; every value in them is escaped."""
    loader = FileSystemLoader(TEMPLATES)
    return Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip


def write_page(path: Path, title: str, body: str, *, ways: Mapping[str, Any] | None = None) -> Path:
    """Write a page: a body in the frame that all pages share.

    Parameters
    ----------
    path : Path
        File to write.
    title : str
        Title of the window.
    body : str
        HTML; made safe here. Its ``h2`` headings become the list of contents, long tables fold.
    ways : mapping
        ``home``, ``previous`` and ``next``, each text and address of a link, or None.
    """
    body, contents = _with_contents(_with_tables(clean(body)))
    css = (TEMPLATES / "page.css").read_text(encoding="utf-8")
    page = templates().get_template("shell.html.j2").render(
        title=title, body=Markup(body), contents=contents, ways=ways or {}, css=Markup(css),
        policy=POLICY,
    )  # fmt: skip
    return store.write_text(path, page + "\n")


def prose(text: str) -> Markup:
    """HTML of Markdown."""
    # Imported here: nbconvert takes half a second, and most callers only draw figures.
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
    return Markup(MarkdownWithMath(renderer=renderer).render(text))


def plain(text: str) -> Markup:
    """HTML of what a terminal showed, in its colours."""
    from nbconvert.filters.ansi import ansi2html

    return Markup(ansi2html(text))


def _with_contents(body: str) -> tuple[str, list[tuple[str, str]]]:
    contents: list[tuple[str, str]] = []

    def named(match: re.Match[str]) -> str:
        contents.append((f"part-{len(contents) + 1}", re.sub(r"<[^>]+>", "", match[1])))
        return f'<h2 id="{contents[-1][0]}">{match[1]}</h2>'

    body = re.sub(r"<h2>(.*?)</h2>", named, body, flags=re.DOTALL)
    return body, [(name, html.unescape(text)) for name, text in contents]


def _with_tables(body: str) -> str:
    return re.sub(r"<table.*?</table>", lambda match: _table(match[0]), body, flags=re.DOTALL)


def _table(text: str) -> str:
    """A table in a box that scrolls; of a long one the first rows, and the whole in a fold."""
    # A cell breaks between number and interval, never inside them.
    text = re.sub(
        r"(?<=<td>)[^<]*\](?=</td>)",
        lambda cell: cell[0].replace(" ", "\xa0").replace("\xa0[", " ["),
        text,
    )
    box = '<div class="scroll" tabindex="0">{}</div>'.format
    head, _, rest = text.partition("<tbody>")
    rows = re.findall(r"<tr.*?</tr>", rest, flags=re.DOTALL)
    if len(rows) <= FIRST_ROWS + 1:
        return box(text)
    first = f"{head}<tbody>{''.join(rows[:FIRST_ROWS])}</tbody></table>"
    whole = re.sub(r"<caption>.*?</caption>", "", text, flags=re.DOTALL)
    return f"{box(first)}<details><summary>all {len(rows)} rows</summary>{box(whole)}</details>"


def markdown(value: Any) -> str:
    """Text that Markdown and the HTML inside it show as it is, also in a table."""
    text = one_line(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", text)


def markdown_table(table: pd.DataFrame) -> str:
    """A table of texts in Markdown."""
    rows = [[*table.columns], ["---"] * table.shape[1], *table.to_numpy().tolist()]
    lines = [" | ".join("---" if cell == "---" else markdown(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def one_line(value: Any) -> str:
    """Text without line breaks."""
    return " ".join(str(value).split())


def as_text(key: str, value: Any) -> str:
    """A setting or a fact as a reader wants it: durations in words, no machine paths."""
    if key == "seconds" and isinstance(value, int | float):
        return duration(value)
    if isinstance(value, str):
        return scrub(value)
    return scrub(json.dumps(value, ensure_ascii=False, default=str))


def facts(values: dict[str, Any]) -> dict[str, str]:
    """Names and values for a list at the foot of a page; what is None is left out."""
    names = {key: "took" if key == "seconds" else str(key).replace("_", " ") for key in values}
    return {names[key]: as_text(key, value) for key, value in values.items() if value is not None}


def duration(seconds: float) -> str:
    """``4.2 s``, ``3 min 05 s`` or ``2 h 10 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
