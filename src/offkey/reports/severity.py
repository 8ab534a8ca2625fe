"""Severity curves: how a metric falls along an edit, with the tool's own share marked."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import (
    comparable,
    in_percent,
    metric_name,
    need,
    over_seeds,
    pick,
    regime_name,
)

# perturbation -> (axis label, level that changes nothing)
AXES = {
    "pitch": ("pitch shift (semitones)", 0.0),
    "tempo": ("playback rate (×)", 1.0),
    "pitch_tempo": ("pitch and tempo together", None),
}
CHANCE = {"balanced_accuracy": 0.5, "auc": 0.5, "eer": 0.5, "oracle_balanced_accuracy": 0.5}
_LINES = ("-", ":", "-.")


@style.themed
def plot_severity(
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] = ("balanced_accuracy", "auc"),
    perturbations: Sequence[str] = ("pitch", "tempo", "pitch_tempo"),
    detector: str | None = None,
) -> Figure:
    """Draw one column per edit and one row per metric, the clean clips at the centre.

    The first row falls when the detector errs; where the second (AUC) does not fall with it, only
    the threshold has shifted and the classes can still be told apart.

    Parameters
    ----------
    scores : DataFrame
        The scores table. Several regimes become colours, several engines line styles.
    metrics, perturbations : sequence of str
        Rows and columns; a perturbation without rows is left out.
    detector : str, optional
        Which one, where the table holds several.
    """
    need(scores, "detector", "regime", "variant", "perturbation", "level", "metric", "value")
    rows = over_seeds(comparable(pick(scores, "detector", detector)))
    rows = rows[rows["metric"].isin(metrics)]
    present = [name for name in perturbations if (rows["perturbation"] == name).any()]
    need(rows[rows["perturbation"].isin(present)], "metric")
    shown = [metric for metric in metrics if (rows["metric"] == metric).any()]
    fig = style.figure(1.5 + 2.75 * len(shown), 1.2 + 3.5 * max(2, len(present)))
    axes = fig.subplots(len(shown), len(present), squeeze=False, sharey="row", sharex="col")
    for line, metric in enumerate(shown):
        for column, name in enumerate(present):
            _panel(axes[line, column], rows[rows["metric"] == metric], name)
            if line == 0:
                axes[line, column].set_title(name.replace("_", " and "))
            if line == len(shown) - 1:
                axes[line, column].set_xlabel(AXES.get(name, (name, None))[0])
        _vertical(axes[line, 0], metric)
    fig.legend(handles=_legend(rows), loc="outside upper left", ncols=3)
    style.caption(fig, f"What each edit does to {_names(rows)}", _note(rows))
    return fig


def _panel(axis: Axes, rows: pd.DataFrame, perturbation: str) -> None:
    neutral = AXES.get(perturbation, ("", None))[1]
    edits = rows[rows["perturbation"] == perturbation]
    labels = ["clean", *dict.fromkeys(edits["label"])]
    for regime in dict.fromkeys(rows["regime"]):
        mine = edits[edits["regime"] == regime]
        clean = rows[(rows["regime"] == regime) & (rows["perturbation"] == "clean")]
        ink = style.colour(f"trained:{regime}")
        for number, (_, group) in enumerate(mine.groupby("engine", sort=False)):
            data = pd.concat([clean, group])
            if neutral is None:
                x = np.array([labels.index(label) for label in data["label"]], float)
                x += 0.12 * number
                _errorbars(axis, x, data, ink, "o")
            else:
                data = data.assign(level=data["level"].where(data["severity"] != 0, neutral))
                data = data.sort_values("level")
                _curve(axis, data, ink, number)
        extra = rows[(rows["regime"] == regime) & rows["variant"].map(_belongs(perturbation))]
        _markers(axis, extra, ink, neutral, len(labels))
    if neutral is None:
        draws = rows["variant"].map(_belongs(perturbation)).any()
        ticks = [*labels, *(["random draws"] if draws else [])]
        axis.set_xticks(range(len(ticks)), ticks, rotation=35, ha="right", rotation_mode="anchor")
        axis.grid(axis="x", visible=False)
    else:
        levels = sorted({neutral, *edits["level"].dropna()})
        axis.axvline(neutral, color=style.base("faint"), linewidth=0.8)
        axis.set_xticks(levels, _level_labels(levels, neutral))
        _thin(axis, levels)
    metric = rows["metric"].iloc[0]
    if metric in CHANCE:
        axis.axhline(CHANCE[metric], color=style.base("faint"), linestyle=(0, (1, 2)))


def _belongs(perturbation: str):  # type: ignore[no-untyped-def]
    names = {f"original_{perturbation}", f"round_trip_{perturbation}", f"null_{perturbation}"}
    return lambda variant: str(variant).split("@")[0] in names


def _curve(axis: Axes, data: pd.DataFrame, ink: str, number: int) -> None:
    axis.fill_between(data["level"], data["low"], data["high"], color=ink, alpha=0.16, linewidth=0)
    style_of_line = _LINES[number % len(_LINES)]
    axis.plot(data["level"], data["value"], style_of_line, color=ink, marker="o", markersize=4)


def _errorbars(axis: Axes, x: np.ndarray, data: pd.DataFrame, ink: str, marker: str) -> None:
    reach = np.abs(data[["low", "high"]].to_numpy() - data[["value"]].to_numpy()).T
    axis.errorbar(
        x, data["value"], np.nan_to_num(reach), color=ink, marker=marker, markersize=6,
        linestyle="none", linewidth=1.3, capsize=2.5,
        markerfacecolor=style.base("paper") if marker in "Ds" else ink,
    )  # fmt: skip


def _markers(
    axis: Axes, extra: pd.DataFrame, ink: str, neutral: float | None, after: int
) -> None:
    """Draw controls as diamonds and random draws as squares with the range they came from."""
    for _, row in extra.iterrows():
        control = row["perturbation"] in ("round_trip", "null_pitch", "null_tempo")
        one = row.to_frame().T.astype({"value": float, "low": float, "high": float})
        if neutral is None:
            _errorbars(axis, np.array([float(after)]), one, ink, "D" if control else "s")
            continue
        if not control:
            ends = [float(end.replace("−", "-")) for end in _NUMBER.findall(row["label"])]
            if len(ends) == 2:
                axis.hlines(row["value"], *ends, color=ink, linewidth=1.1, linestyle=(0, (4, 2)))
        _errorbars(axis, np.array([neutral]), one, ink, "D" if control else "s")


_NUMBER = re.compile(r"[−-]?\d+(?:\.\d+)?")


def _level_labels(levels: list[float], neutral: float) -> list[str]:
    sign = "+" if neutral == 0 else ""
    return ["0" if level == 0 else f"{level:{sign}g}".replace("-", "−") for level in levels]


def _thin(axis: Axes, levels: list[float]) -> None:
    """Hide tick labels that would touch their neighbour."""
    room = (max(levels) - min(levels)) / 13
    last = -np.inf
    for tick, level in zip(axis.xaxis.get_major_ticks(), levels, strict=True):
        tick.label1.set_visible(level - last >= room)
        last = level if level - last >= room else last


def _vertical(axis: Axes, metric: str) -> None:
    low, high = axis.get_ylim()
    axis.set_ylim(max(0.0, min(low, 0.45)), min(1.02, max(high, 1.02)))
    if in_percent(metric):
        axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axis.set_ylabel(metric_name(metric) + (" (%)" if in_percent(metric) else ""))


def _legend(rows: pd.DataFrame) -> list[Line2D]:
    ink, faint, paper = style.base("ink"), style.base("faint"), style.base("paper")
    handles = [
        Line2D([], [], color=style.colour(f"trained:{regime}"), marker="o", markersize=4,
               label=regime_name(regime))
        for regime in dict.fromkeys(rows["regime"])
    ]  # fmt: skip
    engines = [name for name in dict.fromkeys(rows["engine"]) if name]
    if len(engines) > 1:
        handles += [
            Line2D([], [], color=ink, linestyle=_LINES[i % len(_LINES)], label=f"engine: {name}")
            for i, name in enumerate(engines)
        ]
    kinds = set(rows["perturbation"])
    if "round_trip" in kinds:
        text = "control: edited and edited back"
        handles.append(Line2D([], [], color=ink, marker="D", markerfacecolor=paper, linestyle="",
                              label=text))  # fmt: skip
    if any(str(kind).startswith("original_") for kind in kinds):
        handles.append(Line2D([], [], color=ink, marker="s", markerfacecolor=paper, label=
                              "random draw per clip, its range", linestyle=(0, (4, 2)),
                              linewidth=1.1))  # fmt: skip
    handles.append(Line2D([], [], color=faint, linestyle=(0, (1, 2)), label="coin flip"))
    return handles


def _names(rows: pd.DataFrame) -> str:
    return f"the detector '{style.short(rows['detector'].iloc[0])}'"


def _note(rows: pd.DataFrame) -> str:
    seeds = int(rows["n_seeds"].max())
    band = "95 % interval over tracks"
    if seeds > 1:
        band = f"mean of {seeds} seeds; band from the lowest to the highest seed's 95 % interval"
    return (
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks per point. "
        f"Band: {band}. Threshold fixed on clean validation clips; AUC needs none: accuracy that "
        "falls while AUC stays is a shifted threshold, not lost separability."
    )
