"""Low-pass filter at fixed cut-off frequencies: the treble is gone, nothing is delayed."""

from __future__ import annotations

import numpy as np
import scipy.signal

from offkey.perturbations.engines import Engine, Source

UNIT = "kHz"
NEUTRAL = None
USES_ENGINE = False
LEVELS = (7.0, 6.0, 4.0)
ORDER = 8


def label(level: float) -> str:
    """Short text for figures."""
    return f"below {level:g} kHz"


def draw(level: float, rng: np.random.Generator) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    return {"cutoff_hz": 1000 * level}


def apply(source: Source, engine: Engine | None, cutoff_hz: float) -> np.ndarray:
    """Butterworth, order 8, forwards and backwards: −6 dB at `cutoff_hz`, zero phase."""
    if cutoff_hz >= source.sample_rate_hz / 2:
        return source.samples  # nothing up there
    sections = scipy.signal.butter(ORDER, cutoff_hz, fs=source.sample_rate_hz, output="sos")
    return scipy.signal.sosfiltfilt(sections, source.samples).astype(np.float32)
