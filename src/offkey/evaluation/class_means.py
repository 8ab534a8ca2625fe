"""Measured numbers of clips by class and variant, and how well each alone tells the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from offkey import metrics
from offkey.metrics import proportions, uncertainty

COLUMNS = ["measure", "variant", "label", "what", "value", "low", "high", "n_clips", "n_tracks"]
_WHAT = {0: "human", 1: "AI"}


def by_class(
    measured: pd.DataFrame, measures: Sequence[str], *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Mean of every measure in either class, and its AUC, with 95 % intervals over tracks.

    Parameters
    ----------
    measured : DataFrame
        One row per clip and variant: ``track_id, target, variant, label`` and the measures.
    measures : sequence of str
        Names of columns; one of zeros and ones is a share.
    n_resamples, seed : int
        Bootstrap over tracks.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``; ``what`` is ``human`` or ``AI`` (means) or ``auc``: of the measure
        alone, above 0.5 where AI clips have more of it, without an interval where no resample
        differs (a measure that is the same everywhere, or that tells every clip).
    """
    rows: list[dict[str, Any]] = []
    for variant, part in measured.groupby("variant", sort=False):
        resamples = uncertainty.resample_tracks(
            part["track_id"], part["target"], n_resamples=n_resamples, seed=seed
        )
        track, target = resamples.columns(part["track_id"]), part["target"].to_numpy()
        n_tracks = [part.loc[part["target"] == which, "track_id"].nunique() for which in (0, 1)]
        for name in measures:
            value = part[name].to_numpy(float)
            about = {"measure": name, "variant": variant, "label": part["label"].iloc[0]}
            for which, word in _WHAT.items():
                mine = target == which
                draws = uncertainty.mean_draws(resamples.counts, track, value, mine)
                low, high = uncertainty.interval(draws, n_tracks[which])[:2]
                if set(value) <= {0.0, 1.0}:
                    low, high = proportions.interval(value[mine] == 1, track[mine])
                found = {"what": word, "value": value[mine].mean(), "low": low, "high": high}
                size = {"n_clips": int(mine.sum()), "n_tracks": n_tracks[which]}
                rows.append({**about, **found, **size})
            ranks = uncertainty.rank_draws(resamples.counts, track, target, value)
            low, high, _ = uncertainty.interval(ranks.auc, min(n_tracks))
            found = {"what": "auc", "value": metrics.auc(target, value), "low": low, "high": high}
            size = {"n_clips": len(part), "n_tracks": part["track_id"].nunique()}
            rows.append({**about, **found, **size})
    return pd.DataFrame(rows, columns=COLUMNS)
