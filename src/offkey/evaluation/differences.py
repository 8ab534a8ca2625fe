"""Paired differences with the seeds averaged: of edits within a model, of models on an edit.

A clip counts as right as often as the seeds get it right; differences are taken clip by clip, and
intervals and tests are over tracks, the seeds as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput
from offkey.evaluation import family, groups
from offkey.evaluation.groups import with_groups
from offkey.evaluation.predictions import CLEAN, CONDITION, validate
from offkey.metrics import paired, uncertainty

TRAINED = ["detector", "regime", "stage", "train_variant"]
_FOUND = ["low", "high", "group_low", "group_high", "seed_low", "seed_high"]
_FOUND += ["p_tracks", "p_tracks_holm", "tested"]
_COUNTS = ["n_seeds", "n_clips", "n_tracks", "n_groups"]
COLUMNS = [*TRAINED, *CONDITION, "gain", *_FOUND, *_COUNTS]
LOSS_COLUMNS = [*TRAINED, *CONDITION, "drop", *_FOUND, "detectable_drop", *_COUNTS]


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
        its seeds, as a fraction. ``low, high``: 95 % over tracks, the seeds as they are;
        ``group_low, group_high``: over groups (:mod:`offkey.evaluation.groups`).
        ``seed_low, seed_high``: lowest and highest seed of the compared model against the
        baseline's mean. ``p_tracks_holm``: corrected over the
        rows that are ``tested`` (:func:`offkey.evaluation.family.tested`), NaN in the others.
    """
    table = judged(predictions)
    if table["detector"].nunique() > 1:
        raise BadInput("the predictions hold several detectors: compare the regimes of one.")
    how: dict[str, Any] = {
        "n_resamples": n_resamples,
        "n_permutations": n_permutations,
        "seed": seed,
    }
    return with_groups(partial(_gains, baseline=baseline, **how), table)[COLUMNS]


def _gains(
    table: pd.DataFrame, *, baseline: str, n_resamples: int, n_permutations: int, seed: int
) -> pd.DataFrame:
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    rows = []
    for variant, part in table.groupby("variant", sort=False):
        base = part[part["regime"] == baseline]
        if base.empty:
            continue
        known = base.groupby("clip_id")["right"].mean()
        for keys, model in part[part["regime"] != baseline].groupby(TRAINED, sort=False):
            about = dict(zip(TRAINED, keys, strict=True))
            about |= {name: model[name].iloc[0] for name in CONDITION} | {"variant": variant}
            both = model[model["clip_id"].isin(known.index)]
            mean = dict.fromkeys(both["seed"].unique(), known)
            found = _difference(both, known, resamples, n_permutations, seed, by_seed=mean)
            rows.append({**about, **found})
    bare = [name for name in COLUMNS if name not in groups.COLUMNS]
    return pd.DataFrame(family.corrected(rows, "p_tracks"), columns=bare)


def compare_detectors(predictions: pd.DataFrame, *, baseline: str, **how: Any) -> pd.DataFrame:
    """Compare every detector with one of them, on the same clips of the same variant.

    Parameters
    ----------
    predictions : DataFrame
        One way of training per detector.
    baseline : str
        The detector compared with.
    **how
        As for :func:`compare_regimes`.

    Returns
    -------
    DataFrame
        As from :func:`compare_regimes`; ``regime`` is left out.
    """
    table = predictions.assign(regime=predictions["detector"], detector="")
    found = compare_regimes(table, baseline=baseline, **how)
    return found.drop(columns="detector").rename(columns={"regime": "detector"})


