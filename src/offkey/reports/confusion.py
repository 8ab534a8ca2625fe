"""Confusion matrices in a grid: one panel per variant, clean first, one colour scale."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need, regime_name

CLASSES = ("human", "AI")
COLUMNS_PER_ROW = 6
PANEL_IN = 1.5


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
        Of several seeds the clips are added up.
    """
    need(predictions, "regime", "variant", "label", "target", "score", "threshold")
    names = np.asarray(CLASSES)
    called = (predictions["score"] >= predictions["threshold"]).astype(int)
    table = predictions[["regime", "variant", "label"]].assign(
        true=names[predictions["target"]], called=names[called]
    )
    rows = []
    for keys, group in table.groupby(["regime", "variant", "label"], sort=False):
        counts = group.groupby(["true", "called"]).size()
        for true in CLASSES:
            for called_name in CLASSES:
                rows.append((*keys, true, called_name, int(counts.get((true, called_name), 0))))
    columns = ["regime", "variant", "label", "true", "called", "n_clips"]
    return pd.DataFrame(rows, columns=columns)


@style.themed
def plot_confusion(counts: pd.DataFrame) -> Figure:
    """Draw the grid; with several regimes one row each, so that they are compared downwards.

    Parameters
    ----------
    counts : DataFrame
        From :func:`confusion_counts`.
    """
    need(counts, "regime", "variant", "label", "true", "called", "n_clips")
    regimes = list(dict.fromkeys(counts["regime"]))
    variants = sorted(dict.fromkeys(counts["variant"]), key=lambda name: name != "clean")
    labels = counts.drop_duplicates("variant").set_index("variant")["label"]
    across = min(COLUMNS_PER_ROW, len(variants))
    blocks = -(-len(variants) // across)
    rows = blocks * len(regimes)
    fig = style.figure(1.25 + PANEL_IN * rows, 1.4 + PANEL_IN * max(across, 3))
    axes = fig.subplots(rows, across, squeeze=False)
    mesh = None
    for place, axis in enumerate(axes.flat):
        row, column = divmod(place, across)
        block, which = divmod(row, len(regimes))
        index = block * across + column
        if index >= len(variants):
            axis.axis("off")
            continue
        mine = (counts["regime"] == regimes[which]) & (counts["variant"] == variants[index])
        matrix = _matrix(counts[mine])
        mesh = _panel(axis, matrix)
        below = (row + len(regimes)) * across + column if which == len(regimes) - 1 else place
        last = which == len(regimes) - 1 and (block + 1) * across + column >= len(variants)
        _ticks(axis, left=column == 0, bottom=last and below >= 0)
        if which == 0:
            axis.set_title(style.short(labels[variants[index]], 20), loc="center")
        if column == 0 and len(regimes) > 1:
            axis.set_ylabel(f"{_two_lines(regime_name(regimes[which]))}\n\ntrue")
    bar = fig.colorbar(mesh, ax=axes, shrink=min(1.0, 2.2 / rows), aspect=14, pad=0.02)
    bar.set_label("share of the true class (%)")
    bar.outline.set_visible(False)
    per_class = counts.groupby(["regime", "variant", "true"])["n_clips"].sum().groupby("true").max()
    what = ", ".join(f"{per_class.get(name, 0)} {name}" for name in CLASSES)
    style.caption(
        fig,
        "Who is called what, edit by edit",
        f"Each panel: {what} clips at most. Rows: what the clip is; columns: what it is called. "
        "Number of clips, and share of its row. A perfect detector fills only the diagonal.",
    )
    return fig


def _matrix(counts: pd.DataFrame) -> np.ndarray:
    table = counts.pivot_table(index="true", columns="called", values="n_clips", aggfunc="sum")
    return table.reindex(index=CLASSES, columns=CLASSES).fillna(0).to_numpy()


def _panel(axis: Axes, matrix: np.ndarray) -> object:
    totals = matrix.sum(axis=1, keepdims=True)
    share = 100 * np.divide(matrix, totals, out=np.zeros_like(matrix, float), where=totals > 0)
    mesh = axis.imshow(share, cmap=style.scale(), vmin=0, vmax=100)
    axis.grid(False)
    axis.spines[:].set_visible(False)
    for row in range(2):
        for column in range(2):
            ink = style.on(mesh.cmap(mesh.norm(share[row, column])))
            text = f"{matrix[row, column]:.0f}" if totals[row] else "none"
            axis.text(column, row - 0.08, text, ha="center", va="bottom", color=ink, weight="bold")
            if totals[row]:
                percent = f"{share[row, column]:.0f} %"
                axis.text(column, row + 0.1, percent, ha="center", va="top", color=ink, size=8)
    return mesh


def _ticks(axis: Axes, left: bool, bottom: bool) -> None:
    axis.set_xticks([0, 1], CLASSES if bottom else ["", ""])
    axis.set_yticks([0, 1], CLASSES if left else ["", ""], rotation=90, va="center")
    axis.tick_params(length=0)
    if left:
        axis.set_ylabel("true")
    if bottom:
        axis.set_xlabel("called")


def _two_lines(text: str) -> str:
    middle = text.find(" ", len(text) // 3)
    return text if middle < 0 else f"{text[:middle]}\n{text[middle + 1 :]}"
