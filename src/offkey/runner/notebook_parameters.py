"""What a notebook lets one choose: its cell tagged ``parameters``.

The cell holds literals only, ``name: type = value  # help``. It is parsed, never run.
"""

from __future__ import annotations

import ast
import io
import json
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from offkey.core.errors import BadInput

_TYPES: dict[str, type] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "list": list,
    "dict": dict,
}


@dataclass(frozen=True)
class Parameter:
    """One parameter: `type` is an annotation such as ``float`` or ``list[str]``."""

    name: str
    type: str
    default: Any
    help: str = ""

    def check(self, value: Any) -> Any:
        """Return the value as the notebook will get it; a whole number serves as a float.

        Raises
        ------
        TypeError
            The value is of another type.
        """
        outer, _, inner = self.type.rstrip("]").partition("[")
        if not _is(value, outer):
            hint = " (write it in quotes)" if outer == "str" and value is not None else ""
            raise TypeError(f"expected {self.type}, got {_describe(value)}{hint}")
        if outer == "list" and inner:
            for item in value:
                if not _is(item, inner):
                    raise TypeError(f"expected {self.type}, got an item {_describe(item)}")
            return [float(item) for item in value] if inner == "float" else value
        if outer == "dict" and not all(isinstance(key, str) for key in value):
            raise TypeError(f"expected text as keys, got {value!r} (write them in quotes)")
        return float(value) if outer == "float" else value


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "bool"
    if kind == "float":
        return isinstance(value, int | float)
    return isinstance(value, _TYPES[kind])


def _describe(value: Any) -> str:
    return "nothing" if value is None else f"{type(value).__name__} {value!r}"


def read(path: Path) -> dict[str, Any]:
    """Read a notebook file as JSON.

    Raises
    ------
    BadInput
        It is not a notebook.
    """
    try:
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        notebook["cells"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path} is not a notebook (format 4 JSON expected).") from error
    return notebook


def source(cell: dict[str, Any]) -> str:
    """Text of a cell, which a notebook file stores as one string or as lines."""
    return "".join(cell["source"])


def sources(path: Path) -> list[list[str]]:
    """Kind and text of every cell: what a notebook computes, without outputs and metadata."""
    return [[cell["cell_type"], source(cell)] for cell in read(path)["cells"]]


def heading(path: Path) -> str:
    """First heading of a notebook, or its name."""
    for kind, text in sources(path):
        if kind == "markdown" and text.startswith("# "):
            return text.splitlines()[0].removeprefix("# ").strip()
    return path.stem


def inspect(path: Path) -> dict[str, Parameter]:
    """Parameters of a notebook, in their order; empty without such a cell.

    Raises
    ------
    BadInput
        There are several such cells, or one holds anything but typed literals.
    """
    cells = [
        cell
        for cell in read(path)["cells"]
        if "parameters" in cell.get("metadata", {}).get("tags", [])
    ]
    if len(cells) > 1:
        raise BadInput(f"{path}: {len(cells)} cells are tagged 'parameters'; keep one.")
    if not cells:
        return {}
    text = source(cells[0])
    try:
        statements = ast.parse(text).body
    except SyntaxError as error:
        raise BadInput(f"{path}: the parameters cell is not Python ({error.msg}).") from error
    comments = _comments(text)
    found = {}
    for statement in statements:
        parameter = _parameter(statement, comments.get(statement.end_lineno or 0, ""))
        if parameter is None:
            line = ast.get_source_segment(text, statement)
            raise BadInput(
                f"{path}: '{line}' in the parameters cell: write 'name: type = literal', the type "
                f"one of {', '.join(_TYPES)}."
            )
        found[parameter.name] = parameter
    return found


def _parameter(statement: ast.stmt, comment: str) -> Parameter | None:
    if not (
        isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and statement.value is not None
    ):
        return None
    kind = ast.unparse(statement.annotation).strip("'\"")
    if any(part not in _TYPES for part in kind.replace("]", "").replace("[", ",").split(",")):
        # dict[str, int] and the like: the outer type is checked, the inner ones are for readers
        kind = kind.partition("[")[0]
    if kind.startswith("dict["):
        kind = "dict"
    try:
        parameter = Parameter(statement.target.id, kind, ast.literal_eval(statement.value), comment)
        parameter.check(parameter.default)
    except (ValueError, TypeError, KeyError):
        return None
    return parameter


def _comments(text: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {
        token.start[0]: token.string.partition("# fmt:")[0].strip("# ")
        for token in tokens
        if token.type == tokenize.COMMENT
    }
