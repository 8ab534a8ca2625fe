"""White noise at fixed ratios of signal to noise; another noise for every clip."""

from __future__ import annotations

from typing import Any

import numpy as np

from offkey.perturbations.engines import Engine, Source
from offkey.sound import audio

UNIT = "dB SNR"
NEUTRAL = None
USES_ENGINE = False
LEVELS = (40.0, 30.0, 20.0, 10.0)


def label(level: float) -> str:
    """Short text for figures."""
    return f"{level:g} dB SNR"


def draw(level: float, rng: np.random.Generator) -> dict[str, Any]:
    """Seed of the clip's noise, the same at every level."""
    return {"snr_db": level, "noise_seed": int(rng.integers(2**31))}


def apply(source: Source, engine: Engine | None, snr_db: float, noise_seed: int) -> np.ndarray:
    """Add Gaussian noise whose RMS lies `snr_db` below that of the clip."""
    noise = np.random.default_rng(noise_seed).standard_normal(len(source.samples), np.float32)
    gain_db = audio.rms_dbfs(source.samples) - snr_db - audio.rms_dbfs(noise)
    return source.samples + noise * np.float32(10 ** (gain_db / 20))
