"""How small a shift is enough: scores against semitones."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.heat import heat
from offkey.reports.lines import Ends, draw_line, name_ends
from offkey.reports.tables import need

HEIGHT_IN, CELL_IN = 3.6, 0.27
AUDIBLE_ST = (0.05, 0.10)
"""Mistuning that trained ears hear beside the note in tune."""
HALF_ST, NEAR_ST = 0.5, 1.0
ENGINE = "vocoder"


@style.themed
def plot_dose(scores: pd.DataFrame, *, reach: float = 2.0, engines: bool = False) -> Figure:
    """Draw the AUC of every detector against the pitch shift, each line named at its end.

    Parameters
    ----------
    scores : DataFrame
        Of the scores table: ``detector, engine, level`` (semitones, 0 for clean), ``value, low,
        high, n_clips, n_tracks``.
    reach : float
        Largest shift shown, in semitones.
    engines : bool
        Also shifts by other engines than the first, dashed.
    """
    need(scores, "detector", "engine", "level", "value", "low", "high", "n_clips", "n_tracks")
    first = ENGINE if (scores["engine"] == ENGINE).any() else scores["engine"].iloc[0]
    rows = scores[scores["level"].abs() <= reach]
    rows = rows if engines else rows[rows["engine"] == first]
    fig = style.figure(HEIGHT_IN)
    axis = fig.subplots()
    lines = {name: "-" if name == first else "--" for name in dict.fromkeys(rows["engine"])}
    ends = Ends()
    for name, ink in style.inks(scores["detector"]).items():
        for engine, line in lines.items():
            mine = rows[(rows["detector"] == name) & (rows["engine"] == engine)]
            draw_line(axis, mine, "level", ink, line=line)
            if engine == first:
                last = mine.sort_values("level")["value"].iloc[-1]
                ends.append((float(last), name, ink))
    close = reach < NEAR_ST
    for sign in (-1, 1) if close else ():
        axis.axvspan(*(sign * end for end in AUDIBLE_ST), color=style.base("grid"), lw=0)
    axis.axvline(0, color=style.base("faint"), linewidth=1)
    style.mark(axis, 0.5, "guessing", across=True)
    ticks = np.linspace(-reach, reach, 5)
    axis.set_xticks(ticks, [style.signed_number(tick, "clean") for tick in ticks])
    axis.set(xlim=(-1.04 * reach, 1.04 * reach), ylim=(min(0.45, rows["low"].min()), 1.01))
    axis.set(xlabel="pitch shift (semitones)", ylabel="AUC: how well AI and human are told apart")
    name_ends(axis, ends, HEIGHT_IN - 0.6)
    ink = style.base("ink")
    held_out = "n_groups" in scores and bool(scores["n_groups"].notna().any())
    style.caption(
        fig,
        "Can AI music still be found after a pitch shift?",
        f"n = {scores['n_clips'].max():.0f} clips of {scores['n_tracks'].max():.0f} tracks"
        f"{', families and sources held out' * held_out}. Bar: 95 % confidence interval over "
        "tracks." + " Grey: 5 to 10 cents, which trained ears hear beside the original." * close,
        style.keys({f"shifted by {name}": (ink, line) for name, line in lines.items()})
        if len(lines) > 1
        else (),
        lead=_told(scores[scores["engine"] == first]),
    )
    return fig


def _told(rows: pd.DataFrame) -> str:
    """What half a semitone does to each detector, in numbers: the worse of both directions."""
    said = []
    for name, mine in rows.groupby("detector", sort=False):
        clean, half = (mine.loc[mine["level"].abs() == level, "value"] for level in (0.0, HALF_ST))
        if len(clean) and len(half):
            said.append(f"of {name} from {clean.iloc[0]:.2f} to {half.min():.2f}")
    return f"Half a semitone takes the AUC {', '.join(said)}." if said else ""


@style.themed
def plot_dose_families(table: pd.DataFrame, *, detector: str) -> Figure:
    """Draw the share of every family that one detector calls AI against the pitch shift.

    `table` is from :func:`offkey.evaluation.called_by_family`.
    """
    need(table, "detector", "family", "level", "value", "n_clips")
    mine = table[table["detector"] == detector]
    clips = mine.groupby("family")["n_clips"].max()
    order = clips.drop("human").sort_values(ascending=False, kind="stable").index
    shares = mine.pivot(index="level", columns="family", values="value")[["human", *order]]
    shares.index = shares.index.map(lambda level: style.signed_number(level, "clean"))
    shares = shares.rename(columns=lambda name: f"{name} ({clips[name]})")
    fig = style.figure(1.2 + CELL_IN * len(shares))
    axis = fig.subplots()
    heat(axis, shares, "called_ai_rate", limits=(0, 1))
    axis.axvline(1, color=style.base("ink"), linewidth=1.5)
    axis.set_ylabel("pitch shift (semitones, steps of different size)")
    style.caption(
        fig,
        f"Which generators does {detector} lose, and how soon?",
        "Share of the clips (number in brackets) that is called AI, in per cent; first column: "
        "human music called AI. Families of at least 8 tracks; threshold fixed on clean clips; n = "
        f"{clips.sum()} clips.",
    )
    return fig
