"""Is a loss one of the threshold or one of separability? Each loss in its two parts."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from offkey.reports import style
from offkey.reports.tables import need, over_seeds

LINE_IN = 0.24


def threshold_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Split each loss of balanced accuracy in two parts that add up to it.

    Parameters
    ----------
    scores : DataFrame
        The scores table of one model, clean among the variants.

    Returns
    -------
    DataFrame
        ``variant, label, engine, total, threshold, separability, drop_auc, n_clips, n_tracks``.
        ``separability``: what the best threshold for the edited clips does not win back, best
        clean minus best edited balanced accuracy. ``threshold``: the rest, won back by moving it.
        The best threshold is found on the test clips and flatters both sides alike.
    """
    need(scores, "variant", "label", "metric", "value", "subset")
    rows = over_seeds(scores[scores["subset"] == "all"])
    wide = rows.pivot_table(
        index=["variant", "label", "engine"], columns="metric", values="value", sort=False
    ).reset_index()
    clean = wide[wide["variant"] == "clean"]
    if len(clean) != 1:
        need(clean, "variant")
    best, kept = "oracle_balanced_accuracy", "balanced_accuracy"
    first = clean.iloc[0]
    table = wide.assign(
        total=first[kept] - wide[kept],
        separability=first[best] - wide[best],
        n_clips=rows["n_clips"].max(),
        n_tracks=rows["n_tracks"].max(),
    )
    table["threshold"] = table["total"] - table["separability"]
    table = table[table["variant"] != "clean"].sort_values("total", ascending=False)
    columns = ["variant", "label", "engine", "total", "threshold", "separability", "drop_auc"]
    return table[[*columns, "n_clips", "n_tracks"]].reset_index(drop=True)


@style.themed
def plot_threshold(table: pd.DataFrame) -> Figure:
    """Draw one bar per edit, stacked from both parts, the largest loss on top.

    Parameters
    ----------
    table : DataFrame
        From :func:`threshold_table`.
    """
    need(table, "label", "total", "threshold", "separability")
    fig = style.figure(0.6 + LINE_IN * len(table), 8.0)
    axis = fig.subplots()
    place = np.arange(len(table))
    parts = {"separability": style.colour("AI"), "threshold": style.colour("human")}
    up, down = np.zeros(len(table)), np.zeros(len(table))
    for name, ink in parts.items():
        values = table[name].to_numpy(float)
        axis.barh(place, values, left=np.where(values >= 0, up, down), color=ink, height=0.62)
        up, down = up + np.maximum(values, 0), down + np.minimum(values, 0)
    axis.plot(table["total"], place, "D", color=style.base("ink"), markersize=4)
    axis.axvline(0, color=style.base("ink"), linewidth=1)
    engine = table["engine"].where(~table["engine"].isin(["", "vocoder"]), "")
    names = table["label"] + engine.map(lambda one: f" ({one})" if one else "")
    axis.set_yticks(place, [style.short(name, 34) for name in names])
    axis.set_ylim(len(table) - 0.4, -0.6)
    axis.grid(axis="y", visible=False)
    axis.tick_params(axis="y", length=0)
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:+.3g}".replace("-", "−"))
    axis.set_xlabel("points of balanced accuracy lost against clean")
    words = {
        "separability": "no threshold wins this back: the classes lie closer together",
        "threshold": "won back by a better threshold",
    }
    handles = [Patch(color=ink, label=words[name]) for name, ink in parts.items()]
    style.caption(
        fig,
        "Lost its ear, or only its threshold?",
        f"n = {table['n_clips'].max():.0f} clips of {table['n_tracks'].max():.0f} tracks. "
        "Diamonds: the whole loss. Parts without intervals: the best threshold is found on the "
        "test clips themselves, so read them as a bound.",
        handles,
        columns=2,
    )
    return fig
