"""Scores of single clips: their histograms, and whether they can be taken as probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey import metrics
from offkey.metrics import proportions
from offkey.reports import style
from offkey.reports.lines import draw_line
from offkey.reports.tables import need

BINS, ACROSS = 20, 2


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
    parts = []
    for variant in variants or dict.fromkeys(predictions["variant"]):
        mine = predictions[predictions["variant"] == variant]
        need(mine, "variant")
        about = {"variant": variant, "label": mine["label"].iloc[0]}
        for target, true in enumerate(("human", "AI")):
            counts, _ = np.histogram(mine.loc[mine["target"] == target, "score"], edges)
            held = {"true": true, "bin_low": edges[:-1], "bin_high": edges[1:], "n_clips": counts}
            parts.append(pd.DataFrame(about | held | {"threshold": mine["threshold"].mean()}))
    return pd.concat(parts, ignore_index=True)


@style.themed
def plot_histograms(bins: pd.DataFrame) -> Figure:
    """Draw one panel per variant under each other: human clips upwards, AI clips downwards.

    `bins` is from :func:`score_bins`.
    """
    need(bins, "variant", "label", "true", "bin_low", "bin_high", "n_clips", "threshold")
    groups = list(bins.groupby("variant", sort=False))
    fig, axes = style.panels(len(groups), 1, 1.5, sharex=True, sharey=True)
    for axis, (_, mine) in zip(axes, groups, strict=True):
        n = mine.groupby("true")["n_clips"].sum().reindex(["human", "AI"], fill_value=0)
        for name, sign, way in (("human", 1, "upwards"), ("AI", -1, "downwards")):
            rows = mine[mine["true"] == name]
            axis.bar(
                rows["bin_low"], sign * 100 * rows["n_clips"] / max(1, n[name]), align="edge",
                width=rows["bin_high"] - rows["bin_low"], color=style.colour(name),
                edgecolor=style.base("paper"), linewidth=0.6, label=f"{name} clips ({way})",
            )  # fmt: skip
        axis.axhline(0, color=style.base("faint"), linewidth=0.8)
        axis.axvline(mine["threshold"].iloc[0], color=style.base("ink"), linestyle="--", lw=1.2,
                     label="threshold")  # fmt: skip
        label = style.short(mine["label"].iloc[0])
        axis.set_title(f"{label}   (n = {n['human']} human, {n['AI']} AI)")
        axis.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0f}")
    axes[-1].set(xlabel="score: how probably AI, says the detector", xlim=(0, 1))
    fig.supylabel("share of the class (%)", fontsize=10)
    style.caption(
        fig,
        "Does the edit move the scores, or mix them?",
        "Right of the dashed line a clip is called AI. Both classes moving together is a shifted "
        "threshold; both lying over each other is lost separability.",
        axes[0].get_legend_handles_labels()[0],
    )
    return fig


def reliability_bins(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean score and share of AI clips in bins of equal mass, per variant and ``stage``.

    Of several seeds the first is taken: clips that three detectors judge are no more clips, and
    the mean of their scores is the score of a fourth.

    Returns
    -------
    DataFrame
        ``variant, label, stage, seed, mean_score, share_ai, low, high, n_clips, n_tracks``; the
        interval of the share is over tracks.
    """
    need(predictions, "variant", "label", "stage", "seed", "track_id", "target", "score")
    rows, keys = [], ["variant", "label", "stage", "seed"]
    mine = predictions[predictions["seed"] == predictions["seed"].min()]
    for key, part in mine.groupby(keys, sort=False):
        part = part.sort_values(["score", "clip_id"], kind="stable")
        bins = metrics.reliability(part["target"], part["score"])
        for mean, share, n, end in zip(*bins, np.cumsum(bins.n_clips), strict=True):
            inside = part.iloc[end - n : end]
            low, high = proportions.interval(inside["target"] == 1, inside["track_id"])
            rows.append((*key, mean, share, low, high, int(n), inside["track_id"].nunique()))
    numbers = ["mean_score", "share_ai", "low", "high", "n_clips", "n_tracks"]
    return pd.DataFrame(rows, columns=[*keys, *numbers])


@style.themed
def plot_reliability(bins: pd.DataFrame) -> Figure:
    """Draw one panel per variant: what the detector says against how often it is true.

    `bins` is from :func:`reliability_bins`.
    """
    need(bins, "variant", "label", "stage", "seed", "mean_score", "share_ai")
    variants = list(dict.fromkeys(bins["variant"]))
    fig, axes = style.panels(len(variants), ACROSS, 2.8, sharex=True, sharey=True)
    stages = style.inks(bins["stage"])
    for axis, variant in zip(axes, variants, strict=True):
        mine = bins[bins["variant"] == variant]
        axis.plot([0, 1], [0, 1], color=style.base("faint"), linestyle=":", lw=1.2)
        for stage, ink in stages.items():
            part = mine[mine["stage"] == stage].assign(value=mine["share_ai"])
            draw_line(axis, part, "mean_score", ink)
        axis.set_title(style.short(mine["label"].iloc[0], 24))
        axis.set(aspect="equal", xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=(0, 0.5, 1))
        axis.set(yticks=(0, 0.5, 1), xlabel="P(AI) it says", ylabel="share that is AI")
        axis.label_outer()
    n = bins.groupby(["variant", "stage"])["n_clips"].sum().max()
    style.caption(
        fig,
        "Does a probability mean what it says, before and after the edit?",
        f"n = {n:.0f} clips per panel, judged by one detector (seed {bins['seed'].iloc[0]}), in "
        "bins of equal mass; bar: 95 % confidence interval over tracks of the share in a bin. Dots "
        "on the dotted line: the probability can be taken at its word.",
        style.keys({stage: (ink, "-") for stage, ink in stages.items()}, "o"),
    )
    return fig
