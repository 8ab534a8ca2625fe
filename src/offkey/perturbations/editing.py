"""Draw an edit's numbers, apply it at the rate of the clip's file, bring it to another rate."""

from __future__ import annotations

from typing import Any

import numpy as np

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.perturbations import engines, vocoder
from offkey.perturbations.naming import Condition, module
from offkey.perturbations.source import Source
from offkey.sound import audio


def draw(condition: Condition, seed: int, clip_id: str) -> dict[str, Any]:
    """The numbers of one clip under a condition, from (seed, clip_id, perturbation) alone.

    Those of a chain are ``{"links": [...]}``: each link's own, as if it stood alone.
    """
    if condition.links:
        return {"links": [draw(link, seed, clip_id) for link in condition.links]}
    if condition.perturbation == "clean":
        return {}
    kind = module(condition.perturbation)
    random = getattr(kind, "RANDOM", False)
    rng = seeding.rng(seed, clip_id, condition.perturbation) if random else None
    drawn: dict[str, Any] = kind.draw(kind.LEVELS[condition.index], rng)
    return drawn


def steps(condition: Condition, drawn: dict[str, Any]) -> list[tuple[Condition, dict[str, Any]]]:
    """Every edit of a condition with its numbers, in the order in which they are applied."""
    numbers = drawn["links"] if condition.links else [drawn] * len(condition.steps)
    return list(zip(condition.steps, numbers, strict=True))


def apply(
    condition: Condition, source: Source, drawn: dict[str, Any], rate_hz: int = 0
) -> tuple[np.ndarray, float]:
    """Edit a clip and bring it back to its level, so that loudness cannot be the clue.

    Parameters
    ----------
    condition : Condition
        What to do.
    source : Source
        The clip at the rate of its file, where every edit happens; what is made of it is shared
        between calls.
    drawn : dict
        From :func:`draw`.
    rate_hz : int
        Sample rate of the result, e.g. that of the features; 0: the clip's own. The level is
        matched there, once, behind the last link of a chain.

    Returns
    -------
    samples : ndarray of float32
        At the RMS level of the clean clip at `rate_hz`, unless an edit is one of level (``gain``).
    level_change_db : float
        What the edit did to the level before that (librosa's algorithm loses about 3 dB).

    Raises
    ------
    BadInput
        The clip is too short, or a tool is missing.
    """
    return levelled(condition, source, edit(condition, source, drawn), rate_hz)


def edit(condition: Condition, source: Source, drawn: dict[str, Any]) -> Source:
    """The first half of :func:`apply`: the edits one after another, at the clip's own rate."""
    now = source
    for step, numbers in steps(condition, drawn):
        if len(now.samples) < vocoder.N_FFT:
            raise BadInput(
                f"a clip of {len(now.samples)} samples is too short for '{condition.variant}': "
                f"at least {vocoder.N_FFT} are needed."
            )
        engine = engines.get(step.engine) if step.engine else None
        edited = module(step.perturbation).apply(now, engine, **numbers)
        now = Source(edited, source.sample_rate_hz)
    return now


def levelled(
    condition: Condition, source: Source, edited: Source, rate_hz: int = 0
) -> tuple[np.ndarray, float]:
    """The second half of :func:`apply`: an edited clip at another rate and its first level."""
    rate_hz = rate_hz or source.sample_rate_hz
    clean, samples = source.at(rate_hz), edited.at(rate_hz)
    if not condition.steps:
        return clean, 0.0
    change = audio.rms_dbfs(samples) - audio.rms_dbfs(clean)
    kinds = [module(step.perturbation) for step in condition.steps]
    if all(getattr(kind, "KEEPS_LEVEL", True) for kind in kinds):
        samples = samples * np.float32(10 ** (-change / 20))
    return samples, change
