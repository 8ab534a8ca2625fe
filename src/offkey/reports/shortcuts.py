"""Clues that have nothing to do with music: does one of them tell the classes apart?"""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import need

CLUES = {
    "level_dbfs": "level (dBFS)",
    "crest_db": "peak over level (dB)",
    "rolloff_hz": "99 % roll-off (Hz)",
    "top_octave_db": "energy above 4 kHz (dB)",
}


@style.themed
def plot_clues(measured: pd.DataFrame) -> Figure:
    """Draw the cumulative distribution of each clue, one line per class.

    Parameters
    ----------
    measured : DataFrame
        ``target`` (1 AI, 0 human) and the columns named in ``CLUES``, one row per clip.
    """
    need(measured, "target", *CLUES)
    table = measured.assign(made_by=measured["target"].map({0: "human", 1: "AI"}))
    inks = {name: style.colour(name) for name in ("human", "AI")}
    fig, axes = style.panels(len(CLUES), 2, 2.4, sharey=True)
    for axis, (clue, words) in zip(axes, CLUES.items(), strict=True):
        for name, width in (("human", 3.5), ("AI", 1.4)):  # both are seen where they are equal
            mine = table[table["made_by"] == name]
            sns.ecdfplot(mine, x=clue, color=inks[name], linewidth=width, ax=axis)
        axis.set(xlabel=words, ylabel="share of clips below")
    style.caption(
        fig,
        "Does something other than the music tell the classes apart?",
        f"n = {(table['target'] == 0).sum()} human and {(table['target'] == 1).sum()} AI clips. "
        "Lines that run together: no clue. A gap between them is a shortcut a detector may take.",
        [Line2D([], [], color=ink, label=name) for name, ink in inks.items()],
    )
    return fig
