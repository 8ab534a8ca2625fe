"""Intervals over groups (families, sources) beside those over tracks."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

COLUMNS = ["group_low", "group_high", "n_groups"]


def with_groups(
    compute: Callable[[pd.DataFrame], pd.DataFrame], table: pd.DataFrame
) -> pd.DataFrame:
    """What `compute` makes of predictions, with the intervals it would give over groups.

    Parameters
    ----------
    compute : callable
        Predictions to rows with ``low, high, n_tracks``, in the same order whatever the tracks.
    table : DataFrame
        Predictions. Where groups are the tracks, both intervals are the same.

    Returns
    -------
    DataFrame
        With ``group_low, group_high, n_groups``.
    """
    found = compute(table)
    coarser = not table["group"].equals(table["track_id"])
    over = compute(table.assign(track_id=table["group"])) if coarser else found
    return found.assign(
        **dict(zip(COLUMNS, (over["low"], over["high"], over["n_tracks"]), strict=True))
    )
