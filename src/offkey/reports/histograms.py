"""Histograms of the detector's score by class, before and after an edit."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need

BINS = 20


def score_bins(
    predictions: pd.DataFrame, variants: Sequence[str] = (), bins: int = BINS
) -> pd.DataFrame:
    """Count scores per variant, class and bin.

    Parameters
    ----------
    predictions : DataFrame
        The predictions table of one detector and regime.
    variants : sequence of str
        Which ones, in this order; empty: all.
    bins : int
        Bins of equal width from 0 to 1.

    Returns
    -------
    DataFrame
        ``variant, label, true, bin_low, bin_high, n_clips, threshold``.
    """
    need(predictions, "variant", "label", "target", "score", "threshold")
    edges = np.linspace(0, 1, bins + 1)
    rows = []
    for variant in variants or dict.fromkeys(predictions["variant"]):
        mine = predictions[predictions["variant"] == variant]
        need(mine, "variant")
        for target, name in enumerate(("human", "AI")):
            counts, _ = np.histogram(mine.loc[mine["target"] == target, "score"], edges)
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
                threshold = float(mine["threshold"].mean())
                rows.append((variant, mine["label"].iloc[0], name, low, high, count, threshold))
    columns = ["variant", "label", "true", "bin_low", "bin_high", "n_clips", "threshold"]
    return pd.DataFrame(rows, columns=columns)


@style.themed
def plot_histograms(bins: pd.DataFrame) -> Figure:
    """Draw one panel per variant under each other: human clips upwards, AI clips downwards.

    Parameters
    ----------
    bins : DataFrame
        From :func:`score_bins`.
    """
    need(bins, "variant", "label", "true", "bin_low", "bin_high", "n_clips", "threshold")
    variants = list(dict.fromkeys(bins["variant"]))
    fig = style.figure(0.5 + 1.5 * len(variants), 8.0)
    axes = np.atleast_1d(fig.subplots(len(variants), 1, sharex=True, sharey=True))
    for axis, variant in zip(axes, variants, strict=True):
        mine = bins[bins["variant"] == variant]
        for name, sign, way in (("human", 1, "upwards"), ("AI", -1, "downwards")):
            rows = mine[mine["true"] == name]
            total = max(1, rows["n_clips"].sum())
            axis.bar(
                rows["bin_low"], sign * 100 * rows["n_clips"] / total, align="edge",
                width=rows["bin_high"] - rows["bin_low"], color=style.colour(name),
                edgecolor=style.base("paper"), linewidth=0.6, label=f"{name} clips ({way})",
            )  # fmt: skip
        axis.axhline(0, color=style.base("faint"), linewidth=0.8)
        axis.axvline(mine["threshold"].iloc[0], color=style.base("ink"), linestyle="--", lw=1.2,
                     label="threshold")  # fmt: skip
        n = mine.groupby("true")["n_clips"].sum()
        axis.set_title(
            f"{style.short(mine['label'].iloc[0])}   (n = {n.get('human', 0)} human, "
            f"{n.get('AI', 0)} AI)"
        )
        axis.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    axes[-1].set_xlabel("score: how probable the detector finds AI")
    axes[-1].set_xlim(0, 1)
    fig.supylabel("share of the class (%)", fontsize=9.5)
    style.caption(
        fig,
        "Does the edit move the scores, or mix them?",
        "Right of the dashed line a clip is called AI. Both classes moving together is a shifted "
        "threshold; both lying over each other is lost separability.",
        axes[0].get_legend_handles_labels()[0],
    )
    return fig
