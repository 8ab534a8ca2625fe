"""Before and after an edit: log-mel pictures with Hz and seconds, and waveforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from offkey.core.errors import BadInput
from offkey.reports import style
from offkey.reports.tables import need

FLOOR_DB = -80.0
TICKS_HZ = (125, 250, 500, 1000, 2000, 4000, 8000, 16000)
WAVE_COLUMNS = 900


def mel_table(
    original_db: np.ndarray,
    edited_db: np.ndarray,
    *,
    frequencies_hz: np.ndarray,
    frame_s: float,
) -> pd.DataFrame:
    """Put two log-mel arrays into one long table.

    Parameters
    ----------
    original_db, edited_db : ndarray, shape (bands, frames)
        Level in dB relative to the clip's maximum; the numbers of frames may differ.
    frequencies_hz : ndarray, shape (bands,)
        Centre of each band.
    frame_s : float
        Time from one frame to the next.

    Returns
    -------
    DataFrame
        ``panel`` ("original", "edited"), ``time_s, frequency_hz, level_db``.
    """
    parts = []
    for name, level in (("original", original_db), ("edited", edited_db)):
        if level.ndim != 2 or len(level) != len(frequencies_hz):
            raise BadInput(
                f"the {name} spectrogram has shape {level.shape}, but {len(frequencies_hz)} bands "
                "were named: give (bands, frames)."
            )
        time, frequency = np.meshgrid(np.arange(level.shape[1]) * frame_s, frequencies_hz)
        columns = {"time_s": time.ravel().round(4), "frequency_hz": frequency.ravel().round(1)}
        parts.append(pd.DataFrame({"panel": name, **columns, "level_db": level.ravel().round(1)}))
    return pd.concat(parts, ignore_index=True)


@style.themed
def plot_spectrogram(
    mels: pd.DataFrame,
    *,
    edit: str = "edited",
    title: str = "What the edit does to the picture the detector sees",
) -> Figure:
    """Draw original, edited and their difference, in Hz and seconds.

    Where the edit changes the duration, the difference compares equal positions in the piece
    (0…100 %), else equal times.

    Parameters
    ----------
    mels : DataFrame
        From :func:`mel_table`.
    edit : str
        Words for the edited panel, e.g. "+2 st".
    title : str
        What is compared.
    """
    need(mels, "panel", "time_s", "frequency_hz", "level_db")
    arrays, hz, step = {}, np.sort(mels["frequency_hz"].unique()), 0.0
    for name, rows in mels.groupby("panel"):
        wide = rows.pivot(index="frequency_hz", columns="time_s", values="level_db")
        arrays[name] = wide.to_numpy()
        step = float(np.median(np.diff(wide.columns))) if wide.shape[1] > 1 else 0.0
    before, after = arrays["original"], arrays["edited"]
    same = before.shape == after.shape
    at = np.linspace(0, after.shape[1] - 1, before.shape[1]).round().astype(int)
    change = (after if same else after[:, at]) - before
    fig = style.figure(3.4, 11.0)
    axes = fig.subplots(1, 3, sharey=True)
    levels = [before, after]
    for axis, level, name in zip(axes, levels, ("original", style.short(edit)), strict=False):
        # magma is dark at the floor in both themes: it is the level's own scale, not the page's.
        mesh = _mel(axis, level, step, name, cmap="magma", vmin=FLOOR_DB, vmax=0)
    fig.colorbar(mesh, ax=list(axes[:2]), label="level (dB below the maximum)", pad=0.01)
    what = "difference" if same else "difference at equal position"
    mesh = _mel(axes[2], change, step, what, cmap=style.diverging(), vmin=-30, vmax=30)
    fig.colorbar(mesh, ax=axes[2], label="difference (dB)", pad=0.02)
    _hz_axis(axes[0], hz)
    note = f"One clip, {len(hz)} mel bands, {1000 * step:.0f} ms per frame. Clipped at ±30 dB."
    style.caption(fig, f"{title}: {edit}", note)
    return fig


def _mel(axis: Axes, level: np.ndarray, step: float, title: str, **scale: Any) -> AxesImage:
    extent = (0, level.shape[1] * step, -0.5, len(level) - 0.5)
    mesh = axis.imshow(
        level, origin="lower", aspect="auto", extent=extent, interpolation="nearest", **scale
    )
    axis.grid(False)
    axis.set_title(title)
    axis.set_xlabel("time (s)")
    return mesh


def _hz_axis(axis: Axes, hz: np.ndarray) -> None:
    ticks = [tick for tick in TICKS_HZ if hz[0] <= tick <= hz[-1]]
    names = [f"{tick // 1000} k" if tick >= 1000 else str(tick) for tick in ticks]
    axis.set_yticks(np.interp(ticks, hz, np.arange(len(hz))), names)
    axis.set_ylabel("frequency (Hz, mel scale)")


def wave_table(original: np.ndarray, edited: np.ndarray, *, sample_rate_hz: int) -> pd.DataFrame:
    """Lowest and highest sample per picture column of two mono waveforms.

    Parameters
    ----------
    original, edited : ndarray, shape (samples,)
        Full scale is ±1; lengths may differ.

    Returns
    -------
    DataFrame
        ``panel, time_s, low, high``.
    """
    parts = []
    for name, samples in (("original", original), ("edited", edited)):
        if samples.ndim != 1 or not len(samples):
            raise BadInput(f"the {name} waveform has shape {samples.shape}: give mono samples.")
        starts = np.unique(np.linspace(0, len(samples), WAVE_COLUMNS, endpoint=False).astype(int))
        low, high = np.minimum.reduceat(samples, starts), np.maximum.reduceat(samples, starts)
        columns = {"time_s": starts / sample_rate_hz, "low": low, "high": high}
        parts.append(pd.DataFrame({"panel": name, **columns}))
    return pd.concat(parts, ignore_index=True)


@style.themed
def plot_waveforms(waves: pd.DataFrame, *, edit: str = "edited") -> Figure:
    """Draw both waveforms under each other on one time axis.

    Parameters
    ----------
    waves : DataFrame
        From :func:`wave_table`.
    edit : str
        Words for the edited panel.
    """
    need(waves, "panel", "time_s", "low", "high")
    fig = style.figure(3.0)
    axes = fig.subplots(2, 1, sharex=True, sharey=True)
    inks = {"original": style.base("faint"), "edited": style.colour("edited")}
    for axis, (name, title) in zip(axes, (("original", "original"), ("edited", edit)), strict=True):
        rows = waves[waves["panel"] == name]
        axis.fill_between(
            rows["time_s"], rows["low"], rows["high"], color=inks[name], linewidth=0.4
        )
        axis.set_title(style.short(title))
    axes[-1].set_xlabel("time (s)")
    axes[-1].set_xlim(0, waves["time_s"].max())
    fig.supylabel("sample value (full scale ±1)", fontsize=9.5)
    lengths = waves.groupby("panel")["time_s"].max()
    note = f"One clip. Length {lengths['original']:.2f} s before, {lengths['edited']:.2f} s after."
    style.caption(fig, f"The waveform before and after: {style.short(edit)}", note)
    return fig
