"""An executed notebook as a page: its answer, its figures, its tables; how it was made, folded."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.reports import answers
from offkey.reports.notebook_cleaning import ANSWER, clean_notebook, published
from offkey.reports.page_parts import facts, plain, prose, templates, write_page

if TYPE_CHECKING:
    from markupsafe import Markup
    from nbformat import NotebookNode

# Of several forms of one output, the first of these is shown.
_KINDS = ("text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain")
_PARAMETERS = {"parameters", "injected-parameters"}


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook.

    Raises
    ------
    BadInput
        It is missing or not a notebook.
    """
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except FileNotFoundError as error:
        raise BadInput(f"notebook {path} does not exist.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise BadInput(f"{path} is not a notebook ({error}).") from error


def write_notebook(notebook: NotebookNode, path: Path, name: str, tables: Path) -> Path:
    """Write an executed notebook as it is kept: clean, with its answer below the title.

    Parameters
    ----------
    notebook : NotebookNode
        With outputs.
    path : Path
        File to write.
    name : str
        Name of the notebook's source, which says what it asks.
    tables : Path
        Folder of the tables that it made.
    """
    import nbformat

    figures = [
        output.metadata.offkey.figure
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "figure" in output.get("metadata", {}).get("offkey", {})
    ]
    nb = published(notebook, answers.of_notebook(name, tables, figures))
    return store.write_text(path, nbformat.writes(nb) + "\n")


def notebook_page(
    executed_ipynb: Path,
    html: Path,
    *,
    title: str,
    provenance: dict[str, Any],
    figures: Path,
    ways: Mapping[str, Any] | None = None,
) -> Path:
    """Write an executed notebook as a page.

    It opens with the answer, then come the parts with figures, then those with tables alone, then
    what was learnt; parameters, code and provenance are folded.

    Parameters
    ----------
    executed_ipynb : Path
        Notebook with outputs.
    html : Path
        File to write, in a folder beside that of the figures.
    title : str
        Title of the page.
    provenance : dict
        What made it, shown at the foot: versions, seed, data fingerprint.
    figures : Path
        Folder with the published figures ``NAME.png`` and ``NAME.dark.png``; a picture that is not
        there stays inside the page.
    ways : mapping
        See :func:`offkey.reports.page_parts.write_page`.

    Returns
    -------
    Path
        `html`.

    Notes
    -----
    The page loads nothing but the figures, runs no script, and names no path of the machine it was
    made on.
    """
    nb = clean_notebook(read_notebook(executed_ipynb))
    opening, *others = _parts(nb, figures)
    closing = others.pop() if others and not others[-1]["heading"] else None
    others = sorted(filter(_says_something, others), key=lambda part: not part["figures"])
    page = {
        "opening": opening,
        "parts": others,
        "closing": closing,
        "parameters": _code(nb, of_parameters=True),
        "code": _code(nb, of_parameters=False),
        "provenance": facts(provenance),
    }
    tools = {
        "prose": prose,
        "plain": plain,
        "b64": lambda text: base64.b64encode(text.encode()).decode(),
    }
    body = templates().get_template("notebook.html.j2").render(page=page, **tools)
    home = {"home": ("all notebooks", "../index.html")} if html.parent.name == "notebooks" else {}
    return write_page(html, title, body, ways=home if ways is None else ways)


def _parts(nb: NotebookNode, figures: Path) -> list[dict[str, Any]]:
    """Text and outputs from heading to heading; the last text, where it closes, without one."""
    parts: list[dict[str, Any]] = []
    for place, cell in enumerate(nb.cells):
        if cell.cell_type == "code":
            outputs = [_output(output, figures) for output in cell.outputs]
            parts = parts or [_part("")]
            parts[-1]["items"] += outputs
            parts[-1]["figures"] += sum(item["kind"] == "figure" for item in outputs)
            continue
        heading = re.match(r"###\s+(.+)\n*", cell.source)
        last = place == len(nb.cells) - 1 and len(parts) > 1
        if not parts or heading or last:
            parts.append(_part(heading[1] if heading else ""))
        text = cell.source[heading.end() :] if heading else cell.source
        kind = "answer" if ANSWER in cell.metadata.get("tags", []) else "prose"
        parts[-1]["items"].append({"kind": kind, "text": text})
    return parts or [_part("")]


def _part(heading: str) -> dict[str, Any]:
    return {"heading": heading, "items": [], "figures": 0}


def _says_something(part: dict[str, Any]) -> bool:
    return any(item["text"].strip() if "text" in item else True for item in part["items"])


def _output(output: NotebookNode, figures: Path) -> dict[str, Any]:
    """What the template shows of an output."""
    if output.output_type == "stream":
        return {"kind": output.name, "text": output.text}
    if output.output_type == "error":
        trace = "\n".join(output.traceback)
        return {"kind": "error", "name": output.ename, "text": output.evalue, "trace": trace}
    about = output.metadata.get("offkey", {})
    name, alt = about.get("figure", ""), about.get("alt", "figure")
    if name and name == store.file_name(name) and (figures / f"{name}.png").is_file():
        dark = (figures / f"{name}.dark.png").is_file()
        return {"kind": "figure", "name": name, "alt": alt, "dark": dark}
    kind = next((kind for kind in _KINDS if kind in output.data), "")
    return {"kind": kind, "text": output.data.get(kind, ""), "alt": alt}


def _code(nb: NotebookNode, *, of_parameters: bool) -> Markup:
    """The sources of the cells that hold parameters, or of the others, as one HTML."""
    texts = [
        cell.source
        for cell in nb.cells
        if cell.cell_type == "code"
        and bool(_PARAMETERS & set(cell.metadata.get("tags", []))) == of_parameters
    ]
    return prose("\n\n".join(f"~~~~~~python\n{text}\n~~~~~~" for text in texts if text.strip()))
