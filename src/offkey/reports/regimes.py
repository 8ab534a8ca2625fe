"""What was trained on against what was tested on, as a heat map with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from offkey.reports import style
from offkey.reports.tables import last_stage, need, over_seeds, pick
from offkey.reports.words import in_percent, interval, metric_name, number

CELL_IN, SMALL_CELL_IN = (0.86, 0.5), (0.42, 0.3)
# More columns than this leave no room for intervals: they stay in the table beside the figure.
MOST_WITH_INTERVALS = 10


@style.themed
def plot_regimes(
    scores: pd.DataFrame, *, metric: str = "balanced_accuracy", detector: str | None = None
) -> Figure:
    """Draw a row per trained model and a column per tested variant.

    A frame marks the cells whose model was trained on exactly what it is tested on. Of the
    iterative regime the last stage is shown.

    Parameters
    ----------
    scores : DataFrame
        The scores table.
    metric : str
        Higher must be better.
    detector : str, optional
        Which one, where the table holds several.
    """
    need(scores, "regime", "train_variant", "variant", "label", "metric", "value")
    rows = pick(scores, "detector", detector)
    rows = rows[(rows["subset"] == "all") & (rows["metric"] == metric)]
    need(rows, "metric")
    rows = over_seeds(last_stage(rows))
    labels = rows.drop_duplicates("variant").set_index("variant")["label"]
    rows = rows.assign(row=[_row_name(one, labels) for one in rows.to_dict("records")])
    names = sorted(dict.fromkeys(rows["row"]), key=lambda name: name != "clean")
    variants = sorted(dict.fromkeys(rows["variant"]), key=lambda name: name != "clean")
    full = len(variants) <= MOST_WITH_INTERVALS
    fig = _heat_map(rows, names, variants, metric, full)
    axis = fig.axes[0]
    own = rows[(rows["train_variant"] == rows["variant"]) & rows["regime"].isin(_SINGLE)]
    for one in own.to_dict("records"):
        corner = (variants.index(one["variant"]) - 0.5, names.index(one["row"]) - 0.5)
        axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.colour("AI"), lw=2))
    axis.set_xticks(
        range(len(variants)), [style.short(labels[name], 16) for name in variants],
    )  # fmt: skip
    if len(variants) > 6:
        for tick in axis.get_xticklabels():
            tick.set(rotation=45, ha="right", rotation_mode="anchor")
    brackets = "in brackets the 95 % interval" if full else "95 % intervals are in the CSV"
    style.caption(
        fig,
        f"Trained on one thing, tested on another: {metric_name(metric)}",
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks per cell; "
        f"{brackets}. Framed: tested on what it was trained on.",
    )
    return fig


_SINGLE = ("clean", "retrained")


def _row_name(row: dict, labels: pd.Series) -> str:
    if row["regime"] not in _SINGLE:
        return str(row["regime"])
    trained = row["train_variant"]
    return style.short(labels.get(trained, trained), 20)


def _heat_map(
    rows: pd.DataFrame, names: list[str], variants: list[str], metric: str, full: bool
) -> Figure:
    """Heat map of model × variant with the number, and its interval where there is room."""
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
    axis.set(xlabel="tested on", ylabel="trained on")
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
