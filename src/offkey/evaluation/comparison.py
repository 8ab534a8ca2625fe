"""Paired tests of every condition against clean, clip by clip, within each trained model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from offkey.evaluation import differences, family
from offkey.evaluation.predictions import CLEAN, CONDITION, MODEL
from offkey.metrics import paired, uncertainty

COLUMNS = [
    *MODEL,
    *CONDITION,
    *("n_clips", "n_tracks", "n_lost", "n_gained", "drop", "low", "high", "detectable_drop"),
    *("p_mcnemar", "p_mcnemar_holm", "p_tracks", "p_tracks_holm", "tested"),
]


def compare(
    predictions: pd.DataFrame,
    *,
    n_resamples: int = 1000,
    n_permutations: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Test every condition against clean, each seed by itself.

    Parameters
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`; models without clean predictions are left out.
    n_resamples, n_permutations, seed : int
        Bootstrap and sign-flip test, both over tracks.

    Returns
    -------
    DataFrame
        One row per model and condition, over the clips that both have, columns ``COLUMNS``:
        what :func:`offkey.evaluation.losses` has, ``drop`` NaN where a class is missing, and
        ``n_lost`` and ``n_gained``, the clips that are right only clean or only edited.
        ``p_mcnemar``: exact test over clips; ``p_tracks`` is the one to read where tracks have
        several clips. ``…_holm``: corrected over the conditions of the model that are ``tested``
        (:func:`offkey.evaluation.family.tested`), NaN for the others.
    """
    table = differences.judged(predictions)
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    found: list[dict[str, Any]] = []
    for _, model in table.groupby(MODEL, sort=False):
        rows = differences.losses_of(model, resamples, n_permutations, seed)
        right = model.pivot(index="clip_id", columns="variant", values="right")
        about = {"seed": model["seed"].iloc[0]}
        tests = [row | about | _mcnemar(right[[CLEAN, row["variant"]]].dropna()) for row in rows]
        found += family.corrected(tests, "p_mcnemar")
    return pd.DataFrame(found, columns=COLUMNS)


def _mcnemar(right: pd.DataFrame) -> dict[str, Any]:
    before, after = (right[name].to_numpy() == 1 for name in right)
    n_lost, n_gained, p = paired.mcnemar_exact(np.asarray(before), np.asarray(after))
    return {"n_lost": n_lost, "n_gained": n_gained, "p_mcnemar": p}
