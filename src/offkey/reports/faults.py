"""The faults of a protocol: what each makes of a number, with the fault and without."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import need

LINE_IN = 0.62
LEVEL = 0.05
WAYS = {"published": ("as published", -0.13), "mended": ("mended", 0.13)}


@style.themed
def plot_faults(table: pd.DataFrame, *, title: str) -> Figure:
    """Draw one line per fault: accuracy as published and mended, and the difference beside them.

    Parameters
    ----------
    table : DataFrame
        ``fault, published, published_low, published_high, mended, mended_low, mended_high, effect,
        low, high, p_holm, n_clips, n_tracks``, as fractions.
    title : str
        What the figure shows.
    """
    ends = [f"{way}{end}" for way in WAYS for end in ("", "_low", "_high")]
    need(table, "fault", *ends, "effect", "low", "high", "p_holm", "n_clips", "n_tracks")
    fig = style.figure(0.6 + LINE_IN * len(table))
    axis = fig.subplots()
    rows = table.to_dict("records")
    for place, row in enumerate(rows):
        for way, (_, shift) in WAYS.items():
            _way(axis, row, way, place + shift)
        ink = style.base("ink" if row["p_holm"] < LEVEL else "faint")
        right = axis.get_yaxis_transform()
        axis.text(1.04, place, _difference(row), va="center", color=ink, transform=right)
    axis.text(
        1.04, -0.72, "mended minus published", va="center", fontweight="bold",
        transform=axis.get_yaxis_transform(),
    )  # fmt: skip
    axis.axvline(0.5, color=style.base("faint"), linestyle=(0, (1, 2)), linewidth=1.4)
    axis.set_yticks(range(len(rows)), [row["fault"] for row in rows])
    axis.set_ylim(len(rows) - 0.5, -0.5)
    axis.set_xlim(right=1.02)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axis.set_xlabel("balanced accuracy (%)")
    handles = [
        Line2D([], [], color=_ink(way), marker=_mark(way), label=words)
        for way, (words, _) in WAYS.items()
    ]
    n = "; ".join(f"{row['n_clips']:.0f} of {row['n_tracks']:.0f}" for row in rows)
    note = (
        "Bars: 95 % interval over tracks. Difference: in points, paired, with its own interval; "
        "grey: not told from zero (Holm). Dotted: a coin flip. "
        f"Clips or pictures of how many tracks, from the top: {n}."
    )
    style.caption(fig, title, note, handles)
    return fig


def _way(axis: Axes, row: dict, way: str, place: float) -> None:
    ends = [row[f"{way}_low"], row[f"{way}_high"]]
    if not pd.isna(ends).any():
        axis.plot(ends, [place, place], color=_ink(way), linewidth=2)
    axis.plot(row[way], place, _mark(way), color=_ink(way), markersize=8)


def _ink(way: str) -> str:
    return style.colour("", 1) if way == "published" else style.colour("", 0)


def _mark(way: str) -> str:
    return "X" if way == "published" else "o"


def _difference(row: dict) -> str:
    value, low, high = (
        "–" if pd.isna(number) else f"{round(100 * number):+d}".replace("-", "−").replace("+0", "0")
        for number in (row["effect"], row["low"], row["high"])
    )
    return f"{value} points [{low}, {high}]" if low != "–" else f"{value} points"
