"""One file, one answer: AI or human, how likely, and how much of it was heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offkey.detectors import pieces
from offkey.detectors.base import Detector
from offkey.sound import audio
from offkey.sound.soundfiles import AudioError, shown

ENOUGH = 0.5
"""Share of a file that must have been heard for a verdict without a word about it."""


def detect(detector: Detector, path: Path | str) -> dict[str, Any]:
    """Judge a sound file of any length.

    Parameters
    ----------
    detector : Detector
        Trained.
    path : Path or str

    Returns
    -------
    dict
        ``file``, ``verdict`` ("AI" or "human"), ``probability`` (of AI, calibrated on validation
        clips as if both classes were equally frequent; None where the detector has no
        calibration), ``score`` (the detector's own P(AI), mean over the file's pieces),
        ``threshold`` (of the score, fixed on validation clips), ``seconds_heard``, ``seconds`` (of
        the file) and ``note``: why less than half of it was heard, that pieces were silent, or
        that it is shorter than one window and was filled with silence.

    Raises
    ------
    AudioError
        The file is missing, not audio, damaged or silent.
    """
    features = detector.features
    samples = audio.load(path, features.sample_rate_hz)
    heard = pieces.cut(samples, features, detector.clip_s)
    if not heard.samples:
        raise AudioError(path, "silent", "is silent in every part: nothing can be judged.")
    score = detector.score_samples(samples, audio.facts(path))
    seconds = len(samples) / features.sample_rate_hz
    return {
        "file": shown(path),
        "verdict": "AI" if score >= detector.threshold else "human",
        "probability": detector.probability(score),
        "score": score,
        "threshold": detector.threshold,
        "seconds_heard": heard.heard_s if detector.LISTENS else 0.0,
        "seconds": seconds,
        "note": "; ".join(_notes(detector, heard, seconds)),
    }


def _notes(detector: Detector, heard: pieces.Pieces, seconds: float) -> list[str]:
    if not detector.LISTENS:
        return ["judged by the facts of the file, not by its sound"]
    notes = []
    if heard.heard_s < ENOUGH * seconds:
        notes.append(f"only {heard.heard_s:.1f} of {seconds:.1f} s could be judged")
    if heard.n_silent:
        total = heard.n_silent + len(heard.samples)
        notes.append(f"{heard.n_silent} of {total} pieces are silent and were left out")
    if heard.padded:
        window_s = detector.features.window_s
        notes.append(f"shorter than a window of {window_s:g} s: filled with silence")
    return notes


def table(answers: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Answers of :func:`detect` as columns and rows of text."""
    columns = ["file", "verdict", "probability of AI", "score", "threshold", "heard", "note"]
    rows = []
    for answer in answers:
        likely = answer["probability"]
        rows.append(
            [
                answer["file"],
                answer["verdict"],
                "not calibrated" if likely is None else f"{likely:.3f}",
                f"{answer['score']:.3f}",
                f"{answer['threshold']:.3f}",
                f"{answer['seconds_heard']:.1f} of {answer['seconds']:.1f} s",
                answer["note"],
            ]
        )
    return columns, rows
