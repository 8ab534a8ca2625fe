"""One sound under several edits: every detector's score beside its threshold."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from pandas.api.types import is_numeric_dtype

from offkey.reports import style
from offkey.reports.tables import need

COLUMNS, ENDS = 3, (-0.05, 1.05)
NOTE = (
    "n = 1 sound, one detector of each kind, so no interval. From its threshold on a detector says "
    "AI; one with two thresholds says uncertain between them."
)
SAID = {"AI": "AI", "human": "human", "uncertain": "clean"}
"""Whose colour a verdict has."""


@style.themed
def plot_detector_scores(table: pd.DataFrame, *, title: str, along: str = "") -> Figure:
    """Draw a panel per detector: its score under every edit, and its threshold.

    Parameters
    ----------
    table : DataFrame
        ``edit, detector, score, human_below, ai_from, verdict``; edits are words, a line each,
        or numbers along an axis, joined.
    title : str
        Names the sound.
    along : str
        What the numbers are, with their unit.
    """
    need(table, "edit", "detector", "score", "human_below", "ai_from", "verdict")
    detectors = list(dict.fromkeys(table["detector"]))
    numbers = is_numeric_dtype(table["edit"])
    height = 2.2 if numbers else 0.7 + 0.24 * table["edit"].nunique()
    fig, axes = style.panels(len(detectors), COLUMNS, height, sharex=True, sharey=True)
    for axis, detector in zip(axes, detectors, strict=False):
        draw = _curve if numbers else _list
        draw(axis, table[table["detector"] == detector])
        axis.set_title(detector)
    for axis in axes[-COLUMNS:]:  # a panel of the line above may be the last of its column
        axis.tick_params(labelbottom=True)
        axis.set_xlabel(along if numbers else "score, P(AI)")
    if numbers:
        for axis in axes[::COLUMNS]:
            axis.set_ylabel("score, P(AI)")
    said = [name for name in SAID if name in set(table["verdict"])]
    inks = [style.colour(SAID[name]) for name in said]
    handles = [
        Line2D([], [], marker="o", linestyle="", color=ink, label=f"says {name}")
        for name, ink in zip(said, inks, strict=True)
    ]
    handles.append(Line2D([], [], linestyle="--", color=style.base("faint"), label="threshold"))
    style.caption(fig, title, NOTE, handles)
    return fig


def _inks(rows: pd.DataFrame) -> list[str]:
    return [style.colour(SAID[said]) for said in rows["verdict"]]


def _thresholds(rows: pd.DataFrame) -> set[float]:
    return set(rows[["human_below", "ai_from"]].iloc[0])


def _curve(axis: Axes, rows: pd.DataFrame) -> None:
    axis.plot(rows["edit"], rows["score"], color=style.base("faint"), linewidth=1, zorder=1)
    axis.scatter(rows["edit"], rows["score"], c=_inks(rows), s=24, zorder=2)
    for threshold in _thresholds(rows):
        axis.axhline(threshold, linestyle="--", color=style.base("faint"), linewidth=1)
    axis.set_ylim(*ENDS)


def _list(axis: Axes, rows: pd.DataFrame) -> None:
    axis.scatter(rows["score"], range(len(rows)), c=_inks(rows), s=24, zorder=2)
    for threshold in _thresholds(rows):
        axis.axvline(threshold, linestyle="--", color=style.base("faint"), linewidth=1)
    axis.set_xlim(*ENDS)
    axis.set_yticks(range(len(rows)), [style.short(edit) for edit in rows["edit"]])
    axis.set_ylim(len(rows) - 0.5, -0.5)
