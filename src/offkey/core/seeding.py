"""Random numbers that follow from (seed, names), never from global state or file order."""

from __future__ import annotations

import hashlib

import numpy as np


def sequence(seed: int, *names: str) -> np.random.SeedSequence:
    """Seed sequence for one purpose.

    Parameters
    ----------
    seed : int
        The study's seed.
    *names : str
        What the numbers are for, e.g. ``(clip_id, "original_pitch")``.
    """
    words = hashlib.sha256("\x1f".join(names).encode()).digest()
    return np.random.SeedSequence([seed, *np.frombuffer(words, dtype=np.uint32).tolist()])


def rng(seed: int, *names: str) -> np.random.Generator:
    """Generator for one purpose; equal arguments give equal numbers on every machine."""
    return np.random.default_rng(sequence(seed, *names))


def integer(seed: int, *names: str) -> int:
    """One 31-bit integer, for libraries that take a plain seed."""
    return int(sequence(seed, *names).generate_state(1)[0] >> 1)
