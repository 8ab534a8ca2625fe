"""Louder or softer, clipped at full scale as in a 16-bit file; the level is not brought back."""

from __future__ import annotations

import numpy as np

from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source

UNIT = "dB"
NEUTRAL = 0.0
USES_ENGINE = False
KEEPS_LEVEL = False
LEVELS = (-12.0, -6.0, 6.0)


def label(level: float) -> str:
    """Short text for figures."""
    return f"{level:+g} dB".replace("-", "−")


def draw(level: float, rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"gain_db": level}


def apply(source: Source, engine: Engine | None, gain_db: float) -> np.ndarray:
    """Amplify by `gain_db`; what exceeds the largest 16-bit number is cut off."""
    louder = source.samples * np.float32(10 ** (gain_db / 20))
    return np.clip(louder, -1, np.float32(1 - 2**-15))
