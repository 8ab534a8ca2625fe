"""Differences with their intervals, one line each: what hurts, by how much, how sure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import need, seeds_note
from offkey.reports.words import PERTURBATIONS, regime_name

LINE_IN, GAP_LINES = 0.19, 0.75
LEVEL = 0.05
TOOL = ("round_trip", "null_pitch", "null_tempo", "resample_only")
COLUMNS = ["group", "label", "value", "low", "high", "p", "n_clips", "n_tracks"]


def drop_table(tests: pd.DataFrame) -> pd.DataFrame:
    """Losses of every edit from the paired tests, as :func:`plot_forest` takes them.

    Parameters
    ----------
    tests : DataFrame
        From :func:`offkey.evaluation.compare`, one model.
    """
    need(tests, "perturbation", "label", "drop", "low", "high", "p_tracks_holm", "engine")
    known = tests["perturbation"].map(lambda kind: PERTURBATIONS.get(kind, kind))
    group = known.where(~tests["perturbation"].isin(TOOL), "control: the tool, no edit")
    group = group.where(~tests["perturbation"].str.startswith("original_"), "random draws")
    engine = tests["engine"].where(~tests["engine"].isin(["", "vocoder"]), "")
    label = tests["label"] + engine.map(lambda name: f" ({name})" if name else "")
    own = tests["perturbation"].where(tests["perturbation"].isin(TOOL[1:]), "")
    label = label.where(own == "", own.str.replace("_", " ") + " " + label)
    table = tests.assign(
        group=group.str.replace("_", " "),
        label=label,
        value=tests["drop"],
        p=tests["p_tracks_holm"],
    )
    return _columns(table)


def gain_table(gains: pd.DataFrame) -> pd.DataFrame:
    """Gains of every way of training, grouped by what was tested, for :func:`plot_forest`.

    Parameters
    ----------
    gains : DataFrame
        From :func:`offkey.evaluation.compare_regimes`.
    """
    need(gains, "regime", "label", "gain", "low", "high", "p_tracks_holm")
    table = gains.assign(
        group="tested on " + gains["label"],
        label=gains["regime"].map(regime_name),
        value=gains["gain"],
        p=gains["p_tracks_holm"],
    )
    return _columns(table)


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    seeds = ["n_seeds"] if "n_seeds" in table else []
    return table[[*COLUMNS, *seeds]].reset_index(drop=True)


@style.themed
def plot_forest(table: pd.DataFrame, *, title: str, x_label: str, harm: bool = True) -> Figure:
    """Draw a dot and its 95 % interval per row, in groups.

    Filled: significant (Holm-adjusted p below 0.05); hollow: not, or not tested.

    Parameters
    ----------
    table : DataFrame
        ``group, label, value, low, high, p, n_clips, n_tracks``; values as fractions.
    title, x_label : str
        What is claimed or asked; what the axis counts.
    harm : bool
        Whether more is worse.
    """
    need(table, *COLUMNS)
    groups = [(name, part) for name, part in table.groupby("group", sort=False)]
    lines = len(table) + GAP_LINES * (len(groups) + 1) + len(groups)
    fig = style.figure(0.5 + LINE_IN * lines, 8.0)
    axis = fig.subplots()
    place, ticks, names = 0.0, [], []
    for name, part in groups:
        place += GAP_LINES
        ticks.append(place)
        names.append(str(name))
        place += 1
        for row in part.to_dict("records"):
            _row(axis, row, place, harm)
            ticks.append(place)
            names.append("   " + style.short(row["label"], 40))
            place += 1
    axis.axvline(0, color=style.base("ink"), linewidth=1)
    axis.set_yticks(ticks, names)
    for tick, name in zip(axis.get_yticklabels(), names, strict=True):
        if not name.startswith(" "):
            tick.set_fontweight("bold")
    axis.set_ylim(place, 0)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.3g}".replace("-", "−"))
    axis.set_xlabel(x_label)
    ink = style.base("ink")
    handles = [
        Line2D([], [], color=ink, marker="o", label="significant (Holm-adjusted p < 0.05)"),
        Line2D(
            [],
            [],
            color=ink,
            marker="o",
            mfc=style.base("paper"),
            label="not significant, or not tested",
        ),
    ]
    note = (
        f"n = {table['n_clips'].max():.0f} clips of {table['n_tracks'].max():.0f} tracks per row. "
        "Bars: 95 % interval over tracks of the paired difference. "
        f"Holm-adjusted over the {table['p'].notna().sum()} comparisons tested."
    )
    if "n_seeds" in table:
        note += seeds_note(table, spans=False)
    style.caption(fig, title, note, handles)
    return fig


def _row(axis: Axes, row: dict, place: float, harm: bool) -> None:
    sure = bool(row["p"] < LEVEL)
    bad = (row["value"] > 0) == harm
    ink = style.colour("AI" if bad else "human") if sure else style.base("faint")
    if np.isfinite(row["low"]):
        axis.plot([row["low"], row["high"]], [place, place], color=ink, linewidth=2)
    inside = ink if sure else style.base("paper")
    axis.plot(row["value"], place, "o", color=ink, markerfacecolor=inside, markersize=6)
