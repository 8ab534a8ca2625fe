"""Decoders: ways of making a *twin*, the same music rebuilt from less than all of it.

A twin shares melody, genre, codec, loudness, length and alignment with its original, so only the
traces of the decoder separate the two (Afchar, Meseguer-Brocal and Hennequin, "AI-
generated music detection and its challenges", ICASSP 2025). Twins are never called AI-generated
music: a detector trained on them was trained on no music generator.

Each file holds one family, a table ``DECODERS`` of its members and
``decode(samples, rng, **settings) -> ndarray``, all mono at ``SAMPLE_RATE_HZ``.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey.core import seeding, store
from offkey.core.errors import BadInput, unknown
from offkey.datasets.decoders.matching import SAMPLE_RATE_HZ, match_spectrum
from offkey.sound import audio

__all__ = [
    "NAMES",
    "RECIPE",
    "SAMPLE_RATE_HZ",
    "decode",
    "family",
    "fingerprint",
    "refuse_heard",
    "settings",
    "trained_on",
    "twin",
]

RECIPE = 6
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


def trained_on(*names: str) -> set[str]:
    """Tracks that the weights of these decoders were trained on; empty where there are none.

    Their twins are closer to the original than those of other tracks, so such a track may be
    learnt from, and never tested on.
    """
    weights = [found["weights"] for found in map(settings, names) if "weights" in found]
    cards = [store.read_json(WEIGHTS / f"{name}.json") for name in weights]
    return {track for card in cards for track in card["training"]["tracks"]}


def refuse_heard(clips: pd.DataFrame) -> None:
    """Refuse a manifest that tests on twins of tracks which their decoder was trained on.

    Parameters
    ----------
    clips : DataFrame
        ``track_id, generator, split``; other generators than decoders do not matter.

    Raises
    ------
    BadInput
        Such a track stands outside the train split; the message names the first.
    """
    for name in sorted(set(clips["generator"]) & set(NAMES)):
        twins = clips[(clips["generator"] == name) & (clips["split"] != "train")]
        heard = twins[twins["track_id"].isin(trained_on(name))]
        if len(heard):
            first = heard.iloc[0]
            raise BadInput(
                f"track '{first['track_id']}' stands in split '{first['split']}', but decoder "
                f"'{name}' was trained on it ({len(heard)} such tracks): put it into 'train', or "
                "take another decoder."
            )


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
        Mono, at ``SAMPLE_RATE_HZ``, at least ``MIN_SAMPLES`` long.
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
        The original, mono, at ``SAMPLE_RATE_HZ``.
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