def losses(
    predictions: pd.DataFrame,
    *,
    n_resamples: int = 1000,
    n_permutations: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """What every edit costs a model: clean against edited, the seeds averaged.

    Parameters
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`; models without clean predictions are left out.
    n_resamples, n_permutations, seed : int
        Bootstrap and sign-flip test, both over tracks.

    Returns
    -------
    DataFrame
        Columns ``LOSS_COLUMNS``. ``drop``: balanced accuracy clean minus edited, mean over the
        seeds, as a fraction. ``seed_low, seed_high``: lowest and highest seed, each against its
        own clean score. ``detectable_drop``, in points (0-100): the smallest drop that could be
        shown here, half the interval's width and at least what six tracks of the larger
        class make. ``p_tracks``: sign flips of each track's part of the drop. ``p_tracks_holm``:
        corrected over the edits of a model that are ``tested``
        (:func:`offkey.evaluation.family.tested`), NaN for the others.
    """
    how: dict[str, Any] = {
        "n_resamples": n_resamples,
        "n_permutations": n_permutations,
        "seed": seed,
    }
    return with_groups(partial(_losses, **how), judged(predictions))[LOSS_COLUMNS]


def _losses(
    table: pd.DataFrame, *, n_resamples: int, n_permutations: int, seed: int
) -> pd.DataFrame:
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    found: list[dict[str, Any]] = []
    for _, model in table.groupby(TRAINED, sort=False):
        found += losses_of(model, resamples, n_permutations, seed)
    bare = [name for name in LOSS_COLUMNS if name not in groups.COLUMNS]
    return pd.DataFrame(found, columns=bare)


def losses_of(
    model: pd.DataFrame, resamples: uncertainty.Resamples, n_permutations: int, seed: int
) -> list[dict[str, Any]]:
    """Rows of :func:`losses` for one model, of :func:`judged` predictions; none without clean."""
    clean = model[model["variant"] == CLEAN]
    known = clean.groupby("clip_id")["right"].mean()
    own = {each: one.set_index("clip_id")["right"] for each, one in clean.groupby("seed")}
    rows = []
    for _, part in model[model["variant"] != CLEAN].groupby("variant", sort=False):
        both = part[part["clip_id"].isin(known.index)]
        if len(both):
            gain = _difference(both, known, resamples, n_permutations, seed, by_seed=own)
            about = {name: both[name].iloc[0] for name in [*TRAINED, *CONDITION]}
            rows.append({**about, **_turned(gain)})
    return family.corrected(rows, "p_tracks")


def _turned(gain: dict[str, Any]) -> dict[str, Any]:
    """A gain as a loss."""
    floor = 100 * uncertainty.FEWEST_CHANGED / (2 * gain["n_larger"])
    width = 50 * (gain["high"] - gain["low"])
    return {
        **gain,
        "drop": _exact(-gain["gain"]),
        "low": _exact(-gain["high"]),
        "high": _exact(-gain["low"]),
        "seed_low": _exact(-gain["seed_high"]),
        "seed_high": _exact(-gain["seed_low"]),
        "detectable_drop": float(np.fmax(width, floor)),
    }


def judged(predictions: pd.DataFrame) -> pd.DataFrame:
    """Checked predictions with ``right``, 1.0 where the verdict is."""
    table = validate(predictions)
    right = (table["score"] >= table["threshold"]) == (table["target"] == 1)
    return table.assign(right=right.astype(float))


def _difference(
    model: pd.DataFrame,
    known: pd.Series,
    resamples: uncertainty.Resamples,
    n_permutations: int,
    seed: int,
    *,
    by_seed: Mapping[Any, pd.Series],
) -> dict[str, Any]:
    """`model` against `known`, and each of its seeds against its own entry of `by_seed`."""
    clips = model.groupby("clip_id").agg(
        track_id=("track_id", "first"), target=("target", "first"), right=("right", "mean")
    )
    change = (clips["right"] - known.loc[clips.index]).to_numpy()
    target, track = clips["target"].to_numpy(), resamples.columns(clips["track_id"])
    in_class = np.bincount(target, minlength=2)[target]
    in_either = [len(np.unique(track[target == which])) for which in (0, 1)]
    low, high, _ = uncertainty.difference_interval(resamples.counts, track, target, change)
    share = change / (2 * in_class)
    of_seeds = [_gain(one, by_seed[each]) for each, one in model.groupby("seed")]
    return {
        "gain": _exact(share.sum()) if min(in_either) else float("nan"),
        "low": _exact(low),
        "high": _exact(high),
        "seed_low": _exact(min(of_seeds)),
        "seed_high": _exact(max(of_seeds)),
        "p_tracks": paired.sign_flip_p(
            np.bincount(track, weights=share), n_permutations=n_permutations, seed=seed
        ),
        "n_seeds": len(of_seeds),
        "n_clips": len(clips),
        "n_tracks": len(np.unique(track)),
        "n_larger": max(in_either),
    }


def _exact(share: float) -> float:
    """Without what is left of sums that are zero on paper, and without its sign."""
    return round(float(share), 12) + 0.0


def _gain(one: pd.DataFrame, known: pd.Series) -> float:
    change = one["right"] - known.loc[one["clip_id"]].to_numpy()
    by_class = change.groupby(one["target"]).mean().reindex([0, 1])
    return float(by_class.mean(skipna=False))
