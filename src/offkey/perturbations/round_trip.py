"""Control: an edit and its inverse, so that only the tool's artefacts remain.

+2 then −2 semitones, and ×1.25 then ×0.8: pitch, tempo and length end where they began; what a
detector loses here it loses to the tool, not to the edit.
"""

from __future__ import annotations

import numpy as np

from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source
from offkey.sound import audio

UNIT = ""
NEUTRAL = None
LEVELS = ("pitch", "tempo")
_EDITS = {"pitch": (2.0, 1.0), "tempo": (0.0, 1.25)}


def label(level: str) -> str:
    """Short text for figures."""
    return {"pitch": "+2 then −2 st", "tempo": "×1.25 then ×0.8"}[level]


def draw(level: str, rng: None) -> dict[str, float]:
    """Fixed by the level; nothing is drawn."""
    semitones, rate = _EDITS[level]
    return {"semitones": semitones, "rate": rate}


def apply(source: Source, engine: Engine, semitones: float, rate: float) -> np.ndarray:
    """Edit, then undo the edit with the same engine."""
    there = Source(engine(source, semitones, rate), source.sample_rate_hz)
    return audio.fix_length(engine(there, -semitones, 1 / rate), len(source.samples))
