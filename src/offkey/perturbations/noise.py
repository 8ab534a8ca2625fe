"""White noise at fixed ratios of signal to noise; another noise for every clip."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source
from offkey.sound import audio

UNIT = "dB SNR"
NEUTRAL = None
RANDOM = True
USES_ENGINE = False
LEVELS = (40.0, 30.0, 20.0, 10.0)


def label(level: float) -> str:
    """Short text for figures."""
    return f"{level:g} dB SNR"


def draw(level: float, rng: np.random.Generator) -> dict[str, Any]:
    """Seed of the clip's noise, the same at every level."""
    return {"snr_db": level, "noise_seed": int(rng.integers(2**31))}


def apply(source: Source, engine: Engine | None, snr_db: float, noise_seed: int) -> np.ndarray:
    """Add Gaussian noise whose RMS below 8 kHz lies `snr_db` below that of the clip there.

    A file of a higher rate holds the same noise per hertz: a rate is no clue.
    """
    noise = np.random.default_rng(noise_seed).standard_normal(len(source.samples), np.float32)
    heard_hz = min(source.sample_rate_hz, audio.SAMPLE_RATE_HZ)
    in_band_db = audio.rms_dbfs(noise) + 10 * math.log10(heard_hz / source.sample_rate_hz)
    gain_db = audio.rms_dbfs(source.at(heard_hz)) - snr_db - in_band_db
    return source.samples + noise * np.float32(10 ** (gain_db / 20))
