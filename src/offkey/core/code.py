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


@cache
def standing_on(*files: str, rooms: tuple[str, ...], without: tuple[str, ...] = ()) -> list[Path]:
    """Some files of this package and those of `rooms` that they import, directly or through others.

    Parameters
    ----------
    *files : str
        Relative to the package's folder.
    rooms : tuple of str
        Folders of the package whose files count; imports of others are not followed.
    without : tuple of str
        Files that are left out, with what only they import.

    Returns
    -------
    list of Path
        Relative to the package's folder, sorted.
    """
    found: set[str] = set()
    todo = list(files)
    while todo:
        file = todo.pop()
        if file not in found and file not in without and file.split("/")[0] in rooms:
            found.add(file)
            todo += _imported(file)
    return [Path(file) for file in sorted(found)]


def _imported(file: str) -> list[str]:
    """The files of this package that one of them imports."""
    names = []
    for node in ast.walk(ast.parse((PACKAGE / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    ours = [name.split(".")[1:] for name in names if name.split(".")[0] == PACKAGE.name]
    return [place for place in map(_file, ours) if place]


def _file(parts: list[str]) -> str:
    """The file that a dotted name lies in: a module, or the package or module that defines it."""
    for end in range(len(parts), 0, -1):
        for place in ("/".join(parts[:end]) + ".py", "/".join([*parts[:end], "__init__.py"])):
            if (PACKAGE / place).is_file():
                return place
    return ""
