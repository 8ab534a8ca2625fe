"""Edited clips for people who score them elsewhere: a tree of sound files and a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd

from offkey.core import cluster, store
from offkey.detectors.external import questions
from offkey.perturbations import Condition

LIST = "manifest.csv"


def export(
    clips: pd.DataFrame, conditions: Sequence[Condition], folder: Path, *, seed: int, sound: str
) -> Path:
    """Write every clip under every condition; files that stand there already are kept.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths.
    conditions : sequence of Condition
    folder : Path
        Gets ``VARIANT/NUMBER.wav``, one number a clip, and the list.
    seed : int
        The study's seed.
    sound : str
        ``wav`` or ``flac``, 16 bit at the source's own rate.

    Returns
    -------
    Path
        The list, a CSV of ``path, clip, track, label, condition, split``: with a column
        ``probability`` added, ``offkey score`` reads it.
    """
    asked = questions.questions(clips, conditions, seed=seed, sound=sound)
    number = {clip_id: f"{place:06d}" for place, clip_id in enumerate(clips["clip_id"])}
    places = [
        Path(store.file_name(one.condition.variant)) / f"{number[one.clip_id]}.{sound}"
        for one in asked
    ]
    pairs = [
        (question, folder / place)
        for question, place in zip(asked, places, strict=True)
        if not (folder / place).is_file()
    ]
    jobs = [list(of_clip) for _, of_clip in groupby(pairs, key=lambda pair: pair[0].path)]
    cluster.run(questions.write, jobs, label="writing clips")
    known = clips.set_index("clip_id").loc[[one.clip_id for one in asked]]
    table = pd.DataFrame(
        {
            "path": [place.as_posix() for place in places],
            "clip": [one.clip_id for one in asked],
            "track": known["track_id"].to_numpy(),
            "label": known["target"].to_numpy(),
            "condition": [one.condition.variant for one in asked],
            "split": known["split"].to_numpy(),
        }
    )
    with store.writing(folder / LIST) as partial:
        table.to_csv(partial, index=False, lineterminator="\n")
    return folder / LIST
