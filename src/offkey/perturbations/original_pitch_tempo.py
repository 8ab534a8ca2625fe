"""The original study's combined edit: pitch, then tempo, each drawn per clip."""

from __future__ import annotations

import numpy as np

from offkey.perturbations import original_pitch, original_tempo
from offkey.perturbations.pitch_tempo import apply

__all__ = ["LEVELS", "NEUTRAL", "RANDOM", "UNIT", "apply", "draw", "label"]

UNIT = ""
NEUTRAL = None
RANDOM = True
LEVELS = ("random both",)


def label(level: str) -> str:
    """Short text for figures."""
    return level


def draw(level: str, rng: np.random.Generator) -> dict[str, float]:
    """Semitones and rate, both real-valued and uniform."""
    return {
        "semitones": float(rng.uniform(*original_pitch.RANGE)),
        "rate": float(rng.uniform(*original_tempo.RANGE)),
    }
