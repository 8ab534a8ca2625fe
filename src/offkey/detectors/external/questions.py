"""What a detector is asked: clips under conditions, and the sound files that pose the questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import perturbations
from offkey.core import store
from offkey.perturbations import Condition, Source
from offkey.sound import audio


@dataclass(frozen=True)
class Question:
    """One clip under one condition.

    Attributes
    ----------
    key : str
        Names the sound: the clip's content, the edit with the numbers drawn for it and the code
        behind it, the file's format. What is asked twice has the same key.
    """

    key: str
    clip_id: str
    path: str
    condition: Condition
    drawn: dict[str, Any]

    @property
    def words(self) -> str:
        """The clip and the edit, for a sentence."""
        return f"clip '{self.clip_id}' under '{self.condition.variant}'"


@cache
def _recipe(condition: Condition) -> str:
    return store.fingerprint(perturbations.recipe(condition))


def questions(
    clips: pd.DataFrame, conditions: Sequence[Condition], *, seed: int, sound: str
) -> list[Question]:
    """Every clip under every condition, clip by clip.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths.
    conditions : sequence of Condition
    seed : int
        The study's seed.
    sound : str
        Format of the files, ``wav`` or ``flac``.
    """
    found = []
    for clip in clips[["clip_id", "path", "sha256"]].itertuples(index=False):
        for condition in conditions:
            drawn = perturbations.draw(condition, seed, str(clip.clip_id))
            key = store.fingerprint(clip.sha256, _recipe(condition), drawn, sound)
            found.append(Question(key, str(clip.clip_id), str(clip.path), condition, drawn))
    return found


def write(job: Sequence[tuple[Question, Path]]) -> None:
    """Write the sound of some questions about one clip: decoded once, edited at its own rate."""
    source = Source(*audio.read(job[0][0].path))
    for question, place in job:
        samples, _ = perturbations.apply(question.condition, source, question.drawn)
        audio.write(place, samples, source.sample_rate_hz)
