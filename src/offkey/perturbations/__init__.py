"""Edits that a listener would forgive: one file per kind, levels as data.

A perturbation module provides ``UNIT``, ``NEUTRAL`` (the level that changes nothing, where the
levels have a sign), ``LEVELS``, ``label(level)``, ``draw(level, rng)`` (one clip's numbers, as
JSON can hold them) and ``apply(source, engine, **drawn)``. It may say ``USES_ENGINE = False``
(then `engine` is None), ``KEEPS_LEVEL = False`` (its loudness is the edit, and stays) and
``SEVERITIES`` (where they do not follow from the order of the levels). A *condition* is one
perturbation at one level by one engine.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd

from offkey.core import seeding
from offkey.core.errors import BadInput, unknown
from offkey.perturbations import engines, vocoder
from offkey.perturbations.engines import Source
from offkey.sound import audio

NAMES = (
    "pitch",
    "tempo",
    "pitch_tempo",
    "original_pitch",
    "original_tempo",
    "original_pitch_tempo",
    "codec",
    "noise",
    "lowpass",
    "eq",
    "reverb",
    "gain",
    "round_trip",
    "null_pitch",
    "null_tempo",
    "resample_only",
    "augmentation",
)


DEFAULT_ENGINE = "vocoder"


@dataclass(frozen=True)
class Condition:
    """One perturbation at one level by one engine; ``Condition()`` is the clean clip.

    Attributes
    ----------
    variant : str
        Unique name, e.g. ``"pitch+2"``, by another engine ``"pitch+2@librosa"``.
    severity : int
        0 = clean, then 1, 2, …; negative on the lower side of a signed axis.
    level : float
        The physical level, NaN where it is not one number.
    engine : str
        Empty where the edit needs none.
    """

    variant: str = "clean"
    perturbation: str = "clean"
    severity: int = 0
    level: float = math.nan
    unit: str = ""
    label: str = "clean"
    engine: str = ""
    index: int = 0

    def columns(self) -> dict[str, Any]:
        """The columns of the predictions and scores tables."""
        return {key: value for key, value in asdict(self).items() if key != "index"}

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        return {"vocoder": vocoder.RECIPE, **self.columns()}


CLEAN = Condition()


def module(name: str) -> ModuleType:
    """The file of a perturbation."""
    if name not in NAMES:
        raise unknown("perturbation", name, NAMES)
    return importlib.import_module(f"offkey.perturbations.{name}")


def conditions(name: str, engine: str = DEFAULT_ENGINE) -> list[Condition]:
    """Every level of a perturbation, in the order of its table; `engine` where it uses one."""
    engines.get(engine)
    kind = module(name)
    engine = engine if _uses_engine(kind) else ""
    suffix = f"@{engine}" if engine not in ("", DEFAULT_ENGINE) else ""
    found = []
    for index, level in enumerate(kind.LEVELS):
        number = float(level) if isinstance(level, float) else math.nan
        found.append(
            Condition(
                variant=name + _tag(kind, level) + suffix,
                perturbation=name,
                severity=_severity(kind, index),
                level=number,
                unit=kind.UNIT,
                label=kind.label(level),
                engine=engine,
                index=index,
            )
        )
    return found


def find(variants: Iterable[str], engine: str = DEFAULT_ENGINE) -> list[Condition]:
    """Conditions by variant name; a perturbation's own name means all of its levels.

    Parameters
    ----------
    variants : iterable of str
        E.g. ``"pitch+2"``, ``"noise"``; with an engine of its own: ``"pitch+2@signalsmith"``.
    engine : str
        For names that name none.

    Raises
    ------
    BadInput
        No such name (the nearest valid one is suggested), an engine that is unknown or not
        installed, or an engine named for an edit that uses none.
    """
    found: list[Condition] = []
    for variant in variants:
        found += [c for c in _look_up(variant, engine) if c not in found]
    return found


def _look_up(variant: str, engine: str) -> list[Condition]:
    base, at, named = variant.partition("@")
    every: dict[str, list[Condition]] = {"clean": [CLEAN]}
    for name in NAMES:
        levels = conditions(name, named if at else engine)
        every |= {c.variant.partition("@")[0]: [c] for c in levels}
        every.setdefault(name, levels)
    if base not in every:
        names = [key + at + named if every[key][0].engine else key for key in every]
        raise unknown("variant or perturbation", variant, names)
    if at and not every[base][0].engine:
        raise BadInput(f"'{base}' uses no engine: write it without '@{named}'.")
    return every[base]


def _uses_engine(kind: ModuleType) -> bool:
    return bool(getattr(kind, "USES_ENGINE", True))


def _severity(kind: ModuleType, index: int) -> int:
    if hasattr(kind, "SEVERITIES"):
        return int(kind.SEVERITIES[index])
    if kind.NEUTRAL is None:
        return index + 1
    level = kind.LEVELS[index]
    if level > kind.NEUTRAL:
        return sum(kind.NEUTRAL < other <= level for other in kind.LEVELS)
    return -sum(level <= other < kind.NEUTRAL for other in kind.LEVELS)


def _tag(kind: ModuleType, level: Any) -> str:
    if isinstance(level, tuple):
        return f"{level[0]:+g}x{level[1]:g}"
    if isinstance(level, str):
        return f"_{level}" if len(kind.LEVELS) > 1 else ""
    return f"{level:+g}" if kind.NEUTRAL == 0 else f"{level:g}"


def draw(condition: Condition, seed: int, clip_id: str) -> dict[str, Any]:
    """The numbers of one clip under a condition, from (seed, clip_id, perturbation) alone."""
    if condition.perturbation == "clean":
        return {}
    kind = module(condition.perturbation)
    rng = seeding.rng(seed, clip_id, condition.perturbation)
    drawn: dict[str, Any] = kind.draw(kind.LEVELS[condition.index], rng)
    return drawn


def apply(condition: Condition, source: Source, drawn: dict[str, Any]) -> tuple[np.ndarray, float]:
    """Edit a clip and bring it back to its level, so that loudness cannot be the clue.

    Parameters
    ----------
    condition : Condition
        What to do.
    source : Source
        The clip; its analysis is shared between calls.
    drawn : dict
        From :func:`draw`.

    Returns
    -------
    samples : ndarray of float32
        At the RMS level of the source, unless the edit is one of level (``gain``).
    level_change_db : float
        What the edit did to the level before that (librosa's algorithm loses about 3 dB).

    Raises
    ------
    BadInput
        The clip is too short, or a tool is missing.
    """
    if condition.perturbation == "clean":
        return source.samples, 0.0
    if len(source.samples) < vocoder.N_FFT:
        raise BadInput(
            f"a clip of {len(source.samples)} samples is too short for '{condition.variant}': "
            f"at least {vocoder.N_FFT} are needed."
        )
    kind = module(condition.perturbation)
    engine = engines.get(condition.engine) if condition.engine else None
    edited = kind.apply(source, engine, **drawn)
    change = audio.rms_dbfs(edited) - source.level_dbfs
    if getattr(kind, "KEEPS_LEVEL", True):
        edited = edited * np.float32(10 ** (-change / 20))
    return edited, change


def catalogue() -> pd.DataFrame:
    """Every perturbation with what it does and its levels."""
    rows = []
    for name in NAMES:
        does = (module(name).__doc__ or "").strip().splitlines()[0].rstrip(".")
        levels = " · ".join(condition.label for condition in conditions(name))
        rows.append((name, does, levels))
    return pd.DataFrame(rows, columns=["perturbation", "what it does", "levels"])
