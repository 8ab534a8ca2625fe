"""Severity curves: how a metric falls along an edit, with the tool's own share marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import comparable, need, over_seeds, pick
from offkey.reports.words import in_percent, metric_name, regime_name

# perturbation -> (axis label, level that changes nothing; None: the levels are not one number)
AXES: dict[str, tuple[str, float | None]] = {
    "pitch": ("pitch shift (semitones)", 0.0),
    "tempo": ("playback rate (×)", 1.0),
    "speed": ("playback speed (×)", 1.0),
    "pitch_tempo": ("pitch shift and playback rate", None),
}
CHANCE = {"balanced_accuracy": 0.5, "auc": 0.5, "eer": 0.5, "oracle_balanced_accuracy": 0.5}
# What stands beside the curve: prefix of the variant -> (tick label, marker)
ASIDE = {"round_trip": ("control", "D"), "original": ("random", "s")}
# Control at the levels of the edit itself, drawn as a line of its own
CONTROL = {"pitch": "bandlimit"}
_LINES: tuple[Literal["-", ":", "-."], ...] = ("-", ":", "-.")


@style.themed
def plot_severity(
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] = ("balanced_accuracy", "auc"),
    perturbations: Sequence[str] = ("pitch", "tempo", "speed", "pitch_tempo"),
    detector: str | None = None,
) -> Figure:
    """Draw one row per edit and one column per metric, the clean clips at the centre.

    The first column falls when the detector errs; where the second (AUC) does not fall with it,
    only the threshold has shifted and the classes can still be told apart. Beside each curve stand
    the control (edited and edited back: what the tool alone does) and the random draws. The dashed
    line beside the pitch shifts is the clean clip without the band that a shift empties.

    Parameters
    ----------
    scores : DataFrame
        The scores table. Several regimes become colours, several engines line styles.
    metrics, perturbations : sequence of str
        Columns and rows; one without numbers is left out.
    detector : str, optional
        Which one, where the table holds several.
    """
    need(scores, "detector", "regime", "variant", "perturbation", "level", "metric", "value")
    rows = over_seeds(comparable(pick(scores, "detector", detector)))
    rows = rows[rows["metric"].isin(metrics)]
    shown = [name for name in perturbations if (rows["perturbation"] == name).any()]
    need(rows[rows["perturbation"].isin(shown)], "metric")
    measured = [metric for metric in metrics if (rows["metric"] == metric).any()]
    # no wider than a page's column: what is scaled down to fit cannot be read
    fig = style.figure(0.3 + 2.5 * len(shown), style.WIDTH_IN)
    axes = fig.subplots(len(shown), len(measured), squeeze=False, sharey="col", sharex="row")
    for column, metric in enumerate(measured):
        for line, name in enumerate(shown):
            axis = axes[line, column]
            _panel(axis, rows[rows["metric"] == metric], name)
            axis.set_title(name.replace("_", " and "))
            axis.set_xlabel(AXES.get(name, (name, None))[0])
        for axis in axes[:, column]:
            _vertical(axis, metric)
    title = f"What each edit does to the detector '{style.short(rows['detector'].iloc[0])}'"
    style.caption(fig, title, _note(rows), _legend(rows))
    return fig


def _panel(axis: Axes, rows: pd.DataFrame, perturbation: str) -> None:
    neutral = AXES.get(perturbation, ("", None))[1]
    edits = rows[rows["perturbation"] == perturbation]
    labels = ["clean", *dict.fromkeys(edits["label"])]
    if neutral is None:
        places, names = [float(place) for place in range(len(labels))], labels
    else:
        places = sorted({neutral, *edits["level"].dropna()})
        names = _level_names(places, neutral)
        axis.axvline(neutral, color=style.base("faint"), linewidth=0.8)
    # One step is a twelfth of the axis: the room of one tick label.
    step = 1.0 if neutral is None else (places[-1] - places[0]) / 11
    aside = {
        prefix: rows[rows["variant"].str.split("@").str[0] == f"{prefix}_{perturbation}"]
        for prefix in ASIDE
    }
    aside = {prefix: part for prefix, part in aside.items() if len(part)}
    spots = {prefix: places[-1] + step * (1.9 + 2.5 * i) for i, prefix in enumerate(aside)}
    regimes = list(dict.fromkeys(rows["regime"]))
    for number, regime in enumerate(regimes):
        ink = style.colour(f"trained:{regime}", number)
        dodge = 0.3 * step * (number - (len(regimes) - 1) / 2)
        mine = edits[edits["regime"] == regime]
        clean = rows[(rows["regime"] == regime) & (rows["perturbation"] == "clean")]
        for which, (_, group) in enumerate(mine.groupby("engine", sort=False)):
            data = pd.concat([clean, group])
            if neutral is None:
                x = np.array([labels.index(label) for label in data["label"]], float)
                _points(axis, x + dodge, data, ink, "ov^"[which % 3])
            else:
                _curve(axis, data, neutral, ink, which)
        control = rows[rows["perturbation"] == CONTROL.get(perturbation)]
        control = control[control["regime"] == regime].sort_values("level")
        axis.plot(control["level"], control["value"], "--", color=ink, marker="D", markersize=4,
                  markerfacecolor=style.base("paper"))  # fmt: skip
        for prefix, part in aside.items():
            part = part[part["regime"] == regime]
            for which, (_, group) in enumerate(part.groupby("engine", sort=False)):
                x = np.array([spots[prefix] + dodge * 1.6 + 0.2 * step * which])
                _points(axis, x, group, ink, ASIDE[prefix][1])
    if spots:
        axis.axvline(places[-1] + 0.8 * step, color=style.base("grid"), linewidth=3)
    ticks = [*places, *spots.values()]
    axis.set_xticks(ticks, [*names, *(ASIDE[prefix][0] for prefix in spots)])
    if neutral is None:
        for tick in axis.get_xticklabels()[: len(places)]:
            tick.set(rotation=40, ha="right", rotation_mode="anchor")
    axis.grid(axis="x", visible=False)
    metric = rows["metric"].iloc[0]
    if metric in CHANCE:
        axis.axhline(CHANCE[metric], color=style.base("faint"), linestyle=(0, (1, 2)), lw=1.4)


def _curve(axis: Axes, data: pd.DataFrame, neutral: float, ink: str, which: int) -> None:
    data = data.assign(level=data["level"].where(data["severity"] != 0, neutral))
    data = data.sort_values("level")
    if which == 0:
        low, high = data["low"], data["high"]
        axis.fill_between(data["level"], low, high, color=ink, alpha=0.14, linewidth=0)
    line = _LINES[which % len(_LINES)]
    axis.plot(data["level"], data["value"], line, color=ink, marker="o", markersize=4)


def _points(axis: Axes, x: np.ndarray, data: pd.DataFrame, ink: str, marker: str) -> None:
    axis.vlines(x, data["low"], data["high"], color=ink, linewidth=1.3)
    inside = style.base("paper") if marker in "Ds" else ink
    axis.plot(x, data["value"], marker, color=ink, markersize=5.5, markerfacecolor=inside)


def _level_names(levels: list[float], neutral: float) -> list[str]:
    """Tick labels; one that would touch the label before it stays empty."""
    sign = "+" if neutral == 0 else ""
    room = (levels[-1] - levels[0]) / 10
    names, last = [], -np.inf
    for level in levels:
        near = level != neutral and min(abs(level - neutral), level - last) < room
        text = "0" if level == 0 else f"{level:{sign}g}".replace("-", "−")
        names.append("" if near else text)
        last = last if near else level
    return names


def _vertical(axis: Axes, metric: str) -> None:
    low, high = axis.get_ylim()
    axis.set_ylim(max(0.0, min(low, 0.45)), max(high, 1.02) if high <= 1.1 else high)
    if in_percent(metric):
        axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axis.set_ylabel(metric_name(metric) + (" (%)" if in_percent(metric) else ""))


def _legend(rows: pd.DataFrame) -> list[Line2D]:
    ink, paper = style.base("ink"), style.base("paper")
    handles = [
        Line2D([], [], color=style.colour(f"trained:{regime}", number), marker="o", markersize=4,
               label=regime_name(regime))
        for number, regime in enumerate(dict.fromkeys(rows["regime"]))
    ]  # fmt: skip
    engines = [name for name in dict.fromkeys(rows["engine"]) if name]
    if len(engines) > 1:
        handles += [
            Line2D([], [], color=ink, linestyle=_LINES[i % len(_LINES)], label=f"engine: {name}")
            for i, name in enumerate(engines)
        ]
    words = {"round_trip": "control: edited and edited back", "original": "random draw per clip"}
    for prefix, (_, marker) in ASIDE.items():
        mine = rows[rows["perturbation"].str.startswith(prefix)]
        tools = [name for name in dict.fromkeys(mine["engine"]) if name]
        order = f" (from the left: {', '.join(tools)})" if len(tools) > 1 else ""
        if len(mine):
            handles.append(Line2D([], [], color=ink, marker=marker, markerfacecolor=paper,
                                  linestyle="", label=words[prefix] + order))  # fmt: skip
    if rows["perturbation"].isin(CONTROL.values()).any():
        handles.append(Line2D([], [], color=ink, marker="D", markerfacecolor=paper, markersize=4,
                              linestyle="--", label="control: only the emptied band"))  # fmt: skip
    chance = Line2D([], [], color=style.base("faint"), linestyle=(0, (1, 2)), label="coin flip")
    return [*handles, chance]


def _note(rows: pd.DataFrame) -> str:
    seeds = int(rows["n_seeds"].max())
    engines = [name for name in dict.fromkeys(rows["engine"]) if name]
    whose = f" (of {engines[0]})" if len(engines) > 1 else ""
    band = f"Band{whose} and bars: 95 % interval over tracks"
    if seeds > 1:
        band = f"Mean of {seeds} seeds; bands{whose} reach from the lowest to the highest interval"
    return (
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks per point. "
        f"{band}. The threshold is fixed on clean validation clips; AUC needs none, so accuracy "
        "that falls while AUC stays may mean a shifted threshold, not lost separability."
    )
