"""Scores with their intervals beside chance: floors, heard and unheard, engine by engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.severity import CHANCE
from offkey.reports.tables import need, over_seeds, seeds_note
from offkey.reports.words import in_percent, metric_name

LINE_IN = 0.2
COLUMNS = ["group", "label", "kind", "metric", "value", "low", "high", "n_clips", "n_tracks"]


def level_table(
    scores: pd.DataFrame, *, group: str, label: str, kind: str, metric: str = "auc"
) -> pd.DataFrame:
    """Rows for :func:`plot_levels` out of a scores table, mean over seeds.

    Parameters
    ----------
    scores : DataFrame
    group, label, kind : str
        Columns that head a block of lines, name a line, and decide its colour.
    metric : str
    """
    need(scores, "metric", "subset", group, label, kind)
    rows = scores[(scores["metric"] == metric) & (scores["subset"] == "all")]
    rows = over_seeds(rows)
    named = {"group": rows[group], "label": rows[label], "kind": rows[kind]}
    return rows.assign(**named)[[*COLUMNS, "n_seeds"]].reset_index(drop=True)


@style.themed
def plot_levels(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw a dot and interval per row, groups under headings; a dotted line marks a coin flip.

    Parameters
    ----------
    table : DataFrame
        ``group, label, kind, metric, value, low, high, n_clips, n_tracks``, one metric;
        also ``n_seeds``, if rows are means over seeds.
    title : str
        The question the figure answers.
    """
    need(table, *COLUMNS)
    metric = str(table["metric"].iloc[0])
    groups = list(table.groupby("group", sort=False))
    fig = style.figure(0.5 + LINE_IN * (len(table) + 1.7 * len(groups) + 1), 8.0)
    axis = fig.subplots()
    inks = {
        name: style.colour("human" if place == 0 else "AI" if place == 1 else "", place)
        for place, name in enumerate(dict.fromkeys(table["kind"]))
    }
    place, ticks, names = 0.0, [], []
    for heading, part in groups:
        ticks.append(place + 0.7)
        names.append(style.short(heading, 44))
        place += 1.7
        for row in part.to_dict("records"):
            ink = inks[row["kind"]]
            if np.isfinite(row["low"]):
                axis.plot([row["low"], row["high"]], [place, place], color=ink, linewidth=2)
            axis.plot(row["value"], place, "o", color=ink, markersize=6)
            ticks.append(place)
            names.append("   " + style.short(row["label"], 44))
            place += 1
    axis.set_yticks(ticks, names)
    for tick, name in zip(axis.get_yticklabels(), names, strict=True):
        if not name.startswith(" "):
            tick.set_fontweight("bold")
    if metric in CHANCE:
        axis.axvline(CHANCE[metric], color=style.base("faint"), linestyle=(0, (1, 2)), lw=1.4)
    axis.set_ylim(place, 0)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)
    if in_percent(metric):
        axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axis.set_xlabel(metric_name(metric) + (" (%)" if in_percent(metric) else ""))
    handles = [
        Line2D([], [], color=ink, marker="o", label=style.short(name, 40))
        for name, ink in inks.items()
    ]
    n, tracks = (_span(table[name]) for name in ("n_clips", "n_tracks"))
    note = f"n = {n} clips of {tracks} tracks per row; bars: 95 % interval over tracks."
    note += seeds_note(table) if "n_seeds" in table else ""
    note += " Dotted: a coin flip." if metric in CHANCE else ""
    style.caption(fig, title, note, handles)
    return fig


def _span(counts: pd.Series) -> str:
    low, high = counts.min(), counts.max()
    return f"{low:.0f}" if low == high else f"{low:.0f}–{high:.0f}"
