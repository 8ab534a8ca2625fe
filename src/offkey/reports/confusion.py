"""Confusion matrices in a grid: one panel per variant, clean first, one colour scale."""

from __future__ import annotations

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import comparable, need
from offkey.reports.words import regime_name

CLASSES = ("human", "AI")
ACROSS = 6
# The grid is laid out by hand, in inches: dozens of small panels of one size.
PANEL, GAP, TITLE, TICKS, LEFT, RIGHT = 1.22, 0.12, 0.4, 0.42, 1.0, 1.0


def confusion_counts(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts per regime and variant.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table; a clip is called AI where its score reaches the threshold.

    Returns
    -------
    DataFrame
        ``regime, variant, label, true, called, n_clips``; every cell is there, also the empty ones.
        Of the retrained models the one trained on the tested variant counts; of several seeds the
        verdicts are added up.
    """
    need(predictions, "regime", "train_variant", "variant", "label", "target", "score", "threshold")
    predictions = comparable(predictions)
    names = np.asarray(CLASSES)
    called = (predictions["score"] >= predictions["threshold"]).astype(int)
    table = predictions[["regime", "variant", "label"]].assign(
        true=names[predictions["target"]], called=names[called]
    )
    rows = []
    for keys, group in table.groupby(["regime", "variant", "label"], sort=False):
        counts = group.groupby(["true", "called"]).size()
        for true in CLASSES:
            for verdict in CLASSES:
                rows.append((*keys, true, verdict, int(counts.get((true, verdict), 0))))
    columns = ["regime", "variant", "label", "true", "called", "n_clips"]
    return pd.DataFrame(rows, columns=columns)


@style.themed
def plot_confusion(counts: pd.DataFrame) -> Figure:
    """Draw the grid; several regimes stand under each other, so that they are compared downwards.

    Parameters
    ----------
    counts : DataFrame
        From :func:`confusion_counts`.
    """
    need(counts, "regime", "variant", "label", "true", "called", "n_clips")
    regimes = list(dict.fromkeys(counts["regime"]))
    variants = sorted(dict.fromkeys(counts["variant"]), key=lambda name: name != "clean")
    labels = counts.drop_duplicates("variant").set_index("variant")["label"]
    across = min(ACROSS, len(variants))
    blocks = -(-len(variants) // across)
    block_in = TITLE + len(regimes) * (PANEL + GAP) + TICKS
    width, height = LEFT + across * (PANEL + GAP) + RIGHT, blocks * block_in
    fig = Figure(figsize=(width, height))
    for index, variant in enumerate(variants):
        block, column = divmod(index, across)
        for row, regime in enumerate(regimes):
            left = LEFT + column * (PANEL + GAP)
            down = block * block_in + TITLE + row * (PANEL + GAP) + PANEL
            box = (left / width, 1 - down / height, PANEL / width, PANEL / height)
            axis = fig.add_axes(box)
            mine = (counts["regime"] == regime) & (counts["variant"] == variant)
            if mine.any():
                _panel(axis, _matrix(counts[mine]))
            else:
                _no_panel(axis)
            if row == 0:
                axis.set_title(textwrap.fill(style.short(labels[variant]), 13), loc="center")
            if column == 0:
                _left(axis, regime_name(regime) if len(regimes) > 1 else "")
            if row == len(regimes) - 1:
                axis.set_xticks([0, 1], CLASSES)
                axis.set_xlabel("called", labelpad=1)
    _colour_bar(fig, width, height)
    per_class = counts.groupby(["regime", "variant", "true"])["n_clips"].sum().groupby("true").max()
    what = " and ".join(f"{per_class.get(name, 0)} {name}" for name in CLASSES)
    style.caption(
        fig,
        "Who is called what, edit by edit",
        f"n = {what} clips per panel. Rows: what a clip is; columns: what it is called. "
        "Number of clips, and its share of the row. A perfect detector fills only the diagonal.",
    )
    return fig


def _matrix(counts: pd.DataFrame) -> np.ndarray:
    table = counts.pivot_table(index="true", columns="called", values="n_clips", aggfunc="sum")
    return table.reindex(index=CLASSES, columns=CLASSES).fillna(0).to_numpy()


def _panel(axis: Axes, matrix: np.ndarray) -> None:
    totals = matrix.sum(axis=1, keepdims=True)
    share = 100 * np.divide(matrix, totals, out=np.zeros((2, 2)), where=totals > 0)
    mesh = axis.imshow(share, cmap=style.scale(), vmin=0, vmax=100)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.tick_params(length=0)
    for row in range(2):
        for column in range(2):
            ink = style.on(mesh.cmap(mesh.norm(share[row, column])))
            text = f"{matrix[row, column]:.0f}" if totals[row] else "no clips"
            axis.text(column, row - 0.06, text, ha="center", va="bottom", color=ink, weight="bold")
            if totals[row]:
                percent = f"{share[row, column]:.0f} %"
                axis.text(column, row + 0.08, percent, ha="center", va="top", color=ink, size=8.5)


def _no_panel(axis: Axes) -> None:
    """A regime without a model for this variant, e.g. nothing is retrained on clean clips."""
    axis.set(xticks=[], yticks=[], xlim=(-0.5, 1.5), ylim=(1.5, -0.5))
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0)
    axis.grid(False)
    text = "no such\nmodel"
    axis.text(0.5, 0.5, text, ha="center", va="center", color=style.base("faint"))


def _left(axis: Axes, regime: str) -> None:
    axis.set_yticks([0, 1], CLASSES, rotation=90, va="center")
    axis.set_ylabel("true", labelpad=1)
    if regime:
        text = textwrap.fill(regime, 17)
        axis.text(-0.42, 0.5, text, transform=axis.transAxes, rotation=90, weight="bold",
                  ha="right", va="center", multialignment="center", linespacing=1.1)  # fmt: skip


def _colour_bar(fig: Figure, width: float, height: float) -> None:
    tall = min(1.7, height - TITLE - TICKS)
    box = ((width - RIGHT + 0.15) / width, 1 - (TITLE + tall) / height, 0.13 / width, tall / height)
    axis = fig.add_axes(box)
    ramp = np.linspace(0, 100, 128)[:, None]
    axis.imshow(ramp, cmap=style.scale(), norm=Normalize(0, 100), extent=(0, 1, 0, 100),
                origin="lower", aspect="auto")  # fmt: skip
    axis.set_xticks([])
    axis.yaxis.tick_right()
    axis.yaxis.set_label_position("right")
    axis.set_ylabel("share of the row (%)")
    axis.grid(False)
    axis.spines[:].set_visible(False)
