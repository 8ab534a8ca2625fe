"""Equaliser: three presets as a player offers them, static and without phase."""

from __future__ import annotations

import numpy as np

from offkey.perturbations import spectral
from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source

UNIT = ""
NEUTRAL = None
USES_ENGINE = False
LEVELS = ("bass_boost", "treble_boost", "mid_scoop")
# (Hz, dB); between them straight lines over the logarithm of frequency, beyond them level
GAINS = {
    "bass_boost": ((120.0, 9.0), (500.0, 0.0)),
    "treble_boost": ((1500.0, 0.0), (5000.0, 9.0)),
    "mid_scoop": ((150.0, 4.0), (600.0, -9.0), (1500.0, -9.0), (5000.0, 4.0)),
}


def label(level: str) -> str:
    """Short text for figures."""
    return level.replace("_", " ")


def draw(level: str, rng: None) -> dict[str, str]:
    """Fixed by the level; nothing is drawn."""
    return {"preset": level}


def apply(source: Source, engine: Engine | None, preset: str) -> np.ndarray:
    """Weight the spectrum of the whole clip by the preset's gains."""
    frequency_hz, gain_db = zip(*GAINS[preset], strict=True)

    def gain(hz: np.ndarray) -> np.ndarray:
        octave = np.log2(np.maximum(hz, 1.0))
        return np.asarray(10 ** (np.interp(octave, np.log2(frequency_hz), gain_db) / 20))

    return spectral.weighted(source, gain)
