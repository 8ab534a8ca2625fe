"""Pitch shift in the steps between those of ``pitch``: how small a shift is enough?

Notes that are 5 to 10 cents (0.05 to 0.1 semitones) out of tune are heard by trained ears beside
the note in tune; without it few would notice.
"""

from __future__ import annotations

from offkey.perturbations.pitch import apply, draw, label

__all__ = ["LEVELS", "NEUTRAL", "UNIT", "apply", "draw", "label"]

UNIT = "semitones"
NEUTRAL = 0.0
_STEPS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.35, 0.75, 1.5, 3.0)
LEVELS = (*(-step for step in reversed(_STEPS)), *_STEPS)
