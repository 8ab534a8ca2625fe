"""Names for pieces of this package's code, to tell what was made by other code.

Comments, docstrings and formatting do not count: they cannot change a result.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from offkey.core import store

PACKAGE = Path(__file__).parents[1]


def fingerprint(*files: Path) -> str:
    """Name the code in some Python files of this package.

    Parameters
    ----------
    *files : Path
        Absolute, or relative to the package's folder.
    """
    places = sorted(PACKAGE / file for file in files)
    texts = {place: place.read_text(encoding="utf-8") for place in places}
    return store.fingerprint(
        [[place.relative_to(PACKAGE).as_posix(), _meaning(text)] for place, text in texts.items()]
    )


@cache
def _meaning(text: str) -> str:
    """Name what a source text does: its syntax tree without docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    # written out again: unlike a dump of the tree, the same under every version of Python
    return store.fingerprint(ast.unparse(tree))


def _is_text(node: ast.stmt) -> bool:
    """Whether a statement is a string alone, as docstrings are."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
