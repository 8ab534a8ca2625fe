"""Confusion matrices in a grid: one panel per variant, clean first, one colour scale."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import comparable, need
from offkey.reports.words import regime_name

CLASSES = ("human", "AI")
ACROSS, PANEL_IN = 4, 1.25
_KEYS = ["regime", "variant", "label"]


def confusion_counts(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts per regime and variant; AI is called where the score reaches the threshold.

    Of the retrained models the one trained on the tested variant counts; of several seeds the
    verdicts are added up.

    Returns
    -------
    DataFrame
        ``regime, variant, label, true, called, n_clips``; every cell is there, also the empty ones.
    """
    need(predictions, *_KEYS, "train_variant", "target", "score", "threshold")
    rows = comparable(predictions)
    called = np.where(rows["score"] >= rows["threshold"], *CLASSES[::-1])
    rows = rows.assign(true=np.take(CLASSES, rows["target"]), called=called)
    counts = rows.groupby([*_KEYS, "true", "called"]).size()
    wanted = (
        rows[_KEYS]
        .drop_duplicates()
        .merge(
            pd.MultiIndex.from_product([CLASSES] * 2, names=["true", "called"]).to_frame(),
            how="cross",
        )
    )
    keys = pd.MultiIndex.from_frame(wanted)
    return wanted.assign(n_clips=counts.reindex(keys, fill_value=0).to_numpy())


@style.themed
def plot_confusion(counts: pd.DataFrame) -> Figure:
    """Draw the grid; several regimes stand under each other, so that they are compared downwards.

    `counts` is from :func:`confusion_counts`.
    """
    need(counts, *_KEYS, "true", "called", "n_clips")
    regimes = list(dict.fromkeys(counts["regime"]))
    variants = sorted(dict.fromkeys(counts["variant"]), key=lambda name: name != "clean")
    labels = counts.drop_duplicates("variant").set_index("variant")["label"]
    across = min(ACROSS, len(variants))
    down = -(-len(variants) // across) * len(regimes)
    fig = style.figure(0.5 + PANEL_IN * down)
    axes = fig.subplots(down, across, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for index, variant in enumerate(variants):
        block, column = divmod(index, across)
        for row, regime in enumerate(regimes):
            axis = axes[block * len(regimes) + row, column]
            mine = counts[(counts["regime"] == regime) & (counts["variant"] == variant)]
            if row == 0:
                axis.set_title(textwrap.fill(style.short(labels[variant]), 14), loc="center")
            if mine.empty:  # e.g. nothing is retrained on clean clips
                axis.text(0.5, 0.5, "no such\nmodel", ha="center", color=style.base("faint"))
                continue
            matrix = mine.pivot(index="true", columns="called", values="n_clips")
            matrix = matrix.loc[list(CLASSES), list(CLASSES)]
            share = matrix.div(matrix.sum(axis=1), axis=0)
            percent = (100 * share).map("{:.0f} %".format).replace("nan %", "no clips")
            axis.axis("on")
            sns.heatmap(
                share.fillna(0), ax=axis, annot=matrix.astype(str) + "\n" + percent, fmt="",
                cbar=False, cmap=style.scale(), vmin=0, vmax=1, linewidths=1,
                annot_kws={"fontsize": style.NOTE}, linecolor=style.base("paper"),
            )  # fmt: skip
            axis.tick_params(length=0)
            name = textwrap.fill(regime_name(regime), 15) + "\n" if len(regimes) > 1 else ""
            axis.set_ylabel(f"{name}true" if column == 0 else "", fontsize=9.5)
            axis.set_xlabel("called" if row == len(regimes) - 1 else "")
            if column:
                axis.set_yticks([])
    per_class = counts.groupby(["regime", "variant", "true"])["n_clips"].sum().groupby("true").max()
    what = " and ".join(f"{per_class.get(name, 0)} {name}" for name in CLASSES)
    style.caption(
        fig,
        "What human and AI clips are called, edit by edit",
        f"n = {what} clips a panel. Rows: what a clip is; columns: what it is called; the number "
        "of clips and its share of the row. A perfect detector fills the diagonal alone.",
    )
    return fig
