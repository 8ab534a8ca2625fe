"""The original study's pitch shift: one draw from U(−2, 2) semitones per clip."""

from __future__ import annotations

import numpy as np

from offkey.perturbations.pitch import apply

__all__ = ["LEVELS", "NEUTRAL", "RANDOM", "RANGE", "UNIT", "apply", "draw", "label"]

UNIT = ""
NEUTRAL = None
RANDOM = True
RANGE = (-2.0, 2.0)
LEVELS = ("random pitch",)


def label(level: str) -> str:
    """Short text for figures."""
    return level


def draw(level: str, rng: np.random.Generator) -> dict[str, float]:
    """Semitones, real-valued and uniform."""
    return {"semitones": float(rng.uniform(*RANGE))}
