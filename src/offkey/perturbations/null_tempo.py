"""Control: a time stretch by the rate 1, which only checks the code of the engine.

Without a change, every engine does the same as in ``null_pitch``: analyse and put together again.
"""

from __future__ import annotations

from offkey.perturbations.tempo import apply

__all__ = ["LEVELS", "NEUTRAL", "UNIT", "apply", "draw", "label"]

UNIT = ""
NEUTRAL = None
LEVELS = ("×1",)


def label(level: str) -> str:
    """Short text for figures."""
    return level


def draw(level: str, rng: None) -> dict[str, float]:
    """Nothing is drawn."""
    return {"rate": 1.0}
