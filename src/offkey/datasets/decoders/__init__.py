"""Decoders: ways of making a *twin*, the same music rebuilt from less than all of it.

A twin shares melody, genre, codec, loudness, length and alignment with its original, so only the
traces of the decoder are left to tell them apart (Afchar, Meseguer-Brocal and Hennequin, "AI-
generated music detection and its challenges", ICASSP 2025). Twins are never called AI-generated
music: a detector that knows them has not heard a music generator.

Each file holds one family, a table ``DECODERS`` of its members and
``decode(samples, rng, **settings) -> ndarray``, all at 16 kHz mono.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from offkey.core import seeding, store
from offkey.core.errors import BadInput, unknown
from offkey.datasets.decoders.matching import match_spectrum
from offkey.sound import audio

RECIPE = 5
"""Raise when the sound of any decoder changes."""

MIN_SAMPLES = 2048
WEIGHTS = Path(__file__).with_name("weights")
_FAMILIES = {
    "griffin_mel_80": "griffin_mel",
    "griffin_mel_256": "griffin_mel",
    "convcodec_64": "convcodec",
    "convcodec_160": "convcodec",
    "sines_noise": "sines_noise",
}
NAMES = tuple(_FAMILIES)


def family(name: str) -> str:
    """Decoders of one family share their algorithm, and so their traces."""
    if name not in _FAMILIES:
        raise unknown("decoder", name, NAMES)
    return _FAMILIES[name]


def settings(name: str) -> dict[str, Any]:
    """What distinguishes a decoder within its family, and the hash of its weights if any."""
    found: dict[str, Any] = dict(_module(name).DECODERS[name])
    if "weights" in found:
        found["sha256"] = store.read_json(WEIGHTS / f"{found['weights']}.json")["sha256"]
    return found


def fingerprint(*names: str) -> str:
    """Name what these decoders do to sound, for the products made with them."""
    return store.fingerprint(RECIPE, [[name, settings(name)] for name in sorted(names)])


def decode(name: str, samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Analyse and rebuild a clip.

    Parameters
    ----------
    name : str
        One of ``NAMES``.
    samples : ndarray of float32, shape (n,)
        16 kHz mono, at least ``MIN_SAMPLES`` long.
    rng : numpy Generator
        Initial phases, noise.

    Returns
    -------
    ndarray of float32, shape (n,)
        Time-aligned with `samples`; the level is the decoder's own.

    Raises
    ------
    BadInput
        Unknown name, unusable samples, or weights that are missing or damaged.
    """
    module = _module(name)
    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim != 1 or len(samples) < MIN_SAMPLES or not np.isfinite(samples).all():
        raise BadInput(
            f"decoder '{name}' needs at least {MIN_SAMPLES} finite mono samples, "
            f"not an array of shape {samples.shape}: check the clip."
        )
    rebuilt = module.decode(samples, rng, **module.DECODERS[name])
    return audio.fix_length(np.asarray(rebuilt, dtype=np.float32), len(samples))


def twin(samples: np.ndarray, name: str, *, seed: int, key: str) -> np.ndarray:
    """Make the twin of a clip: decoded, aligned, of equal length, level and long-term spectrum.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        The original, 16 kHz mono.
    name : str
        One of ``NAMES``.
    seed : int
        The study's seed.
    key : str
        What is being decoded, e.g. its ``track_id``; equal keys give equal twins.

    Returns
    -------
    ndarray of float32, shape (n,)
        Peaks beyond full scale are clipped, as writing them to a file would.

    Notes
    -----
    No decoder here delays the sound (a test holds them to it), so nothing is shifted. The same
    arguments give the same twin up to the rounding of the linear algebra library: single-threaded
    convolutions are asked for, but another processor may sum in another order.
    """
    rebuilt = match_spectrum(decode(name, samples, seeding.rng(seed, key, name)), samples)
    return np.clip(audio.match_level(rebuilt, samples), -1, 1)


def _module(name: str) -> Any:
    return importlib.import_module(f"offkey.datasets.decoders.{family(name)}")
