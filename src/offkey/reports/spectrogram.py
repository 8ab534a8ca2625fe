"""Before and after an edit: log-mel pictures with Hz and seconds, and waveforms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.core.errors import BadInput
from offkey.reports import style
from offkey.reports.tables import need

FLOOR_DB, CLIP_DB = -80, 30
TICKS_HZ = (250, 500, 1000, 2000, 4000, 8000, 16000)
WAVE_COLUMNS = 900
COARSE_BANDS, COARSE_S = 4, 0.5
"""What is left of a spectrogram whose sound may not be passed on: nothing to play it back from."""


def mel_table(
    original_db: np.ndarray,
    edited_db: np.ndarray,
    *,
    frequencies_hz: np.ndarray,
    frame_s: float,
    shared: bool = False,
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
    shared : bool
        Whether the sound may be passed on (``shares_audio`` of the data set); if not, or if nobody
        says so, the table holds means over a quarter of the bands and half a second.

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
    if not shared:
        size = max(1, round(COARSE_S / frame_s))
        original_db, edited_db = (_coarse(level, size) for level in (original_db, edited_db))
        frequencies_hz = _coarse(np.asarray(frequencies_hz)[:, None], 1)[:, 0]
        frame_s *= size
    for name, level in (("original", original_db), ("edited", edited_db)):
        time, frequency = np.meshgrid(np.arange(level.shape[1]) * frame_s, frequencies_hz)
        columns = {"time_s": time.ravel().round(4), "frequency_hz": frequency.ravel().round(1)}
        parts.append(pd.DataFrame({"panel": name, **columns, "level_db": level.ravel().round(1)}))
    return pd.concat(parts, ignore_index=True)


def _coarse(level_db: np.ndarray, frames: int) -> np.ndarray:
    """Means over equal shares of the bands and over so many frames; a shorter rest counts, too."""
    starts = np.arange(0, level_db.shape[1], frames)
    sums = np.add.reduceat(level_db, starts, axis=1)
    means = sums / np.diff([*starts, level_db.shape[1]])
    return np.stack([part.mean(axis=0) for part in np.array_split(means, COARSE_BANDS)])


@style.themed
def plot_spectrogram(
    mels: pd.DataFrame,
    *,
    edit: str = "edited",
    title: str = "What the edit does to the picture the detector sees",
) -> Figure:
    """Draw original, edited and their difference, in Hz and seconds.

    Where the edit changes the duration, the difference compares equal positions in the piece
    (0…100 %), else equal times. `mels` is from :func:`mel_table`; `edit` names the edited panel,
    `title` what is compared.
    """
    need(mels, "panel", "time_s", "frequency_hz", "level_db")
    wide = {
        name: rows.pivot(index="frequency_hz", columns="time_s", values="level_db")
        for name, rows in mels.groupby("panel")
    }
    before, after = (wide[name].to_numpy() for name in ("original", "edited"))
    hz, times = (wide["original"].axes[axis].to_numpy() for axis in (0, 1))
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    same = before.shape == after.shape
    at = np.linspace(0, after.shape[1] - 1, before.shape[1]).round().astype(int)
    # magma is dark at the floor in both themes: it is the level's own scale, not the page's.
    level: dict[str, Any] = {"cmap": "magma", "vmin": FLOOR_DB, "vmax": 0}
    apart = {"cmap": style.diverging().reversed(), "vmin": -CLIP_DB, "vmax": CLIP_DB}
    fig = style.figure(6.2)
    axes = fig.subplots(3, 1, sharey=True)
    for axis, picture, name, scale, unit in zip(
        axes,
        (before, after, (after if same else after[:, at]) - before),
        ("original", style.short(edit, 48), f"difference{' at equal position' * (not same)}"),
        (level, level, apart),
        ("dB below max", "dB below max", "dB"),
        strict=True,
    ):
        mesh = axis.imshow(
            picture, origin="lower", aspect="auto", interpolation="nearest",
            extent=(0, picture.shape[1] * step, -0.5, len(hz) - 0.5), **scale,
        )  # fmt: skip
        axis.grid(False)
        axis.set_title(name)
        axis.set_ylabel("frequency (Hz)")
        fig.colorbar(mesh, ax=axis, label=unit, pad=0.01)
    axes[0].set_yticks(*hz_ticks(hz))
    axes[-1].set_xlabel("time (s)")
    style.caption(
        fig,
        f"{title}: {edit}",
        f"One clip, {len(hz)} mel bands, {1000 * step:.0f} ms per frame. Difference: orange is "
        f"louder in the middle picture, blue softer; clipped at ±{CLIP_DB} dB.",
    )
    return fig


def hz_ticks(hz: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Places and names of octaves on an axis that counts bands with these centres in Hz."""
    ticks = [tick for tick in TICKS_HZ if hz[0] <= tick <= 1.02 * hz[-1]]
    names = [f"{tick // 1000} k" if tick >= 1000 else str(tick) for tick in ticks]
    return np.interp(ticks, hz, np.arange(len(hz))), names


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
    """Draw both waveforms under each other on one time axis; `waves` is from :func:`wave_table`."""
    need(waves, "panel", "time_s", "low", "high")
    fig, axes = style.panels(2, 1, 1.4, sharex=True, sharey=True)
    for axis, name, title, ink in zip(
        axes, ("original", "edited"), ("original", edit),
        (style.base("faint"), style.colour("edited")), strict=True,
    ):  # fmt: skip
        rows = waves[waves["panel"] == name]
        axis.fill_between(rows["time_s"], rows["low"], rows["high"], color=ink, linewidth=0.4)
        axis.set_title(style.short(title))
    axes[-1].set(xlabel="time (s)", xlim=(0, waves["time_s"].max()))
    fig.supylabel("sample value (full scale ±1)", fontsize=10)
    lengths = waves.groupby("panel")["time_s"].max()
    note = f"One clip. Length {lengths['original']:.2f} s before, {lengths['edited']:.2f} s after."
    style.caption(fig, f"The waveform before and after: {style.short(edit)}", note)
    return fig
