"""Do the probabilities mean what they say? Reliability before and after an edit."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey import metrics
from offkey.metrics import proportions
from offkey.reports import style
from offkey.reports.tables import need

PER_ROW = 4


def reliability_bins(predictions: pd.DataFrame) -> pd.DataFrame:
    """Mean score and share of AI clips in bins of equal mass, per variant and ``stage``.

    Parameters
    ----------
    predictions : DataFrame
        Of several seeds the first is taken: clips that three detectors judge are no more clips,
        and the mean of their scores is the score of a fourth.

    Returns
    -------
    DataFrame
        ``variant, label, stage, seed, mean_score, share_ai, low, high, n_clips, n_tracks``; the
        interval of the share is over tracks.
    """
    need(predictions, "variant", "label", "stage", "seed", "track_id", "target", "score")
    rows = []
    mine = predictions[predictions["seed"] == predictions["seed"].min()]
    for keys, part in mine.groupby(["variant", "label", "stage", "seed"], sort=False):
        part = part.sort_values(["score", "clip_id"], kind="stable")
        bins = metrics.reliability(part["target"], part["score"])
        ends = np.cumsum(bins.n_clips)
        for mean, share, n, end in zip(*bins, ends, strict=True):
            inside = part.iloc[end - n : end]
            low, high = proportions.interval(inside["target"] == 1, inside["track_id"])
            row = dict(zip(["variant", "label", "stage", "seed"], keys, strict=True))
            row |= {"mean_score": mean, "share_ai": share, "low": low, "high": high}
            rows.append({**row, "n_clips": int(n), "n_tracks": inside["track_id"].nunique()})
    return pd.DataFrame(rows)


@style.themed
def plot_reliability(bins: pd.DataFrame) -> Figure:
    """Draw one panel per variant: what the detector says against how often it is true.

    Parameters
    ----------
    bins : DataFrame
        From :func:`reliability_bins`.
    """
    need(bins, "variant", "label", "stage", "seed", "mean_score", "share_ai")
    variants = list(dict.fromkeys(bins["variant"]))
    across = min(PER_ROW, len(variants))
    down = -(-len(variants) // across)
    fig = style.figure(0.4 + 2.6 * down, max(6.0, 2.5 * across))
    axes = fig.subplots(down, across, squeeze=False, sharex=True, sharey=True)
    for axis in axes.flat[len(variants) :]:
        axis.axis("off")
    stages = list(dict.fromkeys(bins["stage"]))
    inks = [style.colour("AI"), style.colour("human")]
    for axis, variant in zip(axes.flat, variants, strict=False):
        mine = bins[bins["variant"] == variant]
        axis.plot([0, 1], [0, 1], color=style.base("faint"), linestyle=":", lw=1.2)
        for number, stage in enumerate(stages):
            part = mine[mine["stage"] == stage]
            ink, marker = inks[number % 2], "os"[number % 2]
            x = part["mean_score"]
            axis.vlines(x, part["low"], part["high"], color=ink, linewidth=1, alpha=0.6)
            axis.plot(x, part["share_ai"], marker + "-", color=ink, markersize=4.5, label=stage)
        axis.set_title(style.short(mine["label"].iloc[0], 24))
        axis.set_aspect("equal")
        axis.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
        axis.set_xticks(np.linspace(0, 1, 3))
        axis.set_yticks(np.linspace(0, 1, 3))
    for axis in axes[-1]:
        axis.set_xlabel("P(AI) it says")
    for axis in axes[:, 0]:
        axis.set_ylabel("share that is AI")
    n = bins.groupby(["variant", "stage"])["n_clips"].sum().max()
    style.caption(
        fig,
        "Does a probability mean what it says, before and after the edit?",
        f"n = {n:.0f} clips per panel, judged by one detector (seed {bins['seed'].iloc[0]}), in "
        "bins of equal mass; bars: 95 % interval over tracks of the share in a bin. Points on the "
        "dotted line: the probability can be taken at its word.",
        axes[0, 0].get_legend_handles_labels()[0],
    )
    return fig
