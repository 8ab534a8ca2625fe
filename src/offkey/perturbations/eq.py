"""Equaliser: three presets as a player offers them, static and without phase."""

from __future__ import annotations

import numpy as np
import scipy.fft

from offkey.perturbations.engines import Engine, Source

UNIT = ""
NEUTRAL = None
USES_ENGINE = False
LEVELS = ("bass_boost", "treble_boost", "mid_scoop")
# (Hz, dB); between them straight lines over the logarithm of frequency, beyond them level
GAINS = {
    "bass_boost": ((120.0, 9.0), (500.0, 0.0)),
    "treble_boost": ((1500.0, 0.0), (5000.0, 9.0)),
    "mid_scoop": ((150.0, 4.0), (600.0, -9.0), (1500.0, -9.0), (5000.0, 4.0)),
}
_PAD_S = 0.25  # room for the filter's tails, so that the ends of the clip do not meet


def label(level: str) -> str:
    """Short text for figures."""
    return level.replace("_", " ")


def draw(level: str, rng: np.random.Generator) -> dict[str, str]:
    """Fixed by the level; nothing is drawn."""
    return {"preset": level}


def apply(source: Source, engine: Engine | None, preset: str) -> np.ndarray:
    """Weight the spectrum of the whole clip by the preset's gains."""
    n = len(source.samples)
    size = scipy.fft.next_fast_len(n + round(_PAD_S * source.sample_rate_hz), real=True)
    frequency_hz, gain_db = zip(*GAINS[preset], strict=True)
    bins_hz = np.maximum(scipy.fft.rfftfreq(size, 1 / source.sample_rate_hz), 1.0)
    curve = 10 ** (np.interp(np.log2(bins_hz), np.log2(frequency_hz), gain_db) / 20)
    spectrum = scipy.fft.rfft(source.samples, size) * curve.astype(np.float32)
    return np.asarray(scipy.fft.irfft(spectrum, size)[:n], np.float32)
