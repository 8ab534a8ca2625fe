"""Matrices of scores: trained on against tested on, detector by edit, stage by stage, agreement."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from offkey.reports import style
from offkey.reports.heat import heat
from offkey.reports.lines import Ends, draw_line, name_ends
from offkey.reports.tables import (
    edit_labels,
    last_stage,
    need,
    over_seeds,
    pick,
    seeds_note,
    stage_order,
)
from offkey.reports.words import PERTURBATIONS, interval, metric_name, regime_name, stage_name

CELL_IN, TALL_CELL_IN, LINES_IN = 0.3, 0.46, 2.8
MOST_WITH_INTERVALS = 5
"""Columns; more leave no room for intervals."""
# Edits that have a line; controls stay in the matrix.
LINES = ("clean", "pitch", "tempo", "pitch_tempo")
DRAWS = "original_"
_SINGLE = ("clean", "retrained")


def _scores(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    need(scores, "detector", "variant", "label", "metric", "subset", "value")
    rows = scores[(scores["subset"] == "all") & (scores["metric"] == metric)]
    need(rows, "metric")
    return over_seeds(rows, widest=False)


def _clean_first(names: pd.Series) -> list[str]:
    return sorted(dict.fromkeys(names), key=lambda name: name != "clean")


def _matrix(axis: Axes, rows: pd.DataFrame, down: list[str], across: list[str], by: str) -> str:
    """Heat map of scores of one metric, `by` naming both columns; what to say of n and brackets."""
    full = len(across) <= MOST_WITH_INTERVALS
    index, columns = by.split(" × ")
    rows = rows.drop_duplicates([index, columns], keep="last")
    texts = []
    for row in rows.to_dict("records"):
        low, high = (row["low"], row["high"]) if full else (np.nan, np.nan)
        words = interval(row["value"], low, high, row["metric"], n=0)
        texts.append(words.replace(" %", "").replace(" [", "\n["))
    labels = edit_labels(rows).to_dict()
    values, text = (
        rows.assign(text=texts).pivot(index=index, columns=columns, values=name)
        .reindex(index=down, columns=across).rename(index=labels, columns=labels)
        for name in ("value", "text")
    )  # fmt: skip
    heat(axis, values, rows["metric"].iloc[0], text=text)
    where = "in brackets the 95 % confidence interval" if full else "intervals are in the table"
    size = f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks a cell"
    return f"{size}; {where}.{seeds_note(rows, spans=False)}"


@style.themed
def plot_regimes(
    scores: pd.DataFrame, *, metric: str = "balanced_accuracy", detector: str | None = None
) -> Figure:
    """Draw a row per trained model and a column per tested variant, out of the scores table.

    A frame marks the cells whose model was trained on exactly what it is tested on. Of the
    iterative regime the last stage is shown. Of several detectors one must be named.
    """
    need(scores, "regime", "train_variant", "variant", "label", "metric", "value")
    rows = _scores(last_stage(pick(scores, "detector", detector)), metric)
    labels = edit_labels(rows)
    rows = rows.assign(row=[_row_name(one, labels) for one in rows.to_dict("records")])
    names, variants = _clean_first(rows["row"]), _clean_first(rows["variant"])
    fig = style.figure(1.0 + TALL_CELL_IN * len(names))
    axis = fig.subplots()
    note = _matrix(axis, rows, names, variants, "row × variant")
    axis.set_ylabel("trained on")
    own = rows[(rows["train_variant"] == rows["variant"]) & rows["regime"].isin(_SINGLE)]
    for name, variant in zip(own["row"], own["variant"], strict=True):
        corner = (variants.index(variant), names.index(name))
        axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.colour("AI"), lw=2.4))
    style.caption(
        fig,
        f"Trained on one thing, tested on another: {style.axis_name(metric)}",
        f"{note} Framed: tested on what it was trained on.",
    )
    return fig


def _row_name(row: dict, labels: pd.Series) -> str:
    if row["regime"] not in _SINGLE:
        return regime_name(row["regime"]).removeprefix("trained ").removeprefix("on ")
    return style.short(labels.get(row["train_variant"], row["train_variant"]), 20)


@style.themed
def plot_detectors(scores: pd.DataFrame, *, metric: str = "balanced_accuracy") -> Figure:
    """Draw a row per tested variant and a column per detector, the best on clean music first.

    `scores` is the scores table, one model per detector; higher must be better in `metric`.
    """
    rows = _scores(scores, metric)
    clean = rows[rows["variant"] == "clean"].sort_values("value", ascending=False)
    names = list(dict.fromkeys([*clean["detector"], *rows["detector"]]))
    variants = _clean_first(rows["variant"])
    cell_in = TALL_CELL_IN if len(names) <= MOST_WITH_INTERVALS else CELL_IN
    fig = style.figure(1.0 + cell_in * len(variants))
    note = _matrix(fig.subplots(), rows, variants, names, "variant × detector")
    guess = "Thresholds fixed on clean clips; guessing: 50 %" if "acc" in metric else "Guessing: .5"
    style.caption(
        fig,
        f"Every detector under every edit: {style.axis_name(metric)}",
        f"{note} All trained on clean music. {guess}.",
    )
    return fig


def relative_table(relative: pd.DataFrame) -> pd.DataFrame:
    """A row per detector, a column per edit: ``error ratio (rise ratio)`` as text.

    `relative` is from :func:`offkey.evaluation.relative`.
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

    `agreement` is from :func:`offkey.evaluation.agreement`, one variant.
    """
    need(agreement, "first", "second", "same", "label", "n_clips")
    names = sorted(set(agreement["first"]) | set(agreement["second"]))
    turned = agreement.rename(columns={"first": "second", "second": "first"})
    both = pd.concat([agreement, turned]).pivot(index="first", columns="second", values="same")
    lower = np.tri(len(names), k=-1, dtype=bool)
    matrix = both.reindex(index=names, columns=names).where(lower).iloc[1:, :-1]
    fig = style.figure(0.9 + TALL_CELL_IN * len(matrix))
    heat(fig.subplots(), matrix, "share")
    style.caption(
        fig,
        "How often do two detectors say the same?",
        f"Per cent of the clips; n = {agreement['n_clips'].max():.0f}, "
        f"{agreement['label'].iloc[0]}. "
        "Detectors that err on different clips gain most from being asked together.",
    )
    return fig


@style.themed
def plot_forgetting(
    scores: pd.DataFrame,
    *,
    metric: str = "balanced_accuracy",
    detector: str | None = None,
    regime: str = "iterative",
) -> Figure:
    """Draw R[stage, variant] as a heat map, and below it the edits as lines over the stages.

    Parameters
    ----------
    scores : DataFrame
        The scores table; stages come in the order of their names ("0 clean", "1 pitch", …).
    metric : str
        Higher must be better.
    detector : str, optional
        Which one, where the table holds several.
    regime : str
        ``iterative``, or the name of another order.
    """
    need(scores, "regime", "stage", "variant", "label", "metric", "value")
    rows = pick(scores, "detector", detector)
    rows = _scores(rows[rows["regime"] == regime], metric)
    stages = sorted(rows["stage"].unique(), key=stage_order)
    variants = _clean_first(rows["variant"])
    above_in = 0.9 + TALL_CELL_IN * len(variants)
    fig = style.figure(above_in + LINES_IN)
    above, below = fig.subplots(2, 1, height_ratios=[above_in, LINES_IN])
    note = _matrix(above, rows, variants, stages, "variant × stage")
    ticks = [textwrap.fill(style.short(stage_name(stage), 24), 12) for stage in stages]
    above.set_xticklabels(ticks, rotation=0, ha="center")
    above.set_ylabel("tested on")
    _lines(below, rows, stages)
    below.set_xticks(range(len(stages)), ticks)
    below.set(xlabel="after training stage", ylabel=style.axis_name(metric))
    style.caption(
        fig,
        f"What is learnt and what is forgotten, stage by stage: {metric_name(metric)}",
        f"{note} Below: the mean of an edit's levels and of their intervals. "
        "The detector is trained on one stage after another and tested on everything after each. "
        "A line that falls to the right has been forgotten.",
    )
    return fig


def _lines(axis: Axes, rows: pd.DataFrame, stages: list[str]) -> None:
    kinds = [one for one in dict.fromkeys(rows["perturbation"]) if one.removeprefix(DRAWS) in LINES]
    ends = Ends()
    for number, kind in enumerate(kinds):
        mine = rows[rows["perturbation"] == kind].groupby("stage")[["value", "low", "high"]].mean()
        mine = mine.reindex(stages).assign(x=range(len(stages)))
        ink = style.colour(kind.removeprefix(DRAWS))
        shift, line = 0.05 * (number - (len(kinds) - 1) / 2), "--" if DRAWS in kind else "-"
        draw_line(axis, mine, "x", ink, shift=shift, line=line)
        ends.append((mine["value"].iloc[-1], PERTURBATIONS.get(kind, kind), ink))
    style.number_axis(axis.yaxis, rows["metric"].iloc[0])
    name_ends(axis, ends, LINES_IN - 0.6)
