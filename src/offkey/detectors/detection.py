"""One file, one answer: AI or human, and how sure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offkey.sound import audio


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
        clips), ``verdict`` ("AI" or "human"), ``confidence``: how far the score lies from the
        threshold, as a share of the way to 0 or 1, times the share of a window that was heard;
        ``seconds_used``, and ``padded``: the file is shorter than one window and was filled with
        silence.

    Raises
    ------
    AudioError
        The file is missing, not audio, damaged or silent.
    """
    features = detector.features
    samples = audio.load(path, features.sample_rate_hz)
    windows = max(1, len(samples) // features.window_samples)
    score = detector.score_samples(samples, audio.facts(path))
    threshold = min(max(float(detector.threshold), 1e-6), 1 - 1e-6)
    is_ai = score >= detector.threshold
    apart = (score - threshold) / (1 - threshold) if is_ai else (threshold - score) / threshold
    return {
        "file": str(path),
        "score": score,
        "threshold": detector.threshold,
        "verdict": "AI" if is_ai else "human",
        "confidence": max(apart, 0.0) * min(1.0, len(samples) / features.window_samples),
        "seconds_used": min(len(samples) / features.sample_rate_hz, windows * features.window_s),
        "padded": len(samples) < features.window_samples,
    }
