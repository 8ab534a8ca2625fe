"""Verdicts AI, human or uncertain from a predictions table: cut-offs, and what they lead to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput
from offkey.evaluation import predictions as table_of
from offkey.evaluation.predictions import CLEAN, CONDITION, MODEL
from offkey.metrics import cutoffs, proportions
from offkey.metrics.cutoffs import AI, HUMAN, UNCERTAIN, CutOffs

CLASSES = {0: HUMAN, 1: AI}


def cut_offs(predictions: pd.DataFrame) -> CutOffs:
    """Cut-offs from the clean scores of one detector; see :func:`offkey.metrics.cutoffs.cut_offs`.

    Parameters
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`; cross-fitted, so that every clip is judged by a
        detector that met nothing of its group.

    Raises
    ------
    BadInput
        Several detectors or seeds, one fold alone, no clean clips, or too few tracks.
    """
    return _of(_clean(predictions))


def at_cut_offs(predictions: pd.DataFrame, given: CutOffs) -> pd.DataFrame:
    """Predictions with ``human_below, ai_from`` and the ``verdict`` at these."""
    return _judged(table_of.validate(predictions).assign(**given._asdict()))


def at_cut_offs_of_other_folds(predictions: pd.DataFrame) -> pd.DataFrame:
    """As :func:`at_cut_offs`; each fold is judged at the cut-offs that the other folds give.

    The clips that are judged have no part in choosing these.
    """
    table, clean = table_of.validate(predictions), _clean(predictions)
    found = {fold: _of(clean[clean["fold"] != fold]) for fold in clean["fold"].unique()}
    low, high = zip(*(found[fold] for fold in table["fold"]), strict=True)
    return _judged(table.assign(human_below=low, ai_from=high))


def verdict_shares(judged: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """How often which verdict was given, with 95 % intervals.

    Parameters
    ----------
    judged : DataFrame
        From :func:`at_cut_offs`.
    by : sequence of str
        Further columns to split by, e.g. ``family``.

    Returns
    -------
    DataFrame
        ``variant, ..., engine``, the columns of `by`, ``true`` and ``called`` (human, AI,
        uncertain), ``value`` (share of the true class's clips), ``low, high`` (over tracks),
        ``group_low, group_high`` (over families and sources), ``n_clips, n_tracks, n_groups``.
        Of every class a row per verdict, also where it was never given.
    """
    rows = []
    keys = [*CONDITION, *by, "target"]
    for values, part in judged.groupby(keys, sort=False, dropna=False):
        about: dict[str, Any] = dict(zip(keys, values, strict=True))
        size = {
            "n_clips": len(part),
            "n_tracks": part["track_id"].nunique(),
            "n_groups": part["group"].nunique(),
        }
        for called in (AI, UNCERTAIN, HUMAN):
            hit = part["verdict"] == called
            low, high = proportions.interval(hit, part["track_id"])
            group_low, group_high = proportions.interval(hit, part["group"])
            found = {"value": float(hit.mean()), "low": low, "high": high}
            found |= {"group_low": group_low, "group_high": group_high}
            true = CLASSES[about["target"]]
            rows.append({**about, "true": true, "called": called, **found, **size})
    return pd.DataFrame(rows).drop(columns="target")


def _clean(predictions: pd.DataFrame) -> pd.DataFrame:
    table = table_of.validate(predictions)
    if len(table[MODEL].drop_duplicates()) > 1:
        raise BadInput("cut-offs belong to one detector with one seed: choose its rows first.")
    clean = table[table["variant"] == CLEAN]
    if clean["fold"].nunique() < 2:
        raise BadInput(
            "cut-offs need cross-fitted scores of clean clips: run 09_compare_detectors on a data "
            "set with folds, e.g. dataset_options {folds: 5}."
        )
    return clean


def _of(clean: pd.DataFrame) -> CutOffs:
    return cutoffs.cut_offs(clean["target"], clean["score"], clean["track_id"])


def _judged(table: pd.DataFrame) -> pd.DataFrame:
    found = cutoffs.verdicts(table["score"], table["human_below"], table["ai_from"])
    return table.assign(verdict=np.asarray(found, dtype=object))
