"""Lines that decoders leave in the mean spectrum: what stands there, and where edits move it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.tables import need

PANEL_IN, ROW_IN = 0.95, 0.24
NARROW_ST = 0.5
_HIGHEST_HZ = 8000.0
_FEWEST_HZ = 100.0


@style.themed
def plot_family_lines(table: pd.DataFrame) -> Figure:
    """Draw one panel per family: how far its mean spectrum stands above human music's.

    Parameters
    ----------
    table : DataFrame
        ``family, frequency_hz, above_db, rate_hz, n_clips, n_tracks``; ``rate_hz`` NaN where no
        rate is to be marked.
    """
    need(table, "family", "frequency_hz", "above_db", "rate_hz", "n_clips", "n_tracks")
    names = list(table["family"].unique())
    fig = style.figure(PANEL_IN * len(names), 9.5)
    axes = np.atleast_1d(fig.subplots(len(names), 1, sharex=True))
    for axis, name in zip(axes, names, strict=True):
        part = table[table["family"] == name]
        is_human = name == "human"
        ink = style.colour("human" if is_human else "AI")
        axis.plot(part["frequency_hz"] / 1000, part["above_db"], color=ink, linewidth=0.6)
        top = max(2.0, float(part["above_db"].max()) * 1.1)
        axis.set_ylim(-1.2, top)
        words = f"{'human, half against half' if is_human else name} ({part['n_clips'].iloc[0]})"
        rate = float(part["rate_hz"].iloc[0])
        if np.isfinite(rate):
            words += f": multiples of {rate:.4g} Hz"
            shown = max(rate, rate * np.ceil(_FEWEST_HZ / rate))
            at = np.arange(shown, _HIGHEST_HZ, shown) / 1000
            axis.plot(at, np.full(len(at), -1.0), "|", color=style.base("ink"), markersize=4)
        axis.set_title(words, pad=2)
        axis.set_ylabel("dB")
    axes[-1].set_xlabel("frequency (kHz)")
    axes[-1].set_xlim(0.4, _HIGHEST_HZ / 1000)
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

    Parameters
    ----------
    table : DataFrame
        From :func:`offkey.audits.decoder_lines.weights`.
    """
    need(table, "frequency_hz", "weight", "n_detectors")
    fig = style.figure(2.4, 9.5)
    axis = fig.subplots()
    at, weight = table["frequency_hz"] / 1000, table["weight"]
    for sign, meaning in ((1, "AI"), (-1, "human")):
        part = sign * weight > 0
        axis.vlines(at[part], 0, weight[part], color=style.colour(meaning), linewidth=0.7)
    axis.set_xlim(float(at.min()), float(at.max()))
    axis.set_xlabel("frequency (kHz)")
    axis.set_ylabel("weight")
    handles = [
        Line2D([], [], color=style.colour("AI"), label="a peak here speaks for AI"),
        Line2D([], [], color=style.colour("human"), label="a peak here speaks for human"),
    ]
    style.caption(
        fig,
        "What a detector of peaks has learnt",
        f"Logistic regression on the peaks of the mean spectrum; mean weights of "
        f"{table['n_detectors'].iloc[0]} detectors, one a fold.",
        handles,
    )
    return fig


@style.themed
def plot_movement(table: pd.DataFrame) -> Figure:
    """Draw where the lines of every family went under every edit, beside the prediction.

    Parameters
    ----------
    table : DataFrame
        From :func:`offkey.audits.decoder_lines.movement`.
    """
    need(table, "family", "label", "engine", "predicted", "value", "low", "high", "left_db")
    edits = table["variant"].drop_duplicates().tolist()
    names = table["family"].drop_duplicates().tolist()
    fig = style.figure(0.5 + ROW_IN * len(names), 10.5)
    axes = np.atleast_1d(fig.subplots(1, len(edits), sharey=True))
    for axis, edit in zip(axes, edits, strict=True):
        part = table[table["variant"] == edit].set_index("family").reindex(names)
        place = np.arange(len(names))
        predicted = float(part["predicted"].iloc[0])
        axis.axvline(predicted, color=style.base("faint"), linewidth=1, linestyle=":")
        kept = part["high"] - part["low"] < NARROW_ST
        axis.hlines(place, part["low"], part["high"], color=style.base("faint"), linewidth=1.4)
        for mask, fill in ((kept, style.colour("AI")), (~kept, style.base("paper"))):
            axis.plot(
                part["value"][mask], place[mask], "o", markersize=5,
                markerfacecolor=fill, markeredgecolor=style.colour("AI"),
            )  # fmt: skip
        first = part.iloc[0]
        tool = f"\n{first['engine']}" if first["engine"] not in ("", "vocoder") else ""
        kind = "tempo " if first["perturbation"] == "tempo" else ""
        axis.set_title(f"{kind}{first['label']}{tool}", fontsize=8.5)
        axis.set_xlim(-4.6, 4.6)
        axis.set_xlabel("semitones")
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks(np.arange(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    handles = [
        Line2D([], [], color=style.base("faint"), linestyle=":", label="predicted"),
        Line2D([], [], color=style.colour("AI"), marker="o", linestyle="", label="found"),
        Line2D(
            [], [], color=style.colour("AI"), marker="o", linestyle="",
            markerfacecolor=style.base("paper"), label="not found: half a semitone wide or more",
        ),
    ]  # fmt: skip
    style.caption(
        fig,
        "Where do edits move the lines, and where does theory say?",
        f"{table['n_tracks'].min():.0f} to {table['n_tracks'].max():.0f} tracks a family, the half "
        "that did not choose its rate; a family without lines is left out. Grey: 95 % of resamples "
        "of tracks.",
        handles,
    )
    return fig
