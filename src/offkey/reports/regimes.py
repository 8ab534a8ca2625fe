"""What was trained on against what was tested on, as a heat map with intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from offkey.reports import style
from offkey.reports.tables import in_percent, metric_name, need, number, over_seeds, pick

CELL_IN = (0.82, 0.52)


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
    iterative = rows["regime"] == "iterative"
    if iterative.any():
        rows = rows[~iterative | (rows["stage"] == max(rows.loc[iterative, "stage"]))]
    rows = over_seeds(rows)
    labels = rows.drop_duplicates("variant").set_index("variant")["label"]
    rows = rows.assign(row=[_row_name(one, labels) for one in rows.to_dict("records")])
    names = sorted(dict.fromkeys(rows["row"]), key=lambda name: name != "clean")
    variants = sorted(dict.fromkeys(rows["variant"]), key=lambda name: name != "clean")
    fig, lowest = _heat_map(rows, "row", names, variants, metric)
    axis = fig.axes[0]
    axis.set_ylabel("trained on")
    own = rows[(rows["train_variant"] == rows["variant"]) & rows["regime"].isin(_SINGLE)]
    for one in own.to_dict("records"):
        corner = (variants.index(one["variant"]) - 0.5, names.index(one["row"]) - 0.5)
        axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.colour("AI"), lw=2))
    axis.set_xticks(
        range(len(variants)), [style.short(labels[name], 16) for name in variants],
        rotation=40, ha="right", rotation_mode="anchor",
    )  # fmt: skip
    style.caption(
        fig,
        f"Trained on one thing, tested on another: {metric_name(metric)}",
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks per cell; "
        "in brackets the 95 % interval. Framed: tested on what it was trained on. "
        f"Colour from {number(lowest, metric)} (pale) to {number(1.0, metric)}.",
    )
    return fig


_SINGLE = ("clean", "retrained")


def _row_name(row: dict, labels: pd.Series) -> str:
    if row["regime"] not in _SINGLE:
        return str(row["regime"])
    trained = row["train_variant"]
    return style.short(labels.get(trained, trained), 20)


def _heat_map(
    rows: pd.DataFrame, by: str, names: list[str], variants: list[str], metric: str
) -> tuple[Figure, float]:
    """Heat map of `by` × variant with the number and its interval in every cell."""
    cells = rows.drop_duplicates([by, "variant"], keep="last").set_index([by, "variant"])
    values = cells["value"].unstack().reindex(index=names, columns=variants).to_numpy(float)
    lowest = min(0.5, float(np.nanmin(values)))
    width, height = CELL_IN
    fig = style.figure(1.9 + height * len(names), max(6.0, 2.0 + width * len(variants)))
    axis = fig.subplots()
    mesh = axis.imshow(values, cmap=style.scale(), vmin=lowest, vmax=1.0, aspect="auto")
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("tested on")
    for (name, variant), cell in cells.iterrows():
        place = (variants.index(variant), names.index(name))
        ink = style.on(mesh.cmap(mesh.norm(cell["value"])))
        text = _plain(cell["value"], metric, cell["n_clips"])
        axis.text(*place, text, ha="center", va="bottom", color=ink, weight="bold")
        if np.isfinite(cell["low"]) and np.isfinite(cell["high"]):
            ends = [_plain(cell[end], metric, cell["n_clips"]) for end in ("low", "high")]
            axis.text(*place, f"[{ends[0]}, {ends[1]}]", ha="center", va="top", color=ink, size=7.5)
    bar = fig.colorbar(mesh, ax=axis, shrink=min(1.0, 3 / (0.52 * len(names))), aspect=16, pad=0.02)
    bar.outline.set_visible(False)
    if in_percent(metric):
        bar.ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    bar.set_label(metric_name(metric) + (" (%)" if in_percent(metric) else ""))
    return fig, lowest


def _plain(value: float, metric: str, n: float) -> str:
    return number(value, metric, n).removesuffix(" %")
