"""Paired tests of every condition against clean, clip by clip, within each model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from offkey.evaluation import predictions as table_of
from offkey.evaluation.predictions import CLEAN, CONDITION, MODEL, Part
from offkey.metrics import paired, uncertainty

COLUMNS = [
    *MODEL,
    *CONDITION,
    *("n_clips", "n_tracks", "n_lost", "n_gained", "drop", "low", "high", "detectable_drop"),
    *("p_mcnemar", "p_mcnemar_holm", "p_tracks", "p_tracks_holm"),
]
# in an exact two-sided test at 5 %, five tracks lost and none gained still pass for chance
MIN_TRACKS_LOST = 6


def compare(
    predictions: pd.DataFrame,
    *,
    n_resamples: int = 1000,
    n_permutations: int = 9999,
    seed: int = 0,
) -> pd.DataFrame:
    """Test every condition against clean.

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
        ``n_lost`` and ``n_gained`` clips are right only clean or only edited. ``drop, low, high``:
        balanced accuracy clean minus edited, as a fraction, NaN where a class is missing.
        ``p_mcnemar``: exact test over clips. ``p_tracks``: sign flips of each track's part of the
        drop; the one to read where tracks have several clips. ``…_holm``: corrected over the
        conditions of the model. ``detectable_drop``, in points (0-100): the smallest drop that
        could be told from 0 here, half the interval's width and at least what six tracks of the
        larger class make.
    """
    table = table_of.validate(predictions)
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    rows: list[dict[str, Any]] = []
    for _, of_model in table.groupby(MODEL, sort=False):
        clean: Part | None = None
        tests: list[dict[str, Any]] = []
        for about, _, part in table_of.parts(of_model, resamples):
            if about["variant"] == CLEAN:
                clean = part
            elif clean is not None:
                before, after = table_of.common(clean, part)
                if len(after):
                    found = _test(before, after, resamples.counts, n_permutations, seed)
                    tests.append({**about, **found})
        for name in ("p_mcnemar", "p_tracks"):
            corrected = paired.holm([test[name] for test in tests])
            for test, p in zip(tests, corrected, strict=True):
                test[f"{name}_holm"] = float(p)
        rows += tests
    return pd.DataFrame(rows, columns=COLUMNS)


def _test(
    before: Part, after: Part, counts: np.ndarray, n_permutations: int, seed: int
) -> dict[str, Any]:
    n_lost, n_gained, p_mcnemar = paired.mcnemar_exact(before.right, after.right)
    # a clip's share in balanced accuracy, so that the tracks' differences add up to the drop
    n_in_class = np.bincount(after.target, minlength=2)[after.target]
    change = (before.right.astype(int) - after.right.astype(int)) / (2 * n_in_class)
    by_track = np.bincount(after.track, weights=change)
    draws = [
        uncertainty.balanced_accuracy_draws(counts, part.track, part.target, part.called)
        for part in (before, after)
    ]
    low, high, _ = uncertainty.interval(draws[0] - draws[1], after.n_tracks_smaller)
    floor = MIN_TRACKS_LOST / (2 * max(after.n_tracks(0), after.n_tracks(1)))
    return {
        "n_clips": len(after),
        "n_tracks": after.n_tracks(),
        "n_lost": n_lost,
        "n_gained": n_gained,
        "drop": float(change.sum()) if len(after.classes) == 2 else float("nan"),
        "low": low,
        "high": high,
        "detectable_drop": 100 * float(np.maximum((high - low) / 2, floor)),
        "p_mcnemar": p_mcnemar,
        "p_tracks": paired.sign_flip_p(by_track, n_permutations=n_permutations, seed=seed),
    }
