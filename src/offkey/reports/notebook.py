"""An executed notebook as one HTML file that needs nothing else."""

from __future__ import annotations

import ast
import base64
import io
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.reports.notebook_cleaning import clean_notebook
from offkey.reports.page_parts import TEMPLATES, css, facts
from offkey.reports.safe_html import POLICY, seal

if TYPE_CHECKING:
    from nbformat import NotebookNode


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


def notebook_page(
    executed_ipynb: Path,
    html: Path,
    *,
    title: str,
    provenance: dict[str, Any],
    figures: Path,
    home: str = "",
) -> Path:
    """Write an executed notebook as a self-contained page.

    Parameters
    ----------
    executed_ipynb : Path
        Notebook with outputs.
    html : Path
        File to write.
    title : str
        Title of the page.
    provenance : dict
        What made it, shown at the foot: versions, commit, seed, data fingerprint, date, seconds.
    figures : Path
        Folder with the dark twins ``NAME.dark.png`` of the published figures.
    home : str
        Relative address of the study's index; empty: ``../index.html`` for a page in a folder
        ``notebooks``, else no link.

    Returns
    -------
    Path
        `html`.

    Notes
    -----
    Pictures and sound are inside the file; it loads nothing, runs no script, and names no path of
    the machine it was made on.
    """
    # Imported here: nbconvert takes half a second, and most callers only draw figures.
    from nbconvert import HTMLExporter

    nb = clean_notebook(read_notebook(executed_ipynb))
    names = {
        output.metadata.offkey.figure
        for cell in nb.cells
        for output in cell.get("outputs", [])
        if "offkey" in output.get("metadata", {})
    }
    page = {
        "title": title,
        "css": css(),
        "policy": POLICY,
        "home": home or ("../index.html" if html.parent.name == "notebooks" else ""),
        "provenance": facts(provenance),
        "dark": {name: picture for name in names if (picture := _dark(figures, name))},
        "parameters": parameters(nb),
    }
    exporter = HTMLExporter(
        extra_template_basedirs=[str(TEMPLATES)],
        template_name="offkey",
        exclude_anchor_links=True,
    )
    exporter.register_filter("base64", lambda text: base64.b64encode(text.encode()).decode())
    body, _ = exporter.from_notebook_node(nb, resources={"offkey": page})
    return store.write_text(html, seal(body))


def _dark(figures: Path, name: str) -> str:
    path = figures / f"{name}.dark.png"
    if name != store.file_name(name) or not path.is_file():
        return ""
    return base64.b64encode(path.read_bytes()).decode()


def parameters(nb: NotebookNode) -> list[dict[str, str]]:
    """Parameters of a run: the defaults of the tagged cell under those that were injected.

    Returns
    -------
    list of dict
        ``name, value, help`` in the order of the defaults; the comment behind a default is its
        help.
    """
    found: dict[str, dict[str, str]] = {}
    for cell in nb.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not {"parameters", "injected-parameters"} & set(tags):
            continue
        comments = _comments(cell.source)
        for statement in ast.parse(cell.source).body:
            if isinstance(statement, ast.AnnAssign | ast.Assign) and statement.value is not None:
                target = (
                    statement.target
                    if isinstance(statement, ast.AnnAssign)
                    else statement.targets[0]
                )
                name = ast.unparse(target)
                row = found.setdefault(name, {"name": name, "value": "", "help": ""})
                row["value"] = ast.unparse(statement.value)
                row["help"] = row["help"] or comments.get(statement.end_lineno or 0, "")
    return list(found.values())


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.partition("# fmt:")[0].strip("# ")
        for token in tokens
        if token.type == tokenize.COMMENT
    }
