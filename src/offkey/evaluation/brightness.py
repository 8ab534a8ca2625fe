"""How well a detector tells an AI from a human clip that is as bright."""

from __future__ import annotations

from functools import partial
from typing import Any

import pandas as pd

from offkey.core.errors import BadInput
from offkey.evaluation import groups
from offkey.evaluation import predictions as table_of
from offkey.evaluation.predictions import CONDITION, MODEL
from offkey.metrics import alike, uncertainty

WITHIN_HZ = 500.0
METRIC = "auc_like_brightness"
_BARE = [*MODEL, *CONDITION, "metric", "value", "low", "high", "n_clips", "n_tracks"]
BRIGHTNESS_COLUMNS = [*_BARE, *groups.COLUMNS]


def like_brightness(
    predictions: pd.DataFrame,
    rolloff: pd.DataFrame,
    *,
    within_hz: float = WITHIN_HZ,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """AUC over pairs of an AI and a human clip of like brightness, with 95 % intervals.

    Parameters
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`.
    rolloff : DataFrame
        ``clip_id, rolloff_hz`` (99 % of the energy lies below), of all clips of `predictions`.
    within_hz : float
        Largest difference of the roll-offs of a pair.
    n_resamples, seed : int
        Bootstrap over tracks, and over groups.

    Returns
    -------
    DataFrame
        Columns ``BRIGHTNESS_COLUMNS``, one row per model and condition. ``n_clips, n_tracks,
        n_groups`` count the clips that are in a pair. The number is NaN where there is no pair.

    Raises
    ------
    BadInput
        A clip has no roll-off.
    """
    table = table_of.validate(predictions)
    known = rolloff.drop_duplicates("clip_id").set_index("clip_id")["rolloff_hz"]
    table = table.assign(rolloff_hz=table["clip_id"].map(known))
    lacking = table.loc[table["rolloff_hz"].isna(), "clip_id"]
    if len(lacking):
        raise BadInput(f"no roll-off of clip '{lacking.iloc[0]}' ({lacking.nunique()} such clips).")
    how: dict[str, Any] = {"within": within_hz, "n_resamples": n_resamples, "seed": seed}
    return groups.with_groups(partial(_scored, **how), table)[BRIGHTNESS_COLUMNS]


def _scored(table: pd.DataFrame, *, within: float, n_resamples: int, seed: int) -> pd.DataFrame:
    """The table, its intervals over what ``track_id`` names."""
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    rows = []
    for _, of_model in table.groupby(MODEL, sort=False):
        for about, frame, part in table_of.parts(of_model, resamples):
            value = frame["rolloff_hz"].to_numpy()
            paired = part.take(alike.has_like(part.target, value, within).nonzero()[0])
            given = part.target, part.score, value, within
            draws = alike.like_draws(resamples.counts, part.track, *given)
            low, high, _ = uncertainty.interval(draws, paired.n_tracks_smaller)
            found = {"metric": METRIC, "value": alike.auc_of_like(*given), "low": low, "high": high}
            rows.append({**about, **found, "n_clips": len(paired), "n_tracks": paired.n_tracks()})
    return pd.DataFrame(rows, columns=_BARE)
