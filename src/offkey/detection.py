"""One file, one answer: AI or human, and how sure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offkey import audio


def detect(detector: Any, path: Path | str) -> dict[str, Any]:
    """Judge a sound file of any length.

    Parameters
    ----------
    detector : detector
        Trained; see :mod:`offkey.detectors`.
    path : Path or str

    Returns
    -------
    dict
        ``file``, ``score`` (P(AI), mean over its windows), ``threshold`` (fixed on validation
        clips), ``verdict`` ("AI" or "human"), ``seconds_used``, and ``padded``: the file is
        shorter than one window and was filled with silence, so its score says less.

    Raises
    ------
    AudioError
        The file is missing, not audio, damaged or silent.
    """
    features = detector.features
    samples = audio.load(path, features.sample_rate_hz)
    windows = max(1, len(samples) // features.window_samples)
    score = detector.score_samples(samples, audio.facts(path))
    return {
        "file": str(path),
        "score": score,
        "threshold": detector.threshold,
        "verdict": "AI" if score >= detector.threshold else "human",
        "seconds_used": min(len(samples) / features.sample_rate_hz, windows * features.window_s),
        "padded": len(samples) < features.window_samples,
    }
