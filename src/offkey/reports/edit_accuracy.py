"""Did the edit do what it was asked to? Measured against asked, and the error left."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need

EQUAL = 1e-9
"""Numbers that were asked for and differ by less are one."""


@style.themed
def plot_edit_accuracy(table: pd.DataFrame) -> Figure:
    """Draw a column per quantity: above measured over asked, below the error.

    Parameters
    ----------
    table : DataFrame
        ``variant, label, asked, measured``; optional ``quantity`` (e.g. "pitch", "duration",
        "level") and ``unit`` (e.g. "cents", "×", "dB"); optional ``engine``. One row per clip and
        variant.
    """
    need(table, "variant", "label", "asked", "measured")
    if "quantity" not in table:
        table = table.assign(quantity="")
    quantities = list(dict.fromkeys(table["quantity"]))
    fig = style.figure(5.0, max(5.0, 1.0 + 3.6 * len(quantities)))
    axes = fig.subplots(2, len(quantities), squeeze=False, sharex="col", height_ratios=[1.5, 1])
    for (above, below), name in zip(axes.T, quantities, strict=True):
        rows = table[table["quantity"] == name]
        unit = str(rows["unit"].iloc[0]) if "unit" in rows else ""
        # what no edit asks for has one place on the axis of what was asked: show edit by edit
        edits = list(dict.fromkeys(rows["label"])) if np.ptp(rows["asked"]) < EQUAL else []
        at = rows["label"].map(edits.index) if edits else rows["asked"]
        _measured(above, rows.assign(at=at), unit, one_place=bool(edits))
        _error(below, rows.assign(at=at), unit)
        above.set_title(f"{style.short(name)}: no change asked" if edits else style.short(name))
        if edits:
            names = [style.short(edit, 16) for edit in edits]
            below.set_xticks(range(len(edits)), names, rotation=40, ha="right", size=8)
            below.set_xlabel("")
    used = [name for name in dict.fromkeys(table.get("engine", [])) if name]
    engines = len(used) or 1
    by = f"Edited by {' and '.join(used)}. " if used else ""
    per_edit = table.groupby(["quantity", "variant"]).size().max()
    style.caption(
        fig,
        "Did the edit do what was asked?",
        f"{by}n = {per_edit} clips per edit; a random draw asks something else of each. "
        "Above: on the grey line measured equals asked. Below: what is left; the bar spans 95 % of "
        "the clips, the dot is their median.",
        axes[0, 0].get_legend_handles_labels()[0] if engines > 1 else (),
    )
    return fig


def _groups(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame, str]]:
    if "engine" not in rows or rows["engine"].nunique() < 2:
        return [("", rows, style.colour("engine:vocoder"))]
    parts = rows.groupby("engine", sort=False)
    return [
        (str(name), part, style.colour(f"engine:{name}", i)) for i, (name, part) in enumerate(parts)
    ]


def _measured(axis: Axes, rows: pd.DataFrame, unit: str, *, one_place: bool) -> None:
    ends = [min(rows["asked"].min(), rows["measured"].min()),
            max(rows["asked"].max(), rows["measured"].max())]  # fmt: skip
    if one_place:
        axis.axhline(rows["asked"].iloc[0], color=style.base("faint"), linewidth=1)
    else:
        axis.plot(ends, ends, color=style.base("faint"), linewidth=1)
    for number, (name, part, ink) in enumerate(_groups(rows)):
        marker = "ox^s"[number % 4]
        axis.plot(part["at"], part["measured"], marker, color=ink, alpha=0.45, markersize=5,
                  markeredgewidth=0 if marker != "x" else 1.2, label=name)  # fmt: skip
    axis.set_ylabel(f"measured ({unit})" if unit else "measured")


def _error(axis: Axes, rows: pd.DataFrame, unit: str) -> None:
    axis.axhline(0, color=style.base("faint"), linewidth=1)
    span = float(np.ptp(rows["at"])) or 1.0
    groups = _groups(rows)
    for number, (_, part, ink) in enumerate(groups):
        error = (part["measured"] - part["asked"]).groupby(part["at"])
        median, low, high = error.median(), error.quantile(0.025), error.quantile(0.975)
        x = median.index.to_numpy(float) + 0.015 * span * (number - (len(groups) - 1) / 2)
        axis.vlines(x, low, high, color=ink, linewidth=1.6)
        axis.plot(x, median, "o", color=ink, markersize=4)
    axis.set_xlabel(f"asked ({unit})" if unit else "asked")
    axis.set_ylabel(f"error ({unit})" if unit else "error")
