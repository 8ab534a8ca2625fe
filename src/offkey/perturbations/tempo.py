"""Time stretch by fixed rates (1.25 plays in 0.8 of the time); pitch kept."""

from __future__ import annotations

import numpy as np

from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source

UNIT = "rate"
NEUTRAL = 1.0
LEVELS = (0.8, 0.9, 0.95, 1.05, 1.1, 1.25)


def label(level: float) -> str:
    """Short text for figures."""
    return f"×{level:g}"


def draw(level: float, rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"rate": level}


def apply(source: Source, engine: Engine, rate: float) -> np.ndarray:
    """Play the clip at `rate`."""
    return engine(source, 0.0, rate)
