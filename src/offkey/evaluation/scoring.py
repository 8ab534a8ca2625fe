"""Predictions table → scores table, confusions.

The same resamples of tracks serve every model, condition and subset, so a drop has an interval of
its own. Numbers that cannot be had are NaN ("not available").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from offkey import metrics
from offkey.core.errors import unknown
from offkey.evaluation import predictions as table_of
from offkey.evaluation.groups import with_groups
from offkey.evaluation.predictions import CLEAN, CONDITION, MODEL, Part
from offkey.metrics import proportions, robustness, uncertainty

SUBSETS = ("all", "generator", "family", "dataset")
SCORE_COLUMNS = [
    *MODEL,
    *CONDITION,
    *("subset", "metric", "value", "low", "high", "group_low", "group_high"),
    *("n_clips", "n_tracks", "n_groups"),
]
_CLASS_RATES = {0: "false_accusation_rate", 1: "miss_rate"}


def score(
    predictions: pd.DataFrame,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
    subsets: Sequence[str] = ("all", "generator"),
) -> pd.DataFrame:
    """Score every model under every condition, with 95 % intervals.

    Parameters
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`.
    n_resamples, seed : int
        Bootstrap over tracks.
    subsets : sequence of str
        What to split by, of ``all, generator, family, dataset``.

    Returns
    -------
    DataFrame
        Long form, columns ``SCORE_COLUMNS``. A subset with one class has ``called_ai_rate`` and
        that class's error rate; otherwise the metrics of :mod:`offkey.metrics` by name. Where the
        model was tested on clean clips as well, over the clips of both: ``drift_mean``,
        ``drift_max``, ``flip_rate``, ``drop_balanced_accuracy`` and ``drop_auc`` (clean minus
        edited). ``low, high``: over tracks; ``group_low, group_high``: over groups (families and
        sources, where these were held out), as if other ones might have been met.
        ``n_clips, n_tracks, n_groups`` count what a number is a share of: human clips for the
        false-accusation rate, AI clips for the miss rate.

    Notes
    -----
    Rates, accuracies and balanced accuracy have the intervals of :mod:`offkey.metrics.proportions`,
    the others those of the bootstrap. There is none where every resample gives the same value (an
    AUC of 1), and never one for ECE, the oracle's balanced accuracy (resampling biases both upward)
    and the largest drift (which resampling cannot exceed).
    """
    for kind in subsets:
        if kind not in SUBSETS:
            raise unknown("subset", kind, SUBSETS)
    table = table_of.validate(predictions)
    how: dict[str, Any] = {"n_resamples": n_resamples, "seed": seed, "subsets": subsets}
    return with_groups(partial(_scored, **how), table)[SCORE_COLUMNS]


def _scored(
    table: pd.DataFrame, *, n_resamples: int, seed: int, subsets: Sequence[str]
) -> pd.DataFrame:
    """The scores table, its intervals over what ``track_id`` names."""
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    counts = resamples.counts
    rows: list[dict[str, Any]] = []
    for _, of_model in table.groupby(MODEL, sort=False):
        clean: dict[str, tuple[Part, dict[str, np.ndarray]]] = {}
        for about, frame, whole in table_of.parts(of_model, resamples):
            for subset, members in _members(frame, subsets):
                part = whole.take(members)
                full = subset == "all" or len(part.classes) == 2
                draws = _draws(part, counts) if full else {}
                found = _levels(part, draws) if full else _one_class(part)
                if about["variant"] == CLEAN:
                    clean[subset] = part, draws
                elif subset in clean:
                    found += _changes(*clean[subset], part, draws, counts)
                rows += [{**about, "subset": subset, **row} for row in found]
    return pd.DataFrame(rows)


def _members(frame: pd.DataFrame, kinds: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    for kind in kinds:
        if kind == "all":
            yield kind, np.arange(len(frame))
        else:
            values = frame[kind].to_numpy(object)
            for value in sorted(set(values)):
                yield f"{kind}={value}", np.flatnonzero(values == value)


def _draws(part: Part, counts: np.ndarray) -> dict[str, np.ndarray]:
    ranks = uncertainty.rank_draws(counts, part.track, part.target, part.score)
    squared = (part.score - part.target) ** 2
    return {"brier": uncertainty.mean_draws(counts, part.track, squared), **ranks._asdict()}


def _levels(part: Part, draws: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    given, both = (part.target, part.score), len(part.classes) == 2
    size = (len(part), part.n_tracks())
    balanced = metrics.balanced_accuracy(*given, part.threshold)
    ends = proportions.mean_interval(part.target, part.right, part.track)
    rows = [_row("balanced_accuracy", balanced, ends, *size), _share("accuracy", part.right, part)]
    for name, value, behind in (
        ("auc", metrics.auc(*given), part.n_tracks_smaller),
        ("eer", metrics.eer(*given), part.n_tracks_smaller),
        ("brier", metrics.brier(*given), part.n_tracks()),
    ):
        rows.append(_row(name, value, uncertainty.interval(draws[name], behind)[:2], *size))
    oracle = metrics.oracle_threshold(*given)[1] if both else float("nan")
    rows.append(_row("oracle_balanced_accuracy", oracle, proportions.NONE, *size))
    rows.append(_row("ece", metrics.ece(*given), proportions.NONE, *size))
    for target, name in _CLASS_RATES.items():
        mine = part.take(np.flatnonzero(part.target == target))
        rows.append(_share(name, ~mine.right, mine))
    return rows


def _one_class(part: Part) -> list[dict[str, Any]]:
    (target,) = part.classes
    wrong = _share(_CLASS_RATES[target], ~part.right, part)
    return [_share("called_ai_rate", part.called, part), wrong]


def _share(name: str, hit: np.ndarray, part: Part) -> dict[str, Any]:
    """Row of the share of a part's clips that are hits."""
    value = float(hit.mean()) if len(hit) else float("nan")
    return _row(name, value, proportions.interval(hit, part.track), len(part), part.n_tracks())


def _changes(
    clean: Part,
    clean_draws: dict[str, np.ndarray],
    part: Part,
    draws: dict[str, np.ndarray],
    counts: np.ndarray,
) -> list[dict[str, Any]]:
    before, after = table_of.common(clean, part)
    if not len(after):
        return []
    moved = robustness.drift(before.score, after.score)
    size = (len(after), after.n_tracks())
    drawn = uncertainty.mean_draws(counts, after.track, moved)
    ends = uncertainty.interval(drawn, after.n_tracks())[:2]
    rows = [
        _row("drift_max", float(moved.max()), proportions.NONE, *size),
        _row("drift_mean", float(moved.mean()), ends, *size),
        _share("flip_rate", before.called != after.called, after),
    ]
    if draws and clean_draws:
        old, new = _headline(before), _headline(after)
        lost = before.right.astype(float) - after.right
        found = uncertainty.difference_interval(counts, after.track, after.target, lost)
        # what was drawn for all clips of a condition serves unless the other one lacks some
        earlier = clean_draws if before is clean else _draws(before, counts)
        later = draws if after is part else _draws(after, counts)
        ranks = uncertainty.interval(earlier["auc"] - later["auc"], after.n_tracks_smaller)
        for name, ends in (("balanced_accuracy", found[:2]), ("auc", ranks[:2])):
            rows.append(_row(f"drop_{name}", old[name] - new[name], ends, *size))
    return rows


def _headline(part: Part) -> dict[str, float]:
    return {
        "balanced_accuracy": metrics.balanced_accuracy(part.target, part.score, part.threshold),
        "auc": metrics.auc(part.target, part.score),
    }


def _row(
    name: str, value: float, ends: tuple[float, float], n_clips: int, n_tracks: int
) -> dict[str, Any]:
    size = {"n_clips": n_clips, "n_tracks": n_tracks}
    return {"metric": name, "value": value, "low": ends[0], "high": ends[1], **size}


def confusions(predictions: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts for every model and condition.

    Returns
    -------
    DataFrame
        Columns of model and condition, then ``true, called`` ("human" or "AI") and ``n_clips``;
        four rows each, also where a count is 0.
    """
    names = ("human", "AI")
    rows = []
    table = table_of.validate(predictions)
    for _, of_model in table.groupby(MODEL, sort=False):
        for _, frame in of_model.groupby("variant", sort=False):
            first = frame.iloc[0]
            about = {name: first[name] for name in MODEL + CONDITION}
            counts = metrics.confusion(frame["target"], frame["score"], frame["threshold"])
            for (true, called), count in np.ndenumerate(counts):
                verdict = {"true": names[true], "called": names[called], "n_clips": int(count)}
                rows.append({**about, **verdict})
    return pd.DataFrame(rows)
