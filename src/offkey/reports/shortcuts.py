"""Clues that have nothing to do with music: does one of them tell the classes apart?"""

from __future__ import annotations

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

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
    inks = {name: style.colour(name) for name in ("human", "AI")}
    fig, axes = style.panels(len(CLUES), 2, 2.4, sharey=True)
    for axis, (clue, words) in zip(axes, CLUES.items(), strict=True):
        for target, (ink, width) in enumerate(zip(inks.values(), (3.5, 1.4), strict=True)):
            # of other widths: both are seen where they are equal
            mine = measured[measured["target"] == target]
            sns.ecdfplot(mine, x=clue, color=ink, linewidth=width, ax=axis)
        axis.set(xlabel=words, ylabel="share of clips below")
    style.caption(
        fig,
        "Does something other than the music tell the classes apart?",
        f"n = {(1 - measured['target']).sum()} human and {measured['target'].sum()} AI clips. "
        "Lines that run together: no clue. A gap between them is a shortcut a detector may take.",
        style.keys({name: (ink, "-") for name, ink in inks.items()}),
    )
    return fig
