"""From a table to files and the notebook: a picture in both themes, the table beside it."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
from IPython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.reports import style, words
from offkey.reports.pictures import small_png

SUFFIXES = {"light": "", "dark": ".dark"}
CSV_ROWS = 2000
"""A longer table is nothing that a person opens: it is kept as Parquet alone."""

# JupyterLab and Visual Studio Code say on the page's body which theme they have
_DARK = '[data-jp-theme-light="false"]', ".vscode-dark"
_SWITCH = ".offkey-light, .offkey-dark { max-width: 100%; } " + " ".join(
    f"{dark} .offkey-light {{ display: none !important; }} "
    f"{dark} .offkey-dark {{ display: inline !important; }}"
    for dark in _DARK
)


def publish(
    plot: Callable[..., Figure], table: pd.DataFrame, folder: Path, name: str, **options: Any
) -> None:
    """Draw a figure in both themes, save it with its table, show it in the notebook.

    Parameters
    ----------
    plot : callable
        ``plot(table, **options) -> Figure``, one of this package's.
    table : DataFrame
        What the figure is drawn from; saved as ``NAME.csv``, a long one as ``NAME.parquet``.
    folder : Path
        Where ``NAME.png`` and ``NAME.dark.png`` go.
    name : str
        File name without ending, as :func:`offkey.core.store.file_name` makes them: letters,
        digits, ``-``, ``_``, ``+``, ``.`` (a level) and ``@`` (an engine).
    **options
        Passed to `plot`.

    Raises
    ------
    BadInput
        The name cannot be a file name, or the plot refuses its table.

    Notes
    -----
    The same table gives the same bytes.
    """
    if name != store.file_name(name) or not name.strip("."):
        raise BadInput(f"figure name '{name}' may hold only letters, digits and -, _, +, ., @.")
    title = name
    for theme, suffix in SUFFIXES.items():
        with style.theme(theme):
            figure = plot(table, **options)
            title = " ".join((figure.get_suptitle() or name).split())
            png = io.BytesIO()
            figure.savefig(png, metadata={"Software": None})
            with store.writing(folder / f"{name}{suffix}.png") as partial:
                partial.write_bytes(small_png(png.getvalue()))
            plt.close(figure)
    if len(table) > CSV_ROWS:
        store.write_table(table, folder / name)
    else:
        with store.writing(folder / f"{name}.csv") as partial:
            table.to_csv(partial, index=False, float_format="%.6g", lineterminator="\n")
    _show_figure(folder, name, title)


def _show_figure(folder: Path, name: str, title: str) -> None:
    if get_ipython() is None:
        return
    light, dark = (
        base64.b64encode((folder / f"{name}{suffix}.png").read_bytes()).decode()
        for suffix in SUFFIXES.values()
    )
    alt = html.escape(title)
    pictures = "".join(
        # hidden by itself: the style sheet may be left out by whoever shows the notebook
        f'<img class="offkey-{theme}"{hidden} src="data:image/png;base64,{png}" alt="{alt}">'
        for theme, hidden, png in (("light", "", light), ("dark", ' style="display: none"', dark))
    )
    data = {
        "text/html": f"<style>{_SWITCH}</style>{pictures}",
        "image/png": light,
        "text/plain": f"Figure: {title}",
    }
    # The page made from the notebook finds the dark twin of the picture by this name.
    display(data, raw=True, metadata={"offkey": {"figure": name, "alt": title}})


def show_table(table: pd.DataFrame, caption: str = "") -> None:
    """Show a table in the notebook, numbers as ``value [low, high]`` with their n."""
    if table.empty:
        show_sentences([f"{caption or 'Rows'}: none."])
        return
    text = words.formatted(table).to_string(index=False)
    if get_ipython() is None:
        print(f"{caption}\n{text}" if caption else text)
        return
    display({"text/html": words.table_html(table, caption), "text/plain": text}, raw=True)


def show_sentences(sentences: Iterable[str]) -> None:
    """Show sentences as a list."""
    lines = list(sentences)
    text = "\n".join(f"- {line}" for line in lines)
    if get_ipython() is None:
        print(text)
        return
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    display({"text/html": f"<ul>{items}</ul>", "text/plain": text}, raw=True)
