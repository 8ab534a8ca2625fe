"""What the pages share: templates, style sheet, values as text."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from offkey.reports.notebook_cleaning import scrub

TEMPLATES = Path(__file__).parent / "templates"


@cache
def templates() -> Environment:
    """Templates of the pages; every value in them is escaped."""
    loader = FileSystemLoader(TEMPLATES)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)


@cache
def css() -> str:
    """The style sheet that all pages share."""
    return (TEMPLATES / "page.css").read_text(encoding="utf-8")


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
