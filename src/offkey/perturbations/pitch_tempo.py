"""Pitch and tempo together, at fixed pairs of semitones and rate."""

from __future__ import annotations

import numpy as np

from offkey.perturbations import pitch, tempo
from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source

UNIT = "semitones, rate"
NEUTRAL = None
LEVELS = ((-2.0, 0.9), (-2.0, 1.1), (2.0, 0.9), (2.0, 1.1), (-4.0, 0.8), (4.0, 1.25))


def label(level: tuple[float, float]) -> str:
    """Short text for figures."""
    return f"{pitch.label(level[0])} {tempo.label(level[1])}"


def draw(level: tuple[float, float], rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"semitones": level[0], "rate": level[1]}


def apply(source: Source, engine: Engine, semitones: float, rate: float) -> np.ndarray:
    """Shift by `semitones` and play at `rate`."""
    return engine(source, semitones, rate)
