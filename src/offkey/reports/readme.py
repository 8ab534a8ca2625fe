"""Puts the studies' numbers into the README: ``python -m offkey.reports.readme``."""

from __future__ import annotations

import re
from pathlib import Path

from offkey.core import store, workspace
from offkey.core.errors import BadInput
from offkey.reports.index import markdown_table
from offkey.reports.words import formatted

_BLOCK = re.compile(r"(<!-- numbers:(?P<study>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, results: Path) -> str:
    """README text with every ``<!-- numbers:STUDY -->`` block made from that study's tables.

    Parameters
    ----------
    text : str
        Markdown.
    results : Path
        Folder that holds ``STUDY/tables/headline.csv``.
    """

    def block(match: re.Match[str]) -> str:
        path = results / match["study"] / "tables" / "headline.csv"
        table = formatted(store.read_table(path).drop(columns="label", errors="ignore"))
        return f"{match[1]}{markdown_table(table)}\n{match[3]}"

    return _BLOCK.sub(block, text)


def main() -> None:
    """Rewrite README.md of the checkout."""
    root = workspace.project_root()
    if root is None:
        raise BadInput("no checkout here: run this in the project's folder.")
    readme = root / "README.md"
    store.write_text(readme, filled(readme.read_text(encoding="utf-8"), root / "results"))


if __name__ == "__main__":
    main()
