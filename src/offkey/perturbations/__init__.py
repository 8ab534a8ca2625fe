"""Edits that a listener would forgive: one file per kind, levels as data.

A perturbation module provides ``UNIT``, ``NEUTRAL`` (the level that changes nothing, where the
levels have a sign), ``LEVELS``, ``label(level)``, ``draw(level, rng)`` (one clip's numbers, as
JSON can hold them) and ``apply(source, engine, **drawn)``, which works at the rate of the source.
It may say ``RANDOM = True`` (else `rng` is None), ``USES_ENGINE = False`` (then `engine` is None),
``KEEPS_LEVEL = False`` (its loudness is the edit, and stays) and ``SEVERITIES`` (where they do not
follow from the order of the levels). A *condition* is one perturbation at one level by one engine,
or a chain of them.
"""

from offkey.perturbations.editing import apply, draw, edit, levelled, steps
from offkey.perturbations.naming import (
    CLEAN,
    DEFAULT_ENGINE,
    NAMES,
    Condition,
    catalogue,
    conditions,
    find,
    module,
)
from offkey.perturbations.recipes import recipe
from offkey.perturbations.source import Source

__all__ = [
    "CLEAN",
    "DEFAULT_ENGINE",
    "NAMES",
    "Condition",
    "Source",
    "apply",
    "catalogue",
    "conditions",
    "draw",
    "edit",
    "find",
    "levelled",
    "module",
    "recipe",
    "steps",
]
