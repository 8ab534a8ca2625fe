"""Pitch shift by fixed numbers of semitones; tempo kept."""

from __future__ import annotations

import numpy as np

from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source

UNIT = "semitones"
NEUTRAL = 0.0
LEVELS = (-4.0, -2.0, -1.0, -0.5, -0.25, 0.25, 0.5, 1.0, 2.0, 4.0)


def label(level: float) -> str:
    """Short text for figures."""
    return f"{level:+g} st".replace("-", "−")


def draw(level: float, rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"semitones": level}


def apply(source: Source, engine: Engine, semitones: float) -> np.ndarray:
    """Shift the clip by `semitones`."""
    return engine(source, semitones, 1.0)
