"""Control: a pitch shift by 0 semitones, which only checks the code of the engine.

Without a shift, every engine does the same as in ``null_tempo``: analyse and put together again.
"""

from __future__ import annotations

from offkey.perturbations.pitch import apply

__all__ = ["LEVELS", "NEUTRAL", "UNIT", "apply", "draw", "label"]

UNIT = ""
NEUTRAL = None
LEVELS = ("±0 st",)


def label(level: str) -> str:
    """Short text for figures."""
    return level


def draw(level: str, rng: None) -> dict[str, float]:
    """Nothing is drawn."""
    return {"semitones": 0.0}
