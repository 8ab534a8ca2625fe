"""The original study's tempo change: one draw from U(0.8, 1.2) per clip."""

from __future__ import annotations

import numpy as np

from offkey.perturbations.tempo import apply

__all__ = ["LEVELS", "NEUTRAL", "RANDOM", "RANGE", "UNIT", "apply", "draw", "label"]

UNIT = ""
NEUTRAL = None
RANDOM = True
RANGE = (0.8, 1.2)
LEVELS = ("random tempo",)


def label(level: str) -> str:
    """Short text for figures."""
    return level


def draw(level: str, rng: np.random.Generator) -> dict[str, float]:
    """Rate, real-valued and uniform."""
    return {"rate": float(rng.uniform(*RANGE))}
