"""Accuracy, precision, recall and their kin with either class as the positive one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from offkey.metrics import proportions, uncertainty

METRICS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "specificity": "specificity",
    "false_positive_rate": "false positive rate",
    "false_negative_rate": "false negative rate",
}


def rates(
    part: pd.DataFrame, resamples: uncertainty.Resamples, *, positive: int
) -> list[dict[str, Any]]:
    """Every metric of one model on one variant.

    Parameters
    ----------
    part : DataFrame
        Its predictions.
    resamples : Resamples
        Of the tracks.
    positive : int
        The class that recall is of: 1 (AI) or 0 (human).

    Returns
    -------
    list of dict
        ``metric, value, low, high, n_clips, n_tracks``. F1 is no proportion: its interval is the
        bootstrap's, none where no resample differs.
    """
    true = part["target"].to_numpy() == positive
    called = ((part["score"] >= part["threshold"]) == (positive == 1)).to_numpy()
    track = resamples.columns(part["track_id"])
    everyone = np.ones(len(part), bool)
    shares = {
        "accuracy": (true == called, everyone),
        "precision": (true, called),
        "recall": (called, true),
        "specificity": (~called, ~true),
        "false_positive_rate": (called, ~true),
        "false_negative_rate": (~called, true),
    }
    n_tracks = min(len(np.unique(track[true])), len(np.unique(track[~true])))
    rows = []
    for metric in METRICS:
        if metric == "f1":
            value = float(_f1(np.ones((1, len(resamples.tracks))), track, true, called)[0])
            draws = _f1(resamples.counts, track, true, called)
            low, high, _ = uncertainty.interval(draws, n_tracks)
        else:
            hit, among = shares[metric]
            value = float(hit[among].mean()) if among.any() else float("nan")
            low, high = proportions.interval(hit[among], track[among])
        row = {"metric": metric, "value": value, "low": low, "high": high}
        rows.append({**row, "n_clips": len(part), "n_tracks": part["track_id"].nunique()})
    return rows


def with_interval(row: Mapping[Any, Any], digits: int = 2) -> str:
    """``value [low, high]`` as text; the value alone where there is no interval."""
    value, *ends = (f"{row[name]:.{digits}f}" for name in ("value", "low", "high"))
    return value if pd.isna(row["low"]) else f"{value} [{', '.join(ends)}]"


def _f1(counts: np.ndarray, track: np.ndarray, true: np.ndarray, called: np.ndarray) -> np.ndarray:
    precision = uncertainty.mean_draws(counts, track, true, called)
    recall = uncertainty.mean_draws(counts, track, called, true)
    with np.errstate(invalid="ignore"):
        return np.asarray(2 * precision * recall / (precision + recall))
