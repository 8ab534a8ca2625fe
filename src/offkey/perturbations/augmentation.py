"""Training-time draws: eight pairs of pitch and tempo per clip, each from the original's ranges."""

from __future__ import annotations

import numpy as np

from offkey.perturbations import original_pitch_tempo
from offkey.perturbations.pitch_tempo import apply

__all__ = ["LEVELS", "NEUTRAL", "RANDOM", "UNIT", "apply", "draw", "label"]

UNIT = ""
NEUTRAL = None
RANDOM = True
LEVELS = tuple(f"draw_{number}" for number in range(1, 9))


def label(level: str) -> str:
    """Short text for figures."""
    return level.replace("_", " ")


def draw(level: str, rng: np.random.Generator) -> dict[str, float]:
    """Semitones and rate of one level; all levels are drawn, so that each has its own."""
    draws = [original_pitch_tempo.draw("", rng) for _ in LEVELS]
    return draws[LEVELS.index(level)]
