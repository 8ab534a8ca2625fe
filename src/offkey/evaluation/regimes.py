"""Does training on edits help? Paired differences of models, clip by clip, on each variant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from offkey.errors import BadInput
from offkey.evaluation.predictions import CONDITION, validate
from offkey.metrics import paired, uncertainty

TRAINED = ["detector", "regime", "stage", "train_variant"]
COLUMNS = [
    *TRAINED,
    *CONDITION,
    *("gain", "low", "high", "seed_low", "seed_high", "p_tracks", "p_tracks_holm"),
    *("n_seeds", "n_clips", "n_tracks"),
]


def compare_regimes(
    predictions: pd.DataFrame,
    *,
    baseline: str = "clean",
    n_resamples: int = 1000,
    n_permutations: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every way of training with one of them, on the same clips of the same variant.

    Parameters
    ----------
    predictions : DataFrame
        Of one detector; see :mod:`offkey.evaluation.predictions`.
    baseline : str
        The regime compared with.
    n_resamples, n_permutations, seed : int
        Bootstrap and sign-flip test, both over tracks.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``. ``gain``: balanced accuracy minus the baseline's, each the mean over
        its seeds, as a fraction. ``low, high``: 95 % over tracks, the seeds as they are.
        ``seed_low, seed_high``: lowest and highest seed of the compared model against the
        baseline's mean. ``p_tracks_holm``: corrected over all rows.
    """
    table = validate(predictions)
    if table["detector"].nunique() > 1:
        raise BadInput("the predictions hold several detectors: compare the regimes of one.")
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    right = (table["score"] >= table["threshold"]) == (table["target"] == 1)
    table = table.assign(right=right.astype(float))
    rows = []
    for variant, part in table.groupby("variant", sort=False):
        base = part[part["regime"] == baseline]
        if base.empty:
            continue
        known = base.groupby("clip_id")["right"].mean()
        for keys, model in part[part["regime"] != baseline].groupby(TRAINED, sort=False):
            about = dict(zip(TRAINED, keys, strict=True))
            about |= {name: model[name].iloc[0] for name in CONDITION} | {"variant": variant}
            rows.append({**about, **_difference(model, known, resamples, n_permutations, seed)})
    corrected = paired.holm([row["p_tracks"] for row in rows])
    for row, p in zip(rows, corrected, strict=True):
        row["p_tracks_holm"] = float(p)
    return pd.DataFrame(rows, columns=COLUMNS)


def _difference(
    model: pd.DataFrame,
    known: pd.Series,
    resamples: uncertainty.Resamples,
    n_permutations: int,
    seed: int,
) -> dict[str, Any]:
    model = model[model["clip_id"].isin(known.index)]
    clips = model.groupby("clip_id").agg(
        track_id=("track_id", "first"), target=("target", "first"), right=("right", "mean")
    )
    change = (clips["right"] - known.loc[clips.index]).to_numpy()
    target, track = clips["target"].to_numpy(), resamples.columns(clips["track_id"])
    in_class = np.bincount(target, minlength=2)[target]
    draws = [
        uncertainty.mean_draws(resamples.counts, track, change, target == which) for which in (0, 1)
    ]
    n_smaller = min(len(np.unique(track[target == which])) for which in (0, 1))
    low, high, _ = uncertainty.interval((draws[0] + draws[1]) / 2, n_smaller)
    share = change / (2 * in_class)
    by_seed = [_gain(one, known) for _, one in model.groupby("seed")]
    return {
        "gain": float(share.sum()),
        "low": low,
        "high": high,
        "seed_low": min(by_seed),
        "seed_high": max(by_seed),
        "p_tracks": paired.sign_flip_p(
            np.bincount(track, weights=share), n_permutations=n_permutations, seed=seed
        ),
        "n_seeds": len(by_seed),
        "n_clips": len(clips),
        "n_tracks": len(np.unique(track)),
    }


def _gain(one: pd.DataFrame, known: pd.Series) -> float:
    change = one["right"].to_numpy() - known.loc[one["clip_id"]].to_numpy()
    target = one["target"].to_numpy()
    return float(np.mean([change[target == which].mean() for which in (0, 1)]))
