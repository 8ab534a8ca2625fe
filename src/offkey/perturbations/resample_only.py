"""Control: another sample rate and back, with no other edit.

Up to 96 kHz and back loses the edge of the clip's own band and nothing else (of a 16 kHz file −5 dB
at 7.6 kHz, −20 dB at 7.7 kHz; of one at 44.1 kHz nothing below 20 kHz): what the resampler alone
does, here as in a pitch shift. Down to 11.025 kHz and back loses what lies above 5.2 kHz, as in a
file of a low sample rate.
"""

from __future__ import annotations

import numpy as np

from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source
from offkey.sound import audio

UNIT = ""
NEUTRAL = None
USES_ENGINE = False
LEVELS = ("up", "down")
RATES_HZ = {"up": 96_000, "down": 11_025}


def label(level: str) -> str:
    """Short text for figures."""
    return f"via {RATES_HZ[level] / 1000:g} kHz"


def draw(level: str, rng: None) -> dict[str, int]:
    """Fixed by the level; nothing is drawn."""
    return {"via_hz": RATES_HZ[level]}


def apply(source: Source, engine: Engine | None, via_hz: int) -> np.ndarray:
    """Resample to `via_hz` and back."""
    there = audio.resample(source.samples, source.sample_rate_hz, via_hz)
    back = audio.resample(there, via_hz, source.sample_rate_hz)
    return audio.fix_length(back, len(source.samples))
