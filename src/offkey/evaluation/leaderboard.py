"""Results of several studies beside each other: one row a detector, paired where clips allow it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey.core import store
from offkey.core.errors import BadInput, unknown
from offkey.core.manifest import with_groups
from offkey.evaluation.differences import compare_detectors
from offkey.evaluation.predictions import CLEAN, FIXED_ON_CLEAN, gather
from offkey.evaluation.reference_ratio import relative
from offkey.evaluation.scoring import score

COLUMNS = [
    *("detector", "results", "n_clips", "n_tracks", "auc"),
    *("clean", "clean_low", "clean_high", "edited", "worst", "worst_edit"),
    *("false_accusation_rate", "mce", "ms_per_clip"),
]
COMPARED = "compared.parquet"
"""Predictions of several detectors that one notebook compares."""


def collect(folders: Sequence[Path]) -> pd.DataFrame:
    """Predictions of every detector whose threshold comes from clean clips.

    Parameters
    ----------
    folders : sequence of Path
        Results of studies.

    Returns
    -------
    DataFrame
        Predictions with a column ``results``, the folder's name. A detector whose name stands in
        an earlier folder already is called ``NAME (FOLDER)``.

    Raises
    ------
    BadInput
        A folder holds no such predictions.
    """
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        raise BadInput("two results folders have one name: rename one, since it names the results.")
    parts: list[pd.DataFrame] = []
    taken: set[str] = set()
    for name, folder in zip(names, folders, strict=True):
        found = _of(folder)
        again = {one: f"{one} ({name})" for one in set(found["detector"]) & taken}
        taken |= set(found["detector"])
        parts.append(found.assign(results=name, detector=found["detector"].replace(again)))
    return pd.concat(parts, ignore_index=True)


def _of(folder: Path) -> pd.DataFrame:
    tables = folder / "tables"
    if any(tables.glob("predictions_*.parquet")):
        found = gather(tables)
        found = found[found["regime"].isin(FIXED_ON_CLEAN)]
    else:
        found = pd.DataFrame({"detector": []})
    if (tables / COMPARED).is_file():
        more = store.read_table(tables / COMPARED)
        found = pd.concat([found, more[~more["detector"].isin(set(found["detector"]))]])
    if found.empty:
        raise BadInput(f"{folder} holds no predictions of a detector: run a study or a benchmark.")
    # one seed stands for a detector: clips are paired one by one
    first = found.groupby("detector")["seed"].transform("min")
    return with_groups(found[found["seed"] == first])


def costs(folders: Sequence[Path]) -> dict[str, float]:
    """Milliseconds a clip by detector, from the tables of costs, as far as there are any."""
    found: dict[str, float] = {}
    tables = [path for folder in folders for path in sorted(folder.glob("tables/costs*.parquet"))]
    for path in tables:
        table = store.read_table(path)
        if {"detector", "ms_per_clip"} <= set(table):
            found = {**dict(zip(table["detector"], table["ms_per_clip"], strict=True)), **found}
    return found


def standings(
    predictions: pd.DataFrame, reference: str, ms: Mapping[str, float], *, seed: int = 0
) -> pd.DataFrame:
    """One row a detector, the best on edited clips first.

    Parameters
    ----------
    predictions : DataFrame
        From :func:`collect`.
    reference : str
        Whose errors the mean corruption error is a share of.
    ms : mapping of str to float
        Milliseconds a clip by detector, as far as known.
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``, as fractions. ``clean``: balanced accuracy on clean clips with its 95 %
        interval. ``edited``: the mean over the edits that all detectors were asked about;
        ``worst``: the lowest of them. ``mce``: mean over perturbations of the error as a share of
        the reference's (:func:`offkey.evaluation.relative`), NaN where the clips are others.
    """
    if reference not in set(predictions["detector"]):
        raise unknown("detector", reference, sorted(set(predictions["detector"])))
    shared = _shared_variants(predictions)
    kept = predictions[predictions["variant"].isin(shared)]
    same = paired_with(kept, reference)
    rows = []
    for name, mine in kept.groupby("detector", sort=False):
        scores = score(mine, n_resamples=200, seed=seed, subsets=["all"])
        clean = scores[scores["variant"] == CLEAN].set_index("metric")
        edited = scores[(scores["variant"] != CLEAN) & (scores["metric"] == "balanced_accuracy")]
        worst = edited.sort_values("value").head(1)
        row: dict[str, Any] = {
            "detector": name,
            "results": mine["results"].iloc[0],
            "n_clips": mine["clip_id"].nunique(),
            "n_tracks": mine["track_id"].nunique(),
            "auc": clean.loc["auc", "value"],
            "clean": clean.loc["balanced_accuracy", "value"],
            "clean_low": clean.loc["balanced_accuracy", "low"],
            "clean_high": clean.loc["balanced_accuracy", "high"],
            "edited": edited["value"].mean(),
            "worst": worst["value"].max(),
            "worst_edit": "".join(worst["label"]),
            "false_accusation_rate": clean.loc["false_accusation_rate", "value"],
            "mce": np.nan,
            "ms_per_clip": ms.get(str(name), np.nan),
        }
        rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    if len(shared) > 1:
        theirs = kept[kept["detector"].isin(same)]
        ratios = relative(score(theirs, n_resamples=1, subsets=["all"]), reference)
        mean = ratios.groupby("detector")["error_ratio"].mean()
        table["mce"] = table["detector"].map(mean)
    return table.sort_values("edited", ascending=False, ignore_index=True)


def _shared_variants(predictions: pd.DataFrame) -> list[str]:
    count = predictions.groupby("variant", sort=False)["detector"].nunique()
    shared = count.index[count == predictions["detector"].nunique()].tolist()
    if CLEAN not in shared:
        raise BadInput("not every detector was asked about clean clips: nothing can be compared.")
    return shared


def paired_with(predictions: pd.DataFrame, reference: str) -> list[str]:
    """Detectors that judged the very clips that `reference` judged, itself among them."""
    clips = {
        name: frozenset(zip(part["clip_id"], part["target"], strict=True))
        for name, part in predictions.groupby("detector", sort=False)
    }
    return [str(name) for name, judged in clips.items() if judged == clips[reference]]


def paired(predictions: pd.DataFrame, reference: str, *, seed: int = 0) -> pd.DataFrame:
    """Every detector against `reference`, clip by clip, under every edit both were asked about.

    Empty where no other detector judged the same clips; see
    :func:`offkey.evaluation.compare_detectors`.
    """
    same = paired_with(predictions, reference)
    mine = predictions[predictions["detector"].isin(same)].assign(regime="")
    mine = mine[mine["variant"].isin(_shared_variants(mine))]
    return compare_detectors(mine, baseline=reference, seed=seed)
