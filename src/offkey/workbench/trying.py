"""A sound and edits of it become the scores of all detectors; every edit is made once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from offkey import datasets, perturbations, reports
from offkey.core import progress, seeding
from offkey.core.errors import unknown
from offkey.detectors import Detector
from offkey.metrics import cutoffs
from offkey.perturbations import CLEAN, DEFAULT_ENGINE, Condition, Source
from offkey.sound import audio
from offkey.workbench import at_hand

HEARD_S = 10.0
"""Seconds that are taken of a file, from its middle: an edit of a whole song takes too long."""

Edit = tuple[Condition, dict[str, Any]]
"""What is done, and its numbers."""


@dataclass(frozen=True)
class Sound:
    """What is edited and judged.

    Attributes
    ----------
    name : str
        The clip's or the file's; noise is drawn from it, as in a study.
    answer : str
        "human", a family of generators, or "own file".
    source : Source
        At the rate of its file.
    shared : bool
        Whether its licence lets a notebook carry the sound.
    """

    name: str
    answer: str
    source: Source
    shared: bool

    @property
    def title(self) -> str:
        """For readers."""
        return f"{self.name} ({self.answer})"


def chosen(clips: pd.DataFrame, *, dataset: str, clip: str = "", file: str = "") -> Sound:
    """A file, else a clip of a data set by its ``clip_id``, else the first clip of class AI.

    Of a file the middle ``HEARD_S`` seconds are taken, under the rule for files of one's own.
    """
    if file:
        path = Path(file).expanduser()
        start = max(0.0, (audio.probe(path).duration_s - HEARD_S) / 2)
        source = Source(*audio.read(path, offset_s=start, duration_s=HEARD_S))
        return Sound(path.name, "own file", source, datasets.info("folder").shares_audio)
    rows = clips[clips["clip_id"] == clip] if clip else clips[clips["target"] == 1]
    if rows.empty:
        raise unknown("clip", clip, clips["clip_id"])
    row = rows.iloc[0]
    source = Source(*audio.read(row["path"]))
    return Sound(row["clip_id"], row["family"], source, datasets.info(dataset).shares_audio)


def moved(
    sound: Sound,
    semitones: float = 0.0,
    tempo: float = 1.0,
    speed: float = 1.0,
    snr_db: float = 0.0,
    codec: str = "",
    *,
    engine: str = DEFAULT_ENGINE,
    seed: int = 0,
) -> Edit:
    """Edits of any strength, one after another, as a file would meet them: the codec last.

    Parameters
    ----------
    semitones, tempo, speed : float
        Pitch and tempo are one pass through `engine`; a neutral value does nothing.
    snr_db : float
        Of added white noise; 0: none is added.
    codec : str
        A level of :mod:`offkey.perturbations.codec`, e.g. ``"mp3_64"``; empty: none.
    """
    given = {
        "pitch": (semitones or None) if tempo == 1 else None,
        "tempo": tempo if tempo != 1 and not semitones else None,
        "pitch_tempo": (semitones, tempo) if semitones and tempo != 1 else None,
        "speed": speed if speed != 1 else None,
        "noise": snr_db or None,
        "codec": codec or None,
    }
    links, numbers = [], []
    for name, level in given.items():
        if level is not None:
            kind = perturbations.module(name)
            numbers.append(kind.draw(level, seeding.rng(seed, sound.name, name)))
            by = engine if getattr(kind, "USES_ENGINE", True) else ""
            links.append(Condition(name, name, label=kind.label(level), engine=by))
    if not links:
        return CLEAN, {}
    label = ", then ".join(reports.edit_name(link.label, link.engine) for link in links)
    return Condition("moved", "chain", label=label, links=tuple(links)), {"links": numbers}


def named(sound: Sound, variants: Iterable[str], *, engine: str, seed: int) -> dict[str, Edit]:
    """Edits by variant name, as in a study, under what a reader calls them."""
    return {
        reports.edit_name(one.label, one.engine): (one, perturbations.draw(one, seed, sound.name))
        for one in perturbations.find(variants, engine)
    }


def edited(sound: Sound, edit: Edit, models: Mapping[str, Detector]) -> dict[int, np.ndarray]:
    """The edited sound at every rate that a detector hears, and at that of the pictures.

    Where it became longer, its middle, as long as the sound was: what a study hears lies there.
    """
    rates = {one.features.sample_rate_hz for one in models.values()} | {audio.SAMPLE_RATE_HZ}
    found = {}
    for rate in rates:
        samples, _ = perturbations.apply(edit[0], sound.source, edit[1], rate)
        length = len(sound.source.at(rate))
        begin = max(0, len(samples) - length) // 2
        found[rate] = samples[begin : begin + length]
    return found


def judged(
    models: Mapping[str, Detector], heard: Mapping[int, np.ndarray]
) -> Iterator[dict[str, Any]]:
    """One row per detector as soon as it has answered, columns as from :func:`scores`.

    The score is what ``offkey detect`` gives for a file that holds what is heard.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # enough for a few windows; more wait for a core that others use
    try:
        for name, one in models.items():
            score = one.score_samples(heard[one.features.sample_rate_hz])
            known = at_hand.cut_offs(one)
            verdict = str(cutoffs.verdicts(score, *known))
            yield {"detector": name, "score": score, **known._asdict(), "verdict": verdict}
    finally:
        torch.set_num_threads(threads)


def scores(models: Mapping[str, Detector], sound: Sound, edits: Mapping[Any, Edit]) -> pd.DataFrame:
    """All detectors under some edits.

    Parameters
    ----------
    edits : mapping
        From what a row is called (words or a number) to the edit.

    Returns
    -------
    DataFrame
        ``edit, detector, score, human_below, ai_from, verdict``.
    """
    rows = [
        {"edit": name, **row}
        for name, edit in progress.bar(edits.items(), desc="judging", unit="edit")
        for row in judged(models, edited(sound, edit, models))
    ]
    return pd.DataFrame(rows)


def show_curve(
    models: Mapping[str, Detector],
    sound: Sound,
    semitones: Sequence[float],
    figures: Path,
    *,
    engine: str,
    seed: int,
) -> None:
    """Draw every detector's score against the pitch shift of one sound."""
    edits = {shift: moved(sound, shift, engine=engine, seed=seed) for shift in semitones}
    title = f"Which pitch shift by {engine} changes the verdict on {sound.title}?"
    about = {"title": title, "along": "pitch shift (semitones)"}
    table = scores(models, sound, edits)
    reports.publish(reports.plot_detector_scores, table, figures, "score_semitones", **about)
