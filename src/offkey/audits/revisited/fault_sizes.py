"""How large each fault is: balanced accuracy with it and without, and the paired difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from offkey import evaluation
from offkey.audits.revisited.rows import MENDED, PUBLISHED
from offkey.metrics import paired


def effects(
    tables: Mapping[str, pd.DataFrame], *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Compare the faulty and the mended way of every experiment.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Name of the fault → predictions with the regimes ``published`` and ``mended``.
    n_resamples, seed : int
        Bootstrap over tracks.

    Returns
    -------
    DataFrame
        Per fault the balanced accuracy (fractions) of both ways with 95 % intervals over tracks
        (``published, published_low, …``; of several seeds the mean, and the outermost ends), their
        AUC (``published_auc``), and ``effect, low, high``: mended minus published, paired;
        ``p_holm`` of a sign-flip test over tracks, corrected for the number of faults.
    """
    rows = []
    for fault, predictions in tables.items():
        how = {"n_resamples": n_resamples, "seed": seed}
        scores = evaluation.score(predictions, subsets=["all"], **how)
        difference = evaluation.compare_regimes(predictions, baseline=PUBLISHED, **how).iloc[0]
        row: dict[str, Any] = {"fault": fault}
        for regime in (PUBLISHED, MENDED):
            row |= _level(scores[scores["regime"] == regime], regime)
        names = ["low", "high", "p_tracks", "n_seeds", "n_clips", "n_tracks"]
        rows.append({**row, "effect": difference["gain"], **difference[names]})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=paired.holm(table.pop("p_tracks")))


def _level(scores: pd.DataFrame, regime: str) -> dict[str, float]:
    right = scores[scores["metric"] == "balanced_accuracy"]
    return {
        regime: right["value"].mean(),
        f"{regime}_low": right["low"].min(),
        f"{regime}_high": right["high"].max(),
        f"{regime}_auc": scores.loc[scores["metric"] == "auc", "value"].mean(),
    }
