"""Per generator and per human source: how often it is called AI, with n."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import comparable, need, over_seeds, pick
from offkey.reports.words import regime_name

PREFIX = "generator="


def called_ai(scores: pd.DataFrame) -> pd.DataFrame:
    """Share of each source's clips that is called AI.

    Parameters
    ----------
    scores : DataFrame
        The scores table with ``subset == "generator=NAME"`` rows of ``miss_rate`` (AI sources) and
        ``false_accusation_rate`` (human sources).

    Returns
    -------
    DataFrame
        ``source, true, regime, variant, label, value, low, high, n_clips, n_tracks``.
    """
    need(scores, "subset", "metric", "regime", "train_variant", "variant", "value", "n_clips")
    rows = scores[scores["subset"].str.startswith(PREFIX)]
    rows = rows[rows["metric"].isin(["miss_rate", "false_accusation_rate"])]
    rows = rows[rows["value"].notna() & (rows["n_clips"] > 0)]
    need(rows, "subset")
    source = rows["subset"].str.removeprefix(PREFIX)
    rows = over_seeds(comparable(rows.assign(subset="all", source=source)))
    ai = rows["metric"] == "miss_rate"
    # A miss rate counts the clips that are NOT called AI: turn it and its interval round.
    turned = rows.assign(value=1 - rows["value"], low=1 - rows["high"], high=1 - rows["low"])
    rows = rows.where(~ai, turned).assign(true=np.where(ai, "AI", "human"))
    columns = ["source", "true", "regime", "variant", "label", "value", "low", "high"]
    return rows[[*columns, "n_clips", "n_tracks"]].reset_index(drop=True)


@style.themed
def plot_generators(
    scores: pd.DataFrame, *, variant: str = "clean", detector: str | None = None
) -> Figure:
    """Draw one line per source: AI sources should lie at the right, human ones at the left.

    Parameters
    ----------
    scores : DataFrame
        The scores table.
    variant : str
        Edit whose clips are tested, or a perturbation (then its last level); where the table has
        clean clips too, those are drawn as rings.
    detector : str, optional
        Which one, where the table holds several.
    """
    rows = called_ai(pick(scores, "detector", detector))
    levels = [name for name in rows["variant"] if name.startswith(variant)]
    if levels and variant not in levels:
        variant = levels[-1]
    shown = pick(rows, "variant", variant)
    regime = shown["regime"].iloc[0]
    shown = shown[shown["regime"] == regime]
    clean = rows[(rows["variant"] == "clean") & (rows["regime"] == regime)]
    order = shown.sort_values(["true", "value"], ascending=[True, True]).reset_index(drop=True)
    fig = style.figure(0.8 + 0.27 * len(order), 8.0)
    axis = fig.subplots()
    for place, row in order.iterrows():
        ink = style.colour(row["true"])
        axis.hlines(place, row["low"], row["high"], color=ink, linewidth=2.2, alpha=0.65)
        axis.plot(row["value"], place, "o", color=ink, markersize=6)
        before = clean[(clean["source"] == row["source"]) & (clean["true"] == row["true"])]
        if variant != "clean" and len(before):
            axis.plot(before["value"], [place], "o", mfc="none", mec=ink, markersize=9)
    twice = order["source"].duplicated(keep=False)  # a genre's folder in human/ and in ai/
    names = order["source"].map(style.short) + (" (" + order["true"] + ")").where(twice, "")
    labels = [f"{name}  n={n:.0f}" for name, n in zip(names, order["n_clips"], strict=True)]
    axis.set_yticks(range(len(order)), labels)
    axis.axhline((order["true"] == "AI").sum() - 0.5, color=style.base("faint"), linewidth=0.8)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.6, len(order) - 0.4)
    axis.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f}")
    axis.set_xlabel("share of its clips that is called AI (%)")
    axis.grid(axis="y", visible=False)
    label = shown["label"].iloc[0]
    style.caption(
        fig,
        f"Who made it, and is it called AI? {'Clean clips' if variant == 'clean' else label}",
        f"Detector {regime_name(regime)}. n = clips of that source, bar: 95 % interval over "
        "tracks. AI sources belong at 100 %, human sources at 0 %.",
        _legend(variant != "clean"),
    )
    return fig


def _legend(with_clean: bool) -> list[Line2D]:
    handles = [
        Line2D([], [], color=style.colour(name), marker="o", linewidth=2.2, label=f"{name} source")
        for name in ("AI", "human")
    ]
    if with_clean:
        ink = style.base("ink")
        ring = Line2D([], [], marker="o", mfc="none", mec=ink, ms=9, ls="", label="the same, clean")
        handles.append(ring)
    return handles
