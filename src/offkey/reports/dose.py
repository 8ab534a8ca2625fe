"""How small a shift is enough: scores against semitones."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need

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
def plot_dose_families(table: pd.DataFrame) -> Figure:
    """Draw the share of every family that is called AI against the pitch shift.

    Parameters
    ----------
    table : DataFrame
        ``detector, family, level`` (semitones, 0 for clean), ``value`` (share called AI),
        ``n_clips``; the family ``human`` is drawn in its colour.
    """
    need(table, "detector", "family", "level", "value", "n_clips")
    detectors = list(table["detector"].unique())
    fig = style.figure(3.4, 5.2 * len(detectors))
    axes = np.atleast_1d(fig.subplots(1, len(detectors), sharey=True))
    for axis, detector in zip(axes, detectors, strict=True):
        mine = table[table["detector"] == detector]
        for family, part in mine.groupby("family", sort=False):
            is_human = family == "human"
            ink = style.colour("human") if is_human else style.colour("AI")
            rows = part.sort_values("level")
            width = 2.2 if is_human else 1.0
            axis.plot(rows["level"], rows["value"], color=ink, linewidth=width, alpha=0.85)
            if not is_human:
                at = int(np.argmax(np.abs(rows["level"].to_numpy()) < 1e-9))
                axis.annotate(
                    str(family), (0, rows["value"].iloc[at]), fontsize=7.5, xytext=(3, 2),
                    textcoords="offset points", color=style.base("ink"),
                )  # fmt: skip
        axis.set_title(detector)
        axis.set_xlabel("pitch shift (semitones)")
        axis.set_xlim(-4.2, 4.2)
        axis.set_ylim(0, 1)
    axes[0].set_ylabel("share called AI")
    axes[0].yaxis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")
    style.caption(
        fig,
        "Which generators are lost, and how soon",
        f"One line a family ({table['n_clips'].min():.0f} clips or more); blue: human music "
        "called AI. The threshold is fixed on clean training clips.",
    )
    return fig
