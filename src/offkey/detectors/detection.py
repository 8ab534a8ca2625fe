"""One file, one answer: AI, human or uncertain, how likely, and how much of it was heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offkey.detectors import pieces
from offkey.detectors.base import Detector
from offkey.detectors.verdicts import Verdicts
from offkey.sound import audio
from offkey.sound.soundfiles import AudioError, shown

ENOUGH = 0.5
"""Share of a file that must have been heard for a verdict without a word about it."""


def detect(
    detector: Detector, path: Path | str, verdicts: Verdicts | None = None
) -> dict[str, Any]:
    """Judge a sound file of any length.

    Parameters
    ----------
    detector : Detector
        Trained.
    path : Path or str
    verdicts : Verdicts, optional
        Where the detector's card has cut-offs: :func:`offkey.detectors.verdicts.read`.

    Returns
    -------
    dict
        ``file``, ``verdict`` ("AI" or "human", with cut-offs also "uncertain"), ``probability``
        (of AI, calibrated on validation clips as if both classes were equally frequent; None where
        the detector has no calibration), ``score`` (the detector's own P(AI), mean over the file's
        pieces), what the verdict was taken by: ``threshold`` (of the score, fixed on validation
        clips), or ``human_below``, ``ai_from`` and ``false_positive_rate``; ``seconds_heard``,
        ``seconds`` (of the file) and ``note``: why less than half of it was heard, that pieces
        were silent, or that it is shorter than one window and was filled with silence.

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
        "probability": detector.probability(score),
        "score": score,
        **_verdict(detector, score, verdicts),
        "seconds_heard": heard.heard_s if detector.LISTENS else 0.0,
        "seconds": seconds,
        "note": "; ".join(_notes(detector, heard, seconds)),
    }


def _verdict(detector: Detector, score: float, verdicts: Verdicts | None) -> dict[str, Any]:
    """The verdict, and what it was taken by."""
    if verdicts is None:
        called = "AI" if score >= detector.threshold else "human"
        return {"verdict": called, "threshold": detector.threshold}
    return {
        "verdict": verdicts.verdict(score),
        **verdicts.cut_offs._asdict(),
        "false_positive_rate": dict(verdicts.false_positive_rate),
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
    """Answers of :func:`detect`, all by one detector, as columns and rows of text."""
    by = [name for name in ("threshold", "human_below", "ai_from") if name in answers[0]]
    words = [name.replace("_", " ").replace("ai", "AI") for name in by]
    columns = ["file", "verdict", "probability of AI", "score", *words, "heard", "note"]
    rows = []
    for answer in answers:
        likely = answer["probability"]
        rows.append(
            [
                answer["file"],
                answer["verdict"],
                "not calibrated" if likely is None else f"{likely:.3f}",
                f"{answer['score']:.3f}",
                *(f"{answer[name]:.3f}" for name in by),
                f"{answer['seconds_heard']:.1f} of {answer['seconds']:.1f} s",
                answer["note"],
            ]
        )
    return columns, rows
