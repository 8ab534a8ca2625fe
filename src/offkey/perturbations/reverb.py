"""Reverberation of three rooms: the direct sound, then noise that dies away.

The impulse response is the classic model of late reverberation, Gaussian noise under an exponential
(J. A. Moorer, "About this reverberation business", 1979): after RT60 seconds it is down by 60 dB.
The direct sound is its first sample, so nothing is delayed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
import scipy.signal

from offkey.core import seeding
from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source

UNIT = ""
NEUTRAL = None
USES_ENGINE = False
LEVELS = ("room", "hall", "church")


class Room(NamedTuple):
    """RT60, energy of the direct sound over that of the reverberation, time between the two."""

    rt60_s: float
    direct_db: float
    gap_ms: float


ROOMS = {
    "room": Room(0.3, 6.0, 5.0),
    "hall": Room(1.2, 3.0, 15.0),
    "church": Room(2.5, 0.0, 25.0),
}


def label(level: str) -> str:
    """Short text for figures."""
    return f"{level}, {ROOMS[level].rt60_s:g} s"


def draw(level: str, rng: None) -> dict[str, str]:
    """Fixed by the level; nothing is drawn."""
    return {"room": level}


def apply(source: Source, engine: Engine | None, room: str) -> np.ndarray:
    """Convolve the clip with the room's impulse response; the tail after its end is cut."""
    response = impulse_response(room, source.sample_rate_hz)
    wet = scipy.signal.oaconvolve(source.samples, response)
    return np.asarray(wet[: len(source.samples)], np.float32)


@lru_cache(maxsize=16)
def impulse_response(room: str, sample_rate_hz: int) -> np.ndarray:
    """Impulse response of a room, the same in every process.

    Returns
    -------
    ndarray of float32, shape (round(rt60_s * sample_rate_hz),)
        First sample 1; the reverberation has an energy of ``10 ** (-direct_db / 10)``.
    """
    rt60_s, direct_db, gap_ms = ROOMS[room]
    time_s = np.arange(round(rt60_s * sample_rate_hz)) / sample_rate_hz
    noise = seeding.rng(0, "reverb", room).standard_normal(len(time_s))
    tail = np.where(time_s >= gap_ms / 1000, noise * 10 ** (-3 * time_s / rt60_s), 0)
    tail *= np.sqrt(10 ** (-direct_db / 10) / np.sum(tail**2))
    tail[0] = 1.0
    return tail.astype(np.float32)
