"""Detectors side by side: who stands which edit, and who agrees with whom."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.heatmap import brackets, heat_map
from offkey.reports.tables import need, over_seeds
from offkey.reports.words import PERTURBATIONS, in_percent, metric_name


@style.themed
def plot_detectors(scores: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """Draw a row per detector and a column per tested variant, the best on clean music first.

    Parameters
    ----------
    scores : DataFrame
        The scores table, one model per detector.
    metric : str
        Higher must be better.
    """
    need(scores, "detector", "variant", "label", "metric", "subset", "value")
    rows = scores[(scores["subset"] == "all") & (scores["metric"] == metric)]
    need(rows, "detector")
    rows = over_seeds(rows)
    rows = rows.assign(row=rows["detector"])
    clean = rows[rows["variant"] == "clean"].sort_values("value", ascending=False)
    names = list(dict.fromkeys([*clean["detector"], *rows["detector"]]))
    variants = sorted(dict.fromkeys(rows["variant"]), key=lambda name: name != "clean")
    fig = heat_map(rows, names, variants, metric)
    fig.axes[0].set_ylabel("detector")
    fixed = "Thresholds fixed on clean validation clips; 50 % is a coin flip."
    chance = fixed if in_percent(metric) else "No threshold is needed; 0.5 is a coin flip."
    style.caption(
        fig,
        f"Every detector under every edit: {metric_name(metric)}",
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks per cell; "
        f"{brackets(variants)}. All trained on clean music. {chance}",
    )
    return fig


def relative_table(relative: pd.DataFrame) -> pd.DataFrame:
    """A row per detector, a column per edit: ``error ratio (rise ratio)`` as text.

    Parameters
    ----------
    relative : DataFrame
        From :func:`offkey.evaluation.relative`.
    """
    need(relative, "detector", "perturbation", "error_ratio", "rise_ratio")
    ratios = relative[["error_ratio", "rise_ratio"]].map(
        lambda ratio: f"{round(ratio, 1) + 0.0:.1f}" if np.isfinite(ratio) else "–"
    )
    named = relative.assign(
        edit=relative["perturbation"].map(PERTURBATIONS).fillna(relative["perturbation"]),
        text=ratios["error_ratio"] + " (" + ratios["rise_ratio"] + ")",
    )
    table = named.pivot(index="detector", columns="edit", values="text")
    return table[named["edit"].unique()].fillna("–").reset_index().rename_axis(columns=None)


@style.themed
def plot_agreement(agreement: pd.DataFrame) -> Figure:
    """Draw the share of clips of which two detectors say the same, pair by pair.

    Parameters
    ----------
    agreement : DataFrame
        From :func:`offkey.evaluation.agreement`, one variant.
    """
    need(agreement, "first", "second", "same", "label", "n_clips")
    names = sorted(set(agreement["first"]) | set(agreement["second"]))
    matrix = np.full((len(names), len(names)), np.nan)
    for row in agreement.to_dict("records"):
        one, two = sorted((names.index(row["first"]), names.index(row["second"])))
        matrix[two, one] = row["same"]
    fig = style.figure(1.2 + 0.42 * len(names), 2.6 + 0.62 * len(names))
    axis = fig.subplots()
    mesh = axis.imshow(matrix, cmap=style.scale(), vmin=0.4, vmax=1.0, aspect="auto")
    for (place, column), value in np.ndenumerate(matrix):
        if np.isfinite(value):
            ink = style.on(mesh.cmap(mesh.norm(value)))
            axis.text(column, place, f"{100 * value:.0f}", ha="center", va="center", color=ink)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.set_yticks(range(1, len(names)), names[1:])
    axis.set_xticks(range(len(names) - 1), names[:-1])
    axis.set(ylim=(len(names) - 0.5, 0.5), xlim=(-0.5, len(names) - 1.5))
    style.caption(
        fig,
        "How often do two detectors say the same?",
        f"Per cent of the clips; n = {agreement['n_clips'].max():.0f}, "
        f"{agreement['label'].iloc[0]}. "
        "Detectors that err on different clips gain most from being asked together.",
    )
    return fig
