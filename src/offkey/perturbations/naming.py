"""What can be done to a clip, by name: one perturbation at one level, or several in a chain."""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from offkey.core.errors import BadInput, unknown
from offkey.perturbations import engines

NAMES = (
    "pitch",
    "fine_pitch",
    "tempo",
    "speed",
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
    "bandlimit",
    "null_pitch",
    "null_tempo",
    "resample_only",
    "augmentation",
)
DEFAULT_ENGINE = "vocoder"
CHAIN = ">"


@dataclass(frozen=True)
class Condition:
    """One perturbation at one level by one engine; ``Condition()`` is the clean clip.

    Attributes
    ----------
    variant : str
        Unique name, e.g. ``"pitch+2"``, by another engine ``"pitch+2@librosa"``, a chain
        ``"pitch+1>codec_mp3_128"``.
    perturbation : str
        ``"chain"`` for a chain.
    severity : int
        0 = clean, then 1, 2, …; negative on the lower side of a signed axis; of a chain the
        largest of its links.
    level : float
        The physical level, NaN where it is not one number.
    engine : str
        Empty where the edit needs none; of a chain those of its links, joined by ``+``.
    index : int
        Place of the level among those of its perturbation.
    links : tuple of Condition
        Of a chain, in the order in which they are applied.
    """

    variant: str = "clean"
    perturbation: str = "clean"
    severity: int = 0
    level: float = math.nan
    unit: str = ""
    label: str = "clean"
    engine: str = ""
    index: int = 0
    links: tuple[Condition, ...] = ()

    def columns(self) -> dict[str, Any]:
        """The columns of the predictions and scores tables."""
        return {k: v for k, v in vars(self).items() if k not in ("index", "links")}

    @property
    def steps(self) -> tuple[Condition, ...]:
        """The edits one after another: the links of a chain, itself, or none for the clean clip."""
        return self.links or (() if self.perturbation == "clean" else (self,))


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
    engine = engine if getattr(kind, "USES_ENGINE", True) else ""
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
        E.g. ``"pitch+2"``, ``"noise"``; with an engine of its own: ``"pitch+2@signalsmith"``;
        edits one after another: ``"pitch+1>codec_mp3_128"``.
    engine : str
        For names that name none.

    Raises
    ------
    BadInput
        No such name (the nearest valid one is suggested), an engine that is unknown or not
        installed, an engine named for an edit that uses none, or a chain with a link that is
        empty, clean, or a perturbation with several levels.
    """
    found: list[Condition] = []
    for variant in variants:
        named = [_chain(variant, engine)] if CHAIN in variant else _look_up(variant, engine)
        found += [c for c in named if c not in found]
    return found


def _chain(variant: str, engine: str) -> Condition:
    links = tuple(_link(part, variant, engine) for part in variant.split(CHAIN))
    tools = dict.fromkeys(link.engine for link in links if link.engine)
    return Condition(
        variant=CHAIN.join(link.variant for link in links),
        perturbation="chain",
        severity=max(abs(link.severity) for link in links),
        label=", then ".join(link.label for link in links),
        engine="+".join(tools),
        links=links,
    )


def _link(part: str, variant: str, engine: str) -> Condition:
    name = part.strip()
    if not name or name == "clean":
        raise BadInput(
            f"chain '{variant}': a link is {name or 'empty'}; name an edit on either side of "
            f"every '{CHAIN}', e.g. 'pitch+1>codec_mp3_128'."
        )
    found = _look_up(name, engine)
    if len(found) > 1:
        raise BadInput(
            f"chain '{variant}': '{name}' has {len(found)} levels; name one of "
            f"{', '.join(c.variant for c in found)}."
        )
    return found[0]


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


def catalogue() -> pd.DataFrame:
    """Every perturbation with what it does and its levels."""
    rows = []
    for name in NAMES:
        does = (module(name).__doc__ or "").strip().splitlines()[0].rstrip(".")
        levels = " · ".join(condition.label for condition in conditions(name))
        rows.append((name, does, levels))
    return pd.DataFrame(rows, columns=["perturbation", "what it does", "levels"])
