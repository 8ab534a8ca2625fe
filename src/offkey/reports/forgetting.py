"""What is forgotten on the way: the matrix R[stage, variant] and its lines."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need, over_seeds, pick, seeds_note, stage_order
from offkey.reports.words import PERTURBATIONS, in_percent, metric_name, stage_name

# Edits that have a line; controls stay in the matrix.
LINES = ("clean", "pitch", "tempo", "pitch_tempo")
DRAWS = "original_"


@style.themed
def plot_forgetting(
    scores: pd.DataFrame,
    *,
    metric: str = "balanced_accuracy",
    detector: str | None = None,
    regime: str = "iterative",
) -> Figure:
    """Draw R[stage, variant] as a heat map, and the same numbers as lines over the stages.

    Parameters
    ----------
    scores : DataFrame
        The scores table; the rows of the iterative regime are used, one stage after another in the
        order of their names ("0 clean", "1 pitch", …).
    metric : str
        Higher must be better.
    detector : str, optional
        Which one, where the table holds several.
    regime : str
        ``iterative``, or the name of another order.
    """
    need(scores, "regime", "stage", "variant", "label", "metric", "value")
    rows = pick(scores, "detector", detector)
    keep = (rows["subset"] == "all") & (rows["metric"] == metric) & (rows["regime"] == regime)
    need(rows[keep], "stage")
    rows = over_seeds(rows[keep])
    stages = sorted(rows["stage"].unique(), key=stage_order)
    variants = sorted(dict.fromkeys(rows["variant"]), key=lambda name: name != "clean")
    labels = rows.drop_duplicates("variant").set_index("variant")["label"]
    matrix = rows.pivot_table(index="variant", columns="stage", values="value")
    matrix = matrix.reindex(index=variants, columns=stages)
    fig = style.figure(max(3.4, 0.7 + 0.25 * len(variants)), 10.0)
    left, right = fig.subplots(1, 2, width_ratios=[1.0, 1.15])
    several = bool(rows.groupby("perturbation")["variant"].nunique().max() > 1)
    lines = "Thick: mean of an edit's levels and of their 95 % intervals; thin: each level."
    _matrix(left, matrix, [style.short(labels[name], 20) for name in variants], metric)
    _lines(right, rows, stages, metric)
    style.caption(
        fig,
        f"What is learnt and what is forgotten, stage by stage: {metric_name(metric)}",
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks per number. "
        "The detector is trained on one stage after another and tested on everything after each. "
        "A line that falls to the right has been forgotten. "
        f"{lines if several else 'Bars: 95 % intervals.'}{seeds_note(rows)}",
        right.get_legend_handles_labels()[0],
        columns=4,
    )
    return fig


def _matrix(axis: Axes, matrix: pd.DataFrame, names: list[str], metric: str) -> None:
    values = matrix.to_numpy(float)
    lowest = min(0.5, float(np.nanmin(values)))
    mesh = axis.imshow(values, cmap=style.scale(), vmin=lowest, vmax=1.0, aspect="auto")
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_xticks(range(len(matrix.columns)), _ticks(matrix.columns))
    axis.set_yticks(range(len(names)), names)
    axis.set_xlabel("after training stage")
    axis.set_ylabel("tested on")
    axis.set_title(metric_name(metric) + (" (%)" if in_percent(metric) else ""))
    for row, column in np.argwhere(np.isfinite(values)):
        value = values[row, column]
        text = f"{100 * value:.0f}" if in_percent(metric) else f"{value:.2f}"
        ink = style.on(mesh.cmap(mesh.norm(value)))
        axis.text(column, row, text, ha="center", va="center", color=ink, size=8.5)


def _ticks(stages: Iterable[str]) -> list[str]:
    """Stages as tick labels on two lines."""
    return [textwrap.fill(style.short(stage_name(stage), 24), 12) for stage in stages]


def _lines(axis: Axes, rows: pd.DataFrame, stages: list[str], metric: str) -> None:
    places = np.arange(len(stages))
    every = dict.fromkeys(rows["perturbation"])
    kinds = [name for name in every if name.removeprefix(DRAWS) in LINES]
    for number, kind in enumerate(kinds):
        ink, dash = style.colour(kind.removeprefix(DRAWS)), "--" if DRAWS in kind else "-"
        mine = rows[rows["perturbation"] == kind]
        levels = mine.pivot_table(index="stage", columns="variant", values="value").reindex(stages)
        if levels.shape[1] > 1:
            axis.plot(places, levels.to_numpy(), color=ink, linewidth=0.8, alpha=0.45)
        mean = mine.groupby("stage")[["value", "low", "high"]].mean().reindex(stages)
        dodged = places + 0.05 * (number - (len(kinds) - 1) / 2)
        axis.vlines(dodged, mean["low"], mean["high"], color=ink, linewidth=1.4)
        name = f"tested on {PERTURBATIONS.get(kind, kind)}"
        axis.plot(dodged, mean["value"], dash, color=ink, linewidth=2.6, marker="o", label=name)
    axis.set_xticks(places, _ticks(stages))
    axis.set_xlabel("after training stage")
    axis.set_ylabel(metric_name(metric) + (" (%)" if in_percent(metric) else ""))
    axis.set_title("the same, as lines")
    axis.set_ylim(top=1.02)
    if in_percent(metric):
        axis.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}")
