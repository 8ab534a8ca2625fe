"""Predictions table → scores table, confusions.

The same resamples of tracks serve every model, condition and subset, so a drop has an interval of
its own. Numbers that cannot be had are NaN ("not available").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from offkey import metrics
from offkey.core.errors import unknown
from offkey.evaluation import predictions as table_of
from offkey.evaluation.predictions import CLEAN, CONDITION, MODEL, Part
from offkey.metrics import robustness, uncertainty

SUBSETS = ("all", "generator", "family", "dataset")
SCORE_COLUMNS = [
    *MODEL,
    *CONDITION,
    *("subset", "metric", "value", "low", "high", "n_clips", "n_tracks"),
]
_NOTHING = (float("nan"), float("nan"))
_CLASS_RATES = {0: "false_accusation_rate", 1: "miss_rate"}
_RATES = ("accuracy", "called_ai_rate", "flip_rate", *_CLASS_RATES.values())
_BOTH_CLASSES = ("balanced_accuracy", "auc", "eer", "oracle_balanced_accuracy")


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
        edited). ``n_clips`` and ``n_tracks`` count what a number is a share of: human clips for
        the false-accusation rate, AI clips for the miss rate.

    Notes
    -----
    Where every clip is right (or wrong), resampling shows no spread: rates have the exact binomial
    interval with tracks as trials, balanced accuracy the one that follows from its two rates, and
    AUC, EER and the oracle have none. ECE and the largest drift never have one: resampling biases
    the one upward and cannot exceed the other.
    """
    for kind in subsets:
        if kind not in SUBSETS:
            raise unknown("subset", kind, SUBSETS)
    table = table_of.validate(predictions)
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
                found = _levels(part, draws) if full else _one_class(part, counts)
                if about["variant"] == CLEAN:
                    clean[subset] = part, draws
                elif subset in clean:
                    found += _changes(*clean[subset], part, draws, counts)
                rows += [{**about, "subset": subset, **row} for row in found]
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def _members(frame: pd.DataFrame, kinds: Sequence[str]) -> Iterator[tuple[str, np.ndarray]]:
    for kind in kinds:
        if kind == "all":
            yield kind, np.arange(len(frame))
        else:
            values = frame[kind].to_numpy(object)
            for value in sorted(set(values)):
                yield f"{kind}={value}", np.flatnonzero(values == value)


def _draws(part: Part, counts: np.ndarray) -> dict[str, np.ndarray]:
    target, track, called = part.target, part.track, part.called
    ranks = uncertainty.rank_draws(counts, track, target, part.score)
    return {
        "balanced_accuracy": uncertainty.balanced_accuracy_draws(counts, track, target, called),
        "accuracy": uncertainty.mean_draws(counts, track, part.right),
        "false_accusation_rate": uncertainty.mean_draws(counts, track, called, target == 0),
        "miss_rate": uncertainty.mean_draws(counts, track, ~called, target == 1),
        "brier": uncertainty.mean_draws(counts, track, (part.score - target) ** 2),
        **ranks._asdict(),
    }


def _levels(part: Part, draws: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    given = (part.target, part.score)
    values = {
        "balanced_accuracy": metrics.balanced_accuracy(*given, part.threshold),
        "accuracy": metrics.accuracy(*given, part.threshold),
        "auc": metrics.auc(*given),
        "eer": metrics.eer(*given),
        "oracle_balanced_accuracy": float("nan"),
        "brier": metrics.brier(*given),
        "ece": metrics.ece(*given),
    }
    if len(part.classes) == 2:
        values["oracle_balanced_accuracy"] = metrics.oracle_threshold(*given)[1]
    rows = {}
    for name, value in values.items():
        n_behind = part.n_tracks_smaller if name in _BOTH_CLASSES else part.n_tracks()
        ends = _ends(name, value, draws.get(name), n_behind)
        rows[name] = _row(name, value, ends, len(part), part.n_tracks())
    for name, value in (
        ("false_accusation_rate", metrics.false_accusation_rate(*given, part.threshold)),
        ("miss_rate", metrics.miss_rate(*given, part.threshold)),
    ):
        target = int(name == "miss_rate")
        n_clips, n_tracks = int((part.target == target).sum()), part.n_tracks(target)
        rows[name] = _row(name, value, _ends(name, value, draws[name], n_tracks), n_clips, n_tracks)
    balanced = rows["balanced_accuracy"]
    if balanced["value"] in (0.0, 1.0):
        accused, missed = rows["false_accusation_rate"], rows["miss_rate"]
        balanced["low"] = 1 - (accused["high"] + missed["high"]) / 2
        balanced["high"] = 1 - (accused["low"] + missed["low"]) / 2
    return list(rows.values())


def _one_class(part: Part, counts: np.ndarray) -> list[dict[str, Any]]:
    n_tracks, rows = part.n_tracks(), []
    (target,) = part.classes
    for name, hit in (("called_ai_rate", part.called), (_CLASS_RATES[target], ~part.right)):
        value = float(hit.mean())
        ends = _ends(name, value, uncertainty.mean_draws(counts, part.track, hit), n_tracks)
        rows.append(_row(name, value, ends, len(part), n_tracks))
    return rows


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
    n_clips, n_tracks = len(after), after.n_tracks()
    rows = [_row("drift_max", float(moved.max()), _NOTHING, n_clips, n_tracks)]
    for name, values in (("drift_mean", moved), ("flip_rate", before.called != after.called)):
        value = float(values.mean())
        ends = _ends(name, value, uncertainty.mean_draws(counts, after.track, values), n_tracks)
        rows.append(_row(name, value, ends, n_clips, n_tracks))
    if draws and clean_draws:
        # what was drawn for all clips of a condition serves unless the other one lacks some
        earlier = clean_draws if before is clean else _draws(before, counts)
        later = draws if after is part else _draws(after, counts)
        old, new = _headline(before), _headline(after)
        for name in old:
            low, high, _ = uncertainty.interval(earlier[name] - later[name], after.n_tracks_smaller)
            rows.append(_row(f"drop_{name}", old[name] - new[name], (low, high), n_clips, n_tracks))
    return rows


def _headline(part: Part) -> dict[str, float]:
    return {
        "balanced_accuracy": metrics.balanced_accuracy(part.target, part.score, part.threshold),
        "auc": metrics.auc(part.target, part.score),
    }


def _ends(name: str, value: float, draws: np.ndarray | None, n_tracks: int) -> tuple[float, float]:
    if draws is None:
        return _NOTHING
    low, high, _ = uncertainty.interval(draws, n_tracks)
    if low == high and value in (0.0, 1.0) and name in (*_RATES, *_BOTH_CLASSES):
        hits = round(value * n_tracks)
        return uncertainty.exact_interval(hits, n_tracks) if name in _RATES else _NOTHING
    return low, high


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
            counts = metrics.confusion(frame["target"], frame["score"], first["threshold"])
            for (true, called), count in np.ndenumerate(counts):
                verdict = {"true": names[true], "called": names[called], "n_clips": int(count)}
                rows.append({**about, **verdict})
    return pd.DataFrame(rows)
