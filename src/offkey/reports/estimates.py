"""One figure for everything that is an estimate with an interval: a dot, a bar, a line per row."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import need, seeds_note
from offkey.reports.words import PERTURBATIONS, regime_name

LINE_IN, DODGE = 0.24, 0.62
COLUMNS = ["group", "label", "kind", "metric", "value", "low", "high", "n_clips", "n_tracks"]
CHANCE = {"balanced_accuracy": 0.5, "auc": 0.5, "eer": 0.5, "oracle_balanced_accuracy": 0.5}
DIFFERENCE = "difference"
"""Metric of differences of shares: the axis counts points, and 0 is marked."""
SIGNIFICANT = ("significant (Holm-adjusted p < 0.05)", "not significant, or not tested")
FOUND = ("lines found", "not found: half a semitone wide or more")
HOLLOW = (SIGNIFICANT[1], FOUND[1])


@style.themed
def plot_estimates(table: pd.DataFrame, *, title: str, x_label: str = "", note: str = "") -> Figure:
    """Draw a row per ``label``, in groups, with a dot and its 95 % interval per ``kind``.

    Parameters
    ----------
    table : DataFrame
        ``COLUMNS``, one metric (or ``DIFFERENCE``: fractions, drawn as points). ``kind`` decides
        the colour. Optional: ``filled`` (what a filled or hollow dot means, in words; those of
        ``HOLLOW`` are hollow), ``expected`` (a mark in the row), ``side`` (text at its right),
        ``n_seeds``.
    title, x_label, note : str
        What is shown; what the axis counts (empty: the metric); what else must be said.
    """
    need(table, *COLUMNS)
    metric, kinds = str(table["metric"].iloc[0]), style.inks(table["kind"])
    fig = style.figure(1.0)
    axis = fig.subplots()
    place, ticks = 0.0, {}
    for heading, part in table.groupby("group", sort=False):
        if heading:
            ticks[place + 0.35] = str(heading)
            place += 1.35
        for label, rows in part.groupby("label", sort=False):
            span = DODGE * (len(rows) - 1)
            _row(axis, rows, np.linspace(place, place + span, len(rows)), kinds)
            text = style.short(label, 34 if len(rows) == 1 else 60)
            ticks[place + span / 2] = textwrap.fill(text, 34 if len(rows) == 1 else 26)
            place += span + (1 if len(rows) == 1 else 1.25)
    fig.set_figheight(0.55 + LINE_IN * place)
    axis.set_yticks(list(ticks), list(ticks.values()))
    for tick in axis.get_yticklabels():
        tick.set_fontweight("bold" if (table["group"] == tick.get_text()).any() else "normal")
    axis.set_ylim(place - 0.4, -0.6)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)
    signed, (low, high) = metric == DIFFERENCE, axis.get_xlim()
    middle = 0.0 if signed else CHANCE.get(metric, np.nan)
    if signed or low <= middle <= high:
        style.mark(axis, middle, "no change" if signed else "guessing")
    style.number_axis(axis.xaxis, metric, signed=signed)
    axis.set_xlabel(x_label or style.axis_name(metric))
    clips, tracks = (
        f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
        for low, high in ((table[n].min(), table[n].max()) for n in ("n_clips", "n_tracks"))
    )
    seeds = seeds_note(table, spans=False) if "n_seeds" in table else ""
    bar = f"Bar: 95 % confidence interval over tracks; n = {clips} clips of {tracks} tracks a row."
    style.caption(fig, title, f"{bar}{seeds} {note}".strip(), _legend(table, kinds))
    return fig


def _row(axis: Axes, rows: pd.DataFrame, places: np.ndarray, kinds: dict[str, str]) -> None:
    if "expected" in rows:
        ends = (places[0] - 0.4, places[-1] + 0.4)
        axis.vlines(rows["expected"].iloc[0], *ends, color=style.base("faint"), linewidth=3)
    for place, row in zip(places, rows.to_dict("records"), strict=True):
        ink = kinds[row["kind"]]
        axis.hlines(place, row["low"], row["high"], color=ink, linewidth=2)
        inside = style.base("paper") if row.get("filled") in HOLLOW else ink
        axis.plot(row["value"], place, "o", color=ink, markerfacecolor=inside, markersize=6)
    if "side" in rows:
        axis.text(1.03, places.mean(), rows["side"].iloc[0], va="center", fontsize=style.NOTE,
                  transform=axis.get_yaxis_transform())  # fmt: skip


def _legend(table: pd.DataFrame, kinds: dict[str, str]) -> list[Line2D]:
    shown = {_words(kind): (ink, "-") for kind, ink in kinds.items() if kind and len(kinds) > 1}
    handles = style.keys(shown, "o")
    for words in sorted(set(table.get("filled", [])), key=lambda words: words in HOLLOW):
        inside = style.base("paper" if words in HOLLOW else "ink")
        handles.append(
            Line2D([], [], ls="", color=style.base("ink"), marker="o", mfc=inside, label=words)
        )
    return handles


def _words(kind: str) -> str:
    """What a colour stands for: a regime, an edit, or a name as it is."""
    name = kind.removeprefix("trained:")
    return regime_name(name) if name != kind else PERTURBATIONS.get(kind, kind)
