"""How small a shift is enough: scores against semitones."""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need

CELL_IN = 0.3
AUDIBLE_ST = (0.05, 0.10)
"""Mistuning that trained ears hear beside the note in tune."""


@style.themed
def plot_dose(scores: pd.DataFrame) -> Figure:
    """Draw the AUC of every detector against the pitch shift: near zero, and over all of it.

    Parameters
    ----------
    scores : DataFrame
        Of the scores table: ``detector, engine, level`` (semitones, 0 for clean), ``value, low,
        high, n_clips, n_tracks``.
    """
    need(scores, "detector", "engine", "level", "value", "low", "high", "n_clips", "n_tracks")
    fig = style.figure(3.6, 10.0)
    axes = fig.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys(zip(scores["detector"], scores["engine"], strict=True)))
    handles = []
    for number, (detector, engine) in enumerate(names):
        mine = scores[(scores["detector"] == detector) & (scores["engine"] == engine)]
        mine = mine.sort_values("level")
        ink = style.colour(f"detector:{detector}", number)
        line = "-" if engine == "vocoder" else "--"
        for axis in axes:
            axis.fill_between(mine["level"], mine["low"], mine["high"], color=ink, alpha=0.15, lw=0)
            (handle,) = axis.plot(
                mine["level"], mine["value"], line, color=ink, marker=".",
                label=f"{detector}, {engine}",
            )  # fmt: skip
        handles.append(handle)
    for axis, reach in zip(axes, (1.05, 4.2), strict=True):
        axis.axhline(0.5, color=style.base("faint"), linestyle=":", linewidth=1)
        for sign in (-1, 1):
            axis.axvspan(*sorted(sign * end for end in AUDIBLE_ST), color=style.base("grid"), lw=0)
        axis.set_xlim(-reach, reach)
        axis.set_xlabel("pitch shift (semitones)")
    axes[0].set_ylabel("AUC")
    axes[0].set_title("Up to one semitone")
    axes[1].set_title("Up to four semitones")
    style.caption(
        fig,
        "How small a pitch shift is enough?",
        f"n = {scores['n_clips'].max():.0f} clips of {scores['n_tracks'].max():.0f} tracks, "
        "families and sources held out; bands: 95 % over tracks. Grey: 5 to 10 cents, which "
        "trained ears hear beside the original.",
        handles,
    )
    return fig


@style.themed
def plot_dose_families(table: pd.DataFrame, *, detector: str) -> Figure:
    """Draw the share of every family that one detector calls AI against the pitch shift.

    Parameters
    ----------
    table : DataFrame
        From :func:`offkey.evaluation.called_by_family`.
    detector : str
    """
    need(table, "detector", "family", "level", "value", "n_clips")
    mine = table[table["detector"] == detector]
    clips = mine.groupby("family")["n_clips"].max()
    order = clips.drop("human").sort_values(ascending=False, kind="stable").index
    shares = mine.pivot(index="family", columns="level", values="value").loc[[*order, "human"]]
    fig = style.figure(0.7 + CELL_IN * len(shares), 10.0)
    axis = fig.subplots()
    sns.heatmap(
        100 * shares, ax=axis, cmap=style.scale(), vmin=0, vmax=100, annot=True, fmt=".0f",
        annot_kws={"fontsize": 7}, linewidths=0.5, linecolor=style.base("paper"),
        cbar_kws={"label": "called AI (%)"},
    )  # fmt: skip
    axis.set_xticklabels([f"{level:+g}".replace("-", "−") for level in shares], rotation=90)
    axis.set_yticklabels([f"{name} ({clips[name]})" for name in shares.index], rotation=0)
    axis.axhline(len(order), color=style.base("ink"), linewidth=1.5)
    axis.set_xlabel("pitch shift (semitones, steps of different size)")
    axis.set_ylabel("")
    style.caption(
        fig,
        f"Which generators {detector} loses, and how soon",
        "Share of the clips (number in brackets) called AI, per cent; last row: human music called "
        "AI. Families of at least 8 tracks; the threshold is fixed on clean clips.",
    )
    return fig
