"""Lines that decoders leave in the mean spectrum: what stands there, and where edits move it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need

PANEL_IN = 0.95
_HIGHEST_HZ = 8000.0
_FEWEST_HZ = 100.0


@style.themed
def plot_family_lines(table: pd.DataFrame) -> Figure:
    """Draw one panel per family: how far its mean spectrum stands above human music's.

    `table` holds ``family, frequency_hz, above_db, rate_hz, n_clips, n_tracks``; ``rate_hz`` is NaN
    where no rate is to be marked.
    """
    need(table, "family", "frequency_hz", "above_db", "rate_hz", "n_clips", "n_tracks")
    families = list(table.groupby("family", sort=False))
    fig, axes = style.panels(len(families), 1, PANEL_IN, sharex=True)
    for axis, (name, part) in zip(axes, families, strict=True):
        is_human = name == "human"
        ink = style.colour("human" if is_human else "AI")
        axis.plot(part["frequency_hz"] / 1000, part["above_db"], color=ink, linewidth=0.6)
        axis.set_ylim(-1.2, max(2.0, float(part["above_db"].max()) * 1.1))
        words = f"{'human, half against half' if is_human else str(name)}"
        words += f" ({part['n_clips'].iloc[0]})"
        rate = float(part["rate_hz"].iloc[0])
        if np.isfinite(rate):
            words += f": multiples of {rate:.4g} Hz"
            shown = max(rate, rate * np.ceil(_FEWEST_HZ / rate))
            at = np.arange(shown, _HIGHEST_HZ, shown) / 1000
            axis.plot(at, np.full(len(at), -1.0), "|", color=style.base("ink"), markersize=4)
        axis.set_title(words, pad=2, fontsize=10)
        axis.set_ylabel("dB")
    axes[-1].set(xlabel="frequency (kHz)", xlim=(0.4, _HIGHEST_HZ / 1000))
    style.caption(
        fig,
        "What stands above human music in the mean spectra of each family?",
        "Mean spectrum over its lower hull, mean over the clips (number in brackets) minus that of "
        "human clips. Ticks: the multiples, every one or so many that they stand 100 Hz apart.",
    )
    return fig


@style.themed
def plot_weights(table: pd.DataFrame) -> Figure:
    """Draw the weights of a detector of peaks.

    `table` is from :func:`offkey.audits.decoder_lines.weights`.
    """
    need(table, "frequency_hz", "weight", "n_detectors")
    fig = style.figure(2.4)
    axis = fig.subplots()
    at, weight = table["frequency_hz"] / 1000, table["weight"]
    drawn = {}
    for sign, meaning in ((1, "AI"), (-1, "human")):
        part, ink = sign * weight > 0, style.colour(meaning)
        axis.vlines(at[part], 0, weight[part], color=ink, linewidth=0.7)
        drawn[f"a peak here speaks for {meaning}"] = (ink, "-")
    axis.set(xlim=(at.min(), at.max()), xlabel="frequency (kHz)", ylabel="weight")
    style.caption(
        fig,
        "What a detector of peaks has learnt",
        f"Logistic regression on the peaks of the mean spectrum; mean weights of "
        f"{table['n_detectors'].iloc[0]} detectors, one a fold.",
        style.keys(drawn),
    )
    return fig
