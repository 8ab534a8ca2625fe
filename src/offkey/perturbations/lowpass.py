"""Low-pass filter at fixed cut-off frequencies: the treble is gone, nothing is delayed."""

from __future__ import annotations

import numpy as np

from offkey.perturbations import spectral
from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source

UNIT = "kHz"
NEUTRAL = None
USES_ENGINE = False
LEVELS = (7.0, 6.0, 4.0)
ORDER = 16


def label(level: float) -> str:
    """Short text for figures."""
    return f"below {level:g} kHz"


def draw(level: float, rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"cutoff_hz": 1000 * level}


def apply(source: Source, engine: Engine | None, cutoff_hz: float) -> np.ndarray:
    """Butterworth's magnitude twice, order 16, no phase: −6 dB at `cutoff_hz`."""
    if cutoff_hz >= source.sample_rate_hz / 2:
        return source.samples  # nothing up there
    return spectral.weighted(source, lambda hz: 1 / (1 + (hz / cutoff_hz) ** (2 * ORDER)))
