"""A heat map of scores with their intervals: rows are models, columns what they are tested on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.words import in_percent, interval, metric_name, number

CELL_IN, SMALL_CELL_IN = (0.86, 0.5), (0.42, 0.3)
# More columns than this leave no room for intervals: they stay in the table beside the figure.
MOST_WITH_INTERVALS = 10


def brackets(variants: list[str]) -> str:
    """What stands in brackets, for the line below the figure."""
    full = len(variants) <= MOST_WITH_INTERVALS
    return "in brackets the 95 % interval" if full else "95 % intervals are in the CSV"


def heat_map(rows: pd.DataFrame, names: list[str], variants: list[str], metric: str) -> Figure:
    """Draw a cell per row name and variant: the number, and its interval where there is room.

    Parameters
    ----------
    rows : DataFrame
        Scores of one metric with a column ``row``.
    names, variants : list of str
        The rows from above, the columns from the left.
    metric : str
        Higher must be better.
    """
    full = len(variants) <= MOST_WITH_INTERVALS
    labels = rows.drop_duplicates("variant").set_index("variant")["label"]
    cells = rows.drop_duplicates(["row", "variant"], keep="last").set_index(["row", "variant"])
    values = cells["value"].unstack().reindex(index=names, columns=variants).to_numpy(float)
    lowest = min(0.5, float(np.nanmin(values)))
    width, height = CELL_IN if full else SMALL_CELL_IN
    fig = style.figure(0.9 + max(2.0, height * len(names)), max(7.0, 2.4 + width * len(variants)))
    axis = fig.subplots()
    mesh = axis.imshow(values, cmap=style.scale(), vmin=lowest, vmax=1.0, aspect="auto")
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("tested on")
    axis.set_xticks(range(len(variants)), [style.short(labels[name], 16) for name in variants])
    if len(variants) > 6:
        for tick in axis.get_xticklabels():
            tick.set(rotation=45, ha="right", rotation_mode="anchor")
    for cell in cells.reset_index().to_dict("records"):
        x, y = variants.index(cell["variant"]), names.index(cell["row"])
        ink = style.on(mesh.cmap(mesh.norm(cell["value"])))
        n = cell["n_clips"] if full else 0
        text = number(cell["value"], metric, n).removesuffix(" %")
        ends = interval(cell["value"], cell["low"], cell["high"], metric, n).partition("[")[2]
        if full and ends:
            axis.text(x, y + 0.04, text, ha="center", va="bottom", color=ink, weight="bold")
            axis.text(x, y + 0.08, f"[{ends}", ha="center", va="top", color=ink, size=8)
        else:
            axis.text(x, y, text, ha="center", va="center", color=ink, size=8.5)
    bar = fig.colorbar(
        mesh, ax=axis, shrink=min(1.0, 2.4 / max(2.0, height * len(names))), aspect=16
    )
    bar.outline.set_visible(False)
    if in_percent(metric):
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    bar.set_label(metric_name(metric) + (" (%)" if in_percent(metric) else ""))
    return fig
