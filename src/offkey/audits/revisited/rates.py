"""Accuracy, precision, recall and their kin with either class as the positive one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from offkey.metrics import uncertainty

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
        ``metric, value, low, high, n_clips, n_tracks``. At 0 and 1 the exact binomial interval
        stands, with the tracks of the smaller class as trials.
    """
    true = part["target"].to_numpy() == positive
    called = ((part["score"] >= part["threshold"]) == (positive == 1)).to_numpy()
    track = resamples.columns(part["track_id"])
    everything = np.ones((1, len(resamples.tracks)))
    values = _rates(everything, track, true, called)
    draws = _rates(resamples.counts, track, true, called)
    n_tracks = min(len(np.unique(track[true])), len(np.unique(track[~true])))
    rows = []
    for metric in METRICS:
        value = float(values[metric][0])
        low, high, _ = uncertainty.interval(draws[metric], n_tracks)
        if low == high and value in (0.0, 1.0):  # resampling shows no spread
            low, high = uncertainty.exact_interval(round(value * n_tracks), n_tracks)
        row = {"metric": metric, "value": value, "low": low, "high": high}
        rows.append({**row, "n_clips": len(part), "n_tracks": part["track_id"].nunique()})
    return rows


def _rates(
    counts: np.ndarray, track: np.ndarray, true: np.ndarray, called: np.ndarray
) -> dict[str, np.ndarray]:
    precision = uncertainty.mean_draws(counts, track, true, called)
    recall = uncertainty.mean_draws(counts, track, called, true)
    specificity = uncertainty.mean_draws(counts, track, ~called, ~true)
    with np.errstate(invalid="ignore"):
        f1 = 2 * precision * recall / (precision + recall)
    return {
        "accuracy": uncertainty.mean_draws(counts, track, true == called),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "specificity": specificity,
        "false_positive_rate": 1 - specificity,
        "false_negative_rate": 1 - recall,
    }
