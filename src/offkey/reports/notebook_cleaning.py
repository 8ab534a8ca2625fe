"""Executed notebooks without the noise of the machine they ran on."""

from __future__ import annotations

import base64
import copy
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offkey.core.workspace import project_root
from offkey.reports.pictures import small_png

if TYPE_CHECKING:  # nbformat takes a second to import, which every notebook would wait for
    from nbformat import NotebookNode

WIDGETS = ("application/vnd.jupyter.widget-view+json", "application/vnd.jupyter.widget-state+json")
ANSWER = "answer"
"""Tag of the cell that says what the notebook found."""
_TEXT_TYPES = ("text/", "image/svg", "application/json", "application/javascript")
# tqdm writes "40%|████   | 4/10 [00:02<00:03, 1.9it/s]", and "4it [00:02, …]" without a total.
_PROGRESS = re.compile(r"\d+%\||\bit/s\b|\bs/it\b|\d+it \[|\d+/\d+ \[\d\d:\d\d<")
_ANSI = re.compile(r"(\x1b\[[0-9;]*[A-Za-z])")
_DATA_URI = re.compile(r"(data:[\w.+/-]+[;,][^\"'\s<>)]*)")
_PATH = re.compile(
    r"(?:(?<=file://)|(?<![\w.:/<~+)}\]-]))(?:~/|/)(?:[\w.@+-]+/)*[\w.@+-]+"
    r"|\b[A-Za-z]:\\(?:[^\\\s'\"<>|]+\\)*[^\\\s'\"<>|]+"
)


def scrub(text: str) -> str:
    """Take machine paths, and with them the user's name, out of a text.

    A path inside the project becomes relative to it; of any other only the last part is kept, after
    ``…/``. Embedded pictures and sound (data addresses) and web addresses stay as they are.
    """
    parts = _DATA_URI.split(text)
    for place in range(0, len(parts), 2):
        pieces = _ANSI.split(parts[place])
        pieces[::2] = [_PATH.sub(_relative, piece) for piece in pieces[::2]]
        parts[place] = "".join(pieces)
    return "".join(parts)


def _relative(match: re.Match[str]) -> str:
    path = match.group()
    root = project_root()
    if root is not None and (path == str(root) or path.startswith(f"{root}/")):
        return path[len(str(root)) + 1 :] or "."
    home = Path.home()
    if path == str(home) or re.fullmatch(r"/(home|Users)/[^/]+|[A-Za-z]:\\Users\\[^\\]+", path):
        return "~"
    parts = [part for part in re.split(r"[/\\]", path) if part]
    # "/5" or "/AI" is a slash between words, not a place on a disk.
    if len(parts) < 2 and not path.startswith("~"):
        return match.group()
    return f"…/{parts[-1]}"


def clean_notebook(notebook: NotebookNode) -> NotebookNode:
    """Copy a notebook without what belongs to one machine and one run.

    Dropped: progress bars and their widgets, widget state, papermill's times and paths, execution
    times, machine paths in outputs and in code (injected parameters). Kept: prose, sources,
    results, errors, tags.
    """
    from nbformat import NotebookNode

    nb = copy.deepcopy(notebook)
    kept = {name: nb.metadata[name] for name in ("kernelspec", "title") if name in nb.metadata}
    language = nb.metadata.get("language_info", {}).get("name", "python")
    nb.metadata = NotebookNode({**kept, "language_info": {"name": language}})
    for cell in nb.cells:
        tags = cell.metadata.get("tags", [])
        cell.metadata = NotebookNode({"tags": list(tags)} if tags else {})
        # prose is its author's and the same for all: an example like /path/to/music must stay
        if cell.cell_type == "code":
            cell.source = scrub(cell.source)
            cell.outputs = [_clean_output(one) for one in cell.outputs if _worth_keeping(one)]
    return nb


def published(notebook: NotebookNode, answer: Sequence[str] = ()) -> NotebookNode:
    """Copy an executed notebook as it is kept: clean, with its answer below the title.

    The same run gives the same bytes, so that a rerun changes no file.

    Parameters
    ----------
    notebook : NotebookNode
        With outputs; an answer that it has already is replaced.
    answer : sequence of str
        Sentences, plain text.
    """
    from nbformat.v4 import new_markdown_cell

    nb = clean_notebook(notebook)
    nb.cells = [cell for cell in nb.cells if ANSWER not in cell.metadata.get("tags", [])]
    if answer:
        text = "**Answer.** " + re.sub(r"([&<>*_`$\\])", r"\\\1", " ".join(answer))
        nb.cells.insert(1, new_markdown_cell(text, metadata={"tags": [ANSWER]}))
    # papermill draws random names for the cells it adds
    for number, cell in enumerate(nb.cells):
        cell["id"] = f"cell-{number}"
    return nb


def _worth_keeping(output: NotebookNode) -> bool:
    if output.output_type == "stream":
        return bool(_quiet(output.text).strip())
    return not any(kind in output.get("data", {}) for kind in WIDGETS)


def _quiet(text: str) -> str:
    """Drop progress lines; of a line that was overwritten, keep what was last to be seen."""
    lines = [line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n")]
    return "\n".join(line for line in lines if not _PROGRESS.search(line))


def _clean_output(output: NotebookNode) -> NotebookNode:
    if output.output_type == "stream":
        output.text = scrub(_quiet(output.text))
    elif output.output_type == "error":
        output.evalue = scrub(output.evalue)
        output.traceback = [scrub(line) for line in output.traceback]
    if "offkey" in output.get("metadata", {}):
        # the page, and whoever opens the file, has the picture and its dark twin beside it
        output.data.pop("text/html", None)
    for kind, value in output.get("data", {}).items():
        if kind == "image/png":
            small = small_png(base64.b64decode(value))
            output.data[kind] = base64.b64encode(small).decode()
        elif kind.startswith(_TEXT_TYPES):
            output.data[kind] = _scrub_value(value)
    return output


def _scrub_value(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_scrub_value(one) for one in value]
    if isinstance(value, dict):
        return {key: _scrub_value(one) for key, one in value.items()}
    return value
