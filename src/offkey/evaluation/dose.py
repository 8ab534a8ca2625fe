"""How a detector's score falls with the size of a pitch shift."""

from __future__ import annotations

import numpy as np
import pandas as pd

from offkey.evaluation.predictions import CLEAN

SHIFTS = ("pitch", "fine_pitch")
ENGINE = "vocoder"
MIN_TRACKS = 8


def with_zero(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores under pitch shifts, in order, with the clean score as the shift of nothing.

    Parameters
    ----------
    scores : DataFrame
        Rows of the scores table, of one metric.

    Returns
    -------
    DataFrame
        Those of pitch shifts; for every detector and engine the clean row with ``level`` 0.
    """
    shifted = scores[scores["perturbation"].isin(SHIFTS)]
    clean = scores[scores["variant"] == CLEAN].drop(columns="engine")
    pairs = shifted[["detector", "engine"]].drop_duplicates()
    zero = clean.merge(pairs, on="detector").assign(level=0.0)
    both = pd.concat([shifted, zero[scores.columns]])
    return both.sort_values(["detector", "engine", "level"], ignore_index=True)


def enough(dose: pd.DataFrame) -> pd.DataFrame:
    """The smallest shift either way that takes half of what an AUC has above guessing.

    Parameters
    ----------
    dose : DataFrame
        From :func:`with_zero`.

    Returns
    -------
    DataFrame
        ``detector, engine, direction, clean_auc, half_auc, semitones, n_clips, n_tracks``;
        ``semitones`` is interpolated between the steps, NaN where no step takes half
        or nothing lies above guessing.
    """
    rows = []
    for (detector, engine), part in dose.groupby(["detector", "engine"], sort=False):
        clean = float(part.loc[part["level"] == 0, "value"].iloc[0])
        half = 0.5 + (clean - 0.5) / 2
        for direction, sign in (("down", -1), ("up", 1)):
            own = part[sign * part["level"] >= 0].sort_values("level", key=np.abs)
            below = np.flatnonzero(own["value"].to_numpy() <= half)
            shift = float("nan")
            if clean > 0.5 and len(below):
                at = below[0] + np.array([-1, 0])
                value, level = own["value"].to_numpy()[at], own["level"].to_numpy()[at]
                shift = float(np.interp(half, value[::-1], level[::-1]))
            about = {"detector": detector, "engine": engine, "direction": direction}
            found = {"clean_auc": clean, "half_auc": half, "semitones": shift}
            size = {"n_clips": part["n_clips"].max(), "n_tracks": part["n_tracks"].max()}
            rows.append({**about, **found, **size})
    return pd.DataFrame(rows)


def called_by_family(predictions: pd.DataFrame) -> pd.DataFrame:
    """Share of every family that is called AI under every shift by the vocoder.

    Parameters
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`.

    Returns
    -------
    DataFrame
        ``detector, family, level, value, n_clips, n_tracks``; families of at least ``MIN_TRACKS``
        tracks, human music as ``human``; ``level`` is 0 for clean.
    """
    own = (predictions["engine"] == ENGINE) & predictions["perturbation"].isin(SHIFTS)
    table = predictions[own | (predictions["variant"] == CLEAN)]
    table = table.assign(
        level=table["level"].fillna(0.0),
        family=table["family"].where(table["target"] == 1, "human"),
        called=(table["score"] >= table["threshold"]).astype(float),
    )
    grouped = table.groupby(["detector", "family", "level"], sort=False)
    found = grouped.agg(
        value=("called", "mean"), n_clips=("clip_id", "nunique"), n_tracks=("track_id", "nunique")
    ).reset_index()
    return found[found["n_tracks"] >= MIN_TRACKS].reset_index(drop=True)
