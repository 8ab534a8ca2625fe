"""Playback speed: pitch and tempo together, as on a faster turntable; by resampling alone."""

from __future__ import annotations

import numpy as np

from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source
from offkey.sound import audio

UNIT = "speed"
NEUTRAL = 1.0
USES_ENGINE = False
LEVELS = (0.9, 0.95, 0.97, 1.03, 1.05, 1.1)


def label(level: float) -> str:
    """Short text for figures."""
    return f"speed ×{level:g}"


def draw(level: float, rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"rate": level}


def apply(source: Source, engine: Engine | None, rate: float) -> np.ndarray:
    """Play the clip at `rate`, 12 log2(rate) semitones higher."""
    played = audio.resample(source.samples, source.sample_rate_hz * rate, source.sample_rate_hz)
    return audio.fix_length(played, round(len(source.samples) / rate))
