"""What the panel shows at every move, as HTML and SVG that take the colours of either theme.

A figure of :mod:`offkey.reports` takes a quarter of a second a theme; these take a few
milliseconds.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.image
import numpy as np

from offkey.features import LogMel
from offkey.features.mean_spectrum import MeanSpectrum
from offkey.metrics.cutoffs import UNCERTAIN
from offkey.reports import style

BAR_PX = 160
WIDTH_PX, HEIGHT_PX = 275, 130
SPECTRUM = MeanSpectrum(sizes=(2048,), low_hz=0.0)
TICKS_HZ = (250, 1000, 4000)
EDITED = "#b85a93"  # between the two themes' colours of an edit: it stands on either
_CELL = 'style="padding: 2px 8px; text-align: left; white-space: nowrap"'


def board(
    rows: Sequence[Mapping[str, Any]], before: Mapping[str, float], waiting: Sequence[str] = ()
) -> str:
    """Every detector's score beside its threshold.

    Parameters
    ----------
    rows : sequence of mapping
        From :func:`offkey.workbench.trying.judged`.
    before : mapping of str to float
        Scores without any edit, by detector.
    waiting : sequence of str
        Detectors that have not answered yet.
    """
    head = "".join(f"<th {_CELL}>{name}</th>" for name in ("detector", "P(AI) 0 … 1", "", "says"))
    lines = []
    for row in rows:
        cells = [html.escape(row["detector"]), _bar(row, before[row["detector"]])]
        cells += [f"{row['score']:.2f} (AI from {row['ai_from']:.2f})"]
        cells += [f'<b style="color: {_ink(row)}">{row["verdict"]}</b>']
        lines.append("".join(f"<td {_CELL}>{cell}</td>" for cell in cells))
    lines += [f"<td {_CELL}>{html.escape(name)}</td><td {_CELL}>…</td>" for name in waiting]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    note = "Dot: this score. Ring: without any edit. Line: threshold; between two lines: uncertain."
    return f"<table><tr>{head}</tr>{body}</table><small>{note}</small>"


def _ink(row: Mapping[str, Any]) -> str:
    return "currentColor" if row["verdict"] == UNCERTAIN else style.colour(row["verdict"])


def _bar(row: Mapping[str, Any], before: float) -> str:
    def at(value: float) -> float:
        return 6 + value * (BAR_PX - 12)

    lines = "".join(f"M{at(row[name]):.1f} 1V15" for name in ("human_below", "ai_from"))
    return (
        f'<svg width="{BAR_PX}" height="16" role="img" aria-label="score {row["score"]:.2f}">'
        f'<path d="M6 8H{BAR_PX - 6}" stroke="currentColor" opacity=".35"/>'
        f'<path d="{lines}" stroke="currentColor" stroke-width="2"/>'
        f'<circle cx="{at(before):.1f}" cy="8" r="4" fill="none" stroke="currentColor"/>'
        f'<circle cx="{at(row["score"]):.1f}" cy="8" r="5" fill="{_ink(row)}"/></svg>'
    )


def pictures(before: np.ndarray, after: np.ndarray) -> str:
    """The mean spectrum before and after the edit, and the log-mel spectrogram after it.

    Parameters
    ----------
    before, after : ndarray of float32, shape (n,)
        At 16 kHz; lengths may differ.
    """
    both = _spectra(before, after) + _spectrogram(after)
    return f'<div style="display: flex; flex-wrap: wrap">{both}</div>'


def _spectra(before: np.ndarray, after: np.ndarray) -> str:
    hz = SPECTRUM.frequencies_hz(SPECTRUM.sizes[0])
    levels = [SPECTRUM(sound)[0] for sound in (before, after)]
    top, low = max(map(np.max, levels)), min(map(np.min, levels))
    inks = ('stroke="currentColor" opacity=".55"', f'stroke="{EDITED}"')
    lines = "".join(
        f'<polyline points="{_points(hz / hz[-1], (level - low) / (top - low))}" '
        f'fill="none" {ink}/>'
        for level, ink in zip(levels, inks, strict=True)
    )
    title = "Mean spectrum: grey before, colour after"
    ups = {f"{db:.0f} dB": (db - low) / (top - low) for db in np.arange(-80, top, 20) if db > low}
    along = {f"{khz} kHz": 1000 * khz / hz[-1] for khz in (0, 2, 4, 6)}
    return _frame(title, lines, along, ups)


def _points(x: np.ndarray, y: np.ndarray) -> str:
    """Places between 0 and 1 as those of a picture whose y points down."""
    pairs = zip(WIDTH_PX * x, HEIGHT_PX * (1 - y), strict=True)
    return " ".join(f"{left:.1f},{down:.1f}" for left, down in pairs)


def _spectrogram(sound: np.ndarray) -> str:
    mel = LogMel()
    buffer = io.BytesIO()
    level = mel(sound).T
    matplotlib.image.imsave(
        buffer, level, origin="lower", cmap="magma", vmin=mel.floor_db, vmax=0, format="png"
    )
    data = base64.b64encode(buffer.getvalue()).decode()
    image = (
        f'<image width="{WIDTH_PX}" height="{HEIGHT_PX}" preserveAspectRatio="none" '
        f'href="data:image/png;base64,{data}"/>'
    )
    seconds = level.shape[1] * mel.frame_s
    along = {f"{second:.0f} s": second / seconds for second in np.arange(0, seconds, 2)}
    places = np.interp(TICKS_HZ, mel.frequencies_hz(), np.linspace(0, 1, mel.n_mels))
    ups = {f"{hz} Hz": place for hz, place in zip(TICKS_HZ, places, strict=True)}
    return _frame("Spectrogram after the edit (mel scale)", image, along, ups)


def _frame(title: str, body: str, along: Mapping[str, float], ups: Mapping[str, float]) -> str:
    """A picture with a title above it and labels at places between 0 and 1 of both axes."""
    text = 'fill="currentColor" font-size="11"'
    labels = "".join(
        f'<text x="{WIDTH_PX * at:.0f}" y="{HEIGHT_PX + 14}" {text}>{name}</text>'
        for name, at in along.items()
    )
    labels += "".join(
        f'<text x="-5" y="{HEIGHT_PX * (1 - at) + 4:.0f}" text-anchor="end" {text}>{name}</text>'
        for name, at in ups.items()
    )
    return (
        f'<svg viewBox="-56 -20 {WIDTH_PX + 65} {HEIGHT_PX + 40}" width="{WIDTH_PX + 65}" '
        f'style="max-width: 100%" role="img" aria-label="{title}">'
        f'<text y="-7" font-weight="bold" fill="currentColor" font-size="12">{title}</text>'
        f"{body}{labels}</svg>"
    )
