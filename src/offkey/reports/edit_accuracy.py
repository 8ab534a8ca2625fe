"""Did the edit do what it was asked to? Measured against asked, and the error left."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.lines import draw_line
from offkey.reports.tables import need

EQUAL = 1e-9
"""Numbers that were asked for and differ by less are one."""


@style.themed
def plot_edit_accuracy(table: pd.DataFrame) -> Figure:
    """Draw a column per quantity: above measured over asked, below the error.

    Parameters
    ----------
    table : DataFrame
        ``variant, label, asked, measured, quantity`` (e.g. "pitch", "duration"), ``unit`` (e.g.
        "cents", "×"), ``engine``. One row per clip and variant.
    """
    need(table, "variant", "label", "asked", "measured", "quantity", "unit", "engine")
    engines, quantities = style.inks(table["engine"]), table.groupby("quantity", sort=False)
    fig = style.figure(5.0)
    axes = fig.subplots(2, len(quantities), squeeze=False, sharex="col", height_ratios=[1.5, 1])
    for (above, below), (name, rows) in zip(axes.T, quantities, strict=True):
        unit = f" ({rows['unit'].iloc[0]})"
        # what no edit asks for has one place on the axis of what was asked: show edit by edit
        edits = list(dict.fromkeys(rows["label"])) if np.ptp(rows["asked"]) < EQUAL else []
        rows = rows.assign(at=rows["label"].map(edits.index) if edits else rows["asked"])
        for number, (engine, ink) in enumerate(engines.items()):
            part = rows[rows["engine"] == engine]
            how = {"color": ink, "alpha": 0.45, "markersize": 5}
            above.plot(part["at"], part["measured"], "ox^s"[number % 4], **how)
            error = (part["measured"] - part["asked"]).groupby(part["at"])
            ends = {"low": error.quantile(0.025), "high": error.quantile(0.975)}
            spread = pd.DataFrame({"value": error.median(), **ends}).reset_index()
            shift = 0.015 * number * float(np.ptp(rows["at"]))
            draw_line(below, spread, "at", ink, shift=shift, line="")
        equal = rows.groupby("at")["asked"].first()
        above.plot(equal.index, equal, color=style.base("faint"), linewidth=1)
        below.axhline(0, color=style.base("faint"), linewidth=1)
        if edits:
            names = [style.short(edit, 16) for edit in edits]
            below.set_xticks(range(len(edits)), names, rotation=50, ha="right", size=style.SMALL)
        else:
            below.set_xlabel(f"asked{unit}")
        above.set_title(style.short(name) + ": no change asked" * bool(edits))
        above.set_ylabel(f"measured{unit}")
        below.set_ylabel(f"error{unit}")
    used = [name for name in engines if name]
    by = f"Edited by {' and '.join(used)}. " if used else ""
    per_edit = table.groupby(["quantity", "variant"]).size().max()
    style.caption(
        fig,
        "Did the edit do what was asked?",
        f"{by}n = {per_edit} clips per edit; a random draw asks something else of each. "
        "Above: on the grey line measured equals asked. Below: what is left; the bar spans 95 % of "
        "the clips, the dot is their median.",
        style.keys({name: (ink, "") for name, ink in engines.items() if len(engines) > 1}, "o"),
    )
    return fig
