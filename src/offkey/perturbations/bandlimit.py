"""Control: the clean clip without what a shift downwards of a 16 kHz file leaves empty.

A shift by *s* semitones moves the top of the band from 8 kHz to 8 kHz · 2^(s/12), and nothing comes
from above where the file holds nothing. This is that loss alone, by going down to twice the cut-off
and up again: the edge is the one that the resampler of a shift leaves. The levels are those of
``pitch`` downwards; a slower ``speed`` leaves as much empty (×0.9 is −1.8 st, ×0.95 −0.9 st, ×0.97
−0.5 st).
"""

from __future__ import annotations

import numpy as np

from offkey.perturbations import pitch
from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source
from offkey.sound import audio

UNIT = "semitones"
NEUTRAL = 0.0
USES_ENGINE = False
LEVELS = tuple(level for level in pitch.LEVELS if level < 0)


def label(level: float) -> str:
    """Short text for figures."""
    return f"nothing above {_cutoff_hz(level) / 1000:.2f} kHz (as {pitch.label(level)})"


def draw(level: float, rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"cutoff_hz": _cutoff_hz(level)}


def apply(source: Source, engine: Engine | None, cutoff_hz: float) -> np.ndarray:
    """Resample to twice `cutoff_hz` and back."""
    if 2 * cutoff_hz >= source.sample_rate_hz:
        return source.samples  # nothing up there
    there = audio.resample(source.samples, source.sample_rate_hz, 2 * cutoff_hz)
    back = audio.resample(there, 2 * cutoff_hz, source.sample_rate_hz)
    return audio.fix_length(back, len(source.samples))


def _cutoff_hz(semitones: float) -> float:
    return float(audio.SAMPLE_RATE_HZ / 2 * 2 ** (semitones / 12))
