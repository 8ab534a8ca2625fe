"""The table of predictions: its columns, whether it can be evaluated, and its parts as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.core.manifest import KEYS, with_groups
from offkey.metrics.uncertainty import Resamples

CONDITION = ["variant", "perturbation", "severity", "level", "unit", "label", "engine"]
MODEL = ["detector", "regime", "stage", "train_variant", "seed"]
FINGERPRINTS = ["model_fingerprint", "data_fingerprint", "feature_fingerprint"]
COLUMNS = [*KEYS, *CONDITION, *MODEL, "score", "threshold", *FINGERPRINTS]
CLEAN = "clean"
CLEAN_THRESHOLD = "clean_threshold"
"""Regime of a detector from elsewhere: the best threshold on clean validation clips."""
OWN_THRESHOLD = "own_threshold"
"""Regime of the same detector at its own threshold."""
FIXED_ON_CLEAN = (CLEAN, CLEAN_THRESHOLD)
"""Regimes in which edits are met for the first time in the test."""

# what must be the same wherever the first columns are: (columns, what hangs on them)
_DEPENDS = [
    (["clip_id"], ["track_id", "group", "target", "generator", "family", "dataset", "split"]),
    (["variant"], [name for name in CONDITION if name != "variant"]),
    ([*MODEL, "variant", "fold"], ["threshold"]),
]


def gather(folder: Path, *further: Path) -> pd.DataFrame:
    """All tables ``predictions_*.parquet`` of a folder, one below the other, unchecked.

    Parameters
    ----------
    folder : Path
        Where a study keeps its tables.
    *further : Path
        Tables of other results, the nearest first: they add what no nearer one holds (a model
        under a variant), as far as they are about the same clips.

    Raises
    ------
    BadInput
        There is none, one cannot be read, or two of a folder hold the same model under the same
        variant.
    """
    parts = [part for part in map(_of_folder, (folder, *further)) if len(part)]
    if not parts:
        raise BadInput(f"{folder} holds no predictions: train and test a detector first.")
    found = parts[0]
    for part in parts[1:]:
        keys = pd.MultiIndex.from_frame(part[[*MODEL, "variant"]])
        known = keys.isin(pd.MultiIndex.from_frame(found[[*MODEL, "variant"]]))
        if set(part["clip_id"]) == set(found["clip_id"]):
            found = pd.concat([found, part[~known]], ignore_index=True)
    return found


def _of_folder(folder: Path) -> pd.DataFrame:
    paths = sorted(folder.glob("predictions_*.parquet"))
    tables = [store.read_table(path) for path in paths]
    found: dict[tuple[Any, ...], Path] = {}
    for path, table in zip(paths, tables, strict=True):
        for key in table[[*MODEL, "variant"]].drop_duplicates().itertuples(index=False, name=None):
            first = found.setdefault(key, path)
            if first != path:
                raise BadInput(
                    f"{first} and {path.name} both hold detector '{key[0]}', regime '{key[1]}', "
                    f"seed {key[4]} under variant '{key[5]}': one is left from an earlier run; "
                    "delete it, or give the study another results folder with --out."
                )
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def validate(table: pd.DataFrame, name: str = "predictions") -> pd.DataFrame:
    """Check a table of predictions: one row per clip × variant × model, of one split.

    Where a model is one per fold, ``fold`` says which, and each fold has its own threshold. Where
    ``group`` or ``fold`` is missing, tracks are the groups, and there is one fold.

    Parameters
    ----------
    table : DataFrame
    name : str
        What to call the table in an error, e.g. its path.

    Returns
    -------
    DataFrame
        With integer targets and a fresh index; rows in the order given.

    Raises
    ------
    BadInput
        A column or a value is missing, a score is no probability, a target is not 0 or 1, a clip
        is scored twice by one model, a clip, variant or threshold contradicts itself, or the
        table mixes splits. The message names the first offender.
    """
    table = with_groups(table)
    missing = [column for column in COLUMNS if column not in table]
    if missing:
        raise BadInput(f"{name}: columns {', '.join(missing)} are missing.")
    if table.empty:
        raise BadInput(f"{name}: no predictions.")
    table = table.reset_index(drop=True)
    for column in [*KEYS, *CONDITION, *MODEL]:
        if column != "level":
            _refuse(table, table[column].isna(), f"{name}: column '{column}' holds no value")
    known = table["target"].isin([0, 1])
    _refuse(table, ~known, f"{name}: target is neither 1 (AI) nor 0 (human)")
    scores = _numbers(table["score"])
    _refuse(table, ~np.isfinite(scores), f"{name}: score is not a finite number")
    _refuse(table, (scores < 0) | (scores > 1), f"{name}: score is not between 0 and 1")
    _refuse(
        table,
        ~np.isfinite(_numbers(table["threshold"])),
        f"{name}: threshold is not a finite number",
    )
    twice = table.duplicated(["clip_id", "variant", "fold", *MODEL])
    _refuse(table, twice, f"{name}: scored twice by the same model")
    for keys, values in _DEPENDS:
        for value in values:
            pairs = table[[*keys, value]].drop_duplicates()
            again = pairs.index[pairs.duplicated(keys)]
            bad = table.index.isin(again)
            _refuse(table, bad, f"{name}: {value} differs between rows of one {keys[-1]}")
    splits = table["split"].unique()
    if len(splits) > 1:
        raise BadInput(f"{name}: mixes the splits {', '.join(sorted(splits))}: choose one first.")
    return table.astype({"target": "int64"})


def _numbers(column: pd.Series) -> np.ndarray:
    """As float64, NaN for what is no number."""
    return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _refuse(table: pd.DataFrame, bad: pd.Series | np.ndarray, what: str) -> None:
    rows = np.flatnonzero(bad)
    if len(rows):
        first = table.iloc[rows[0]]
        raise BadInput(
            f"{what}: clip '{first['clip_id']}', variant '{first['variant']}', "
            f"detector '{first['detector']}' ({len(rows)} such rows)."
        )


@dataclass(frozen=True)
class Part:
    """Clips of one model under one variant, in the order of their names.

    Attributes
    ----------
    clip_id, target, score, threshold, track : ndarray of shape (n_clips,)
        ``threshold`` is that of the fold that judged the clip; ``track`` is the column of the
        clip's track in the resamples.
    """

    clip_id: np.ndarray
    target: np.ndarray
    score: np.ndarray
    threshold: np.ndarray
    track: np.ndarray

    def __len__(self) -> int:
        return len(self.score)

    @property
    def called(self) -> np.ndarray:
        """Which clips are called AI."""
        return self.score >= self.threshold

    @property
    def right(self) -> np.ndarray:
        """Which verdicts are right."""
        return self.called == (self.target == 1)

    @property
    def classes(self) -> set[int]:
        """Targets that occur."""
        return set(self.target.tolist())

    def n_tracks(self, target: int | None = None) -> int:
        """Number of tracks, of one class if given."""
        return len(np.unique(self.track if target is None else self.track[self.target == target]))

    @property
    def n_tracks_smaller(self) -> int:
        """Number of tracks of the class that has fewer."""
        return min(self.n_tracks(0), self.n_tracks(1))

    def take(self, rows: np.ndarray) -> Part:
        """Some of the clips."""
        return Part(
            self.clip_id[rows],
            self.target[rows],
            self.score[rows],
            self.threshold[rows],
            self.track[rows],
        )


def parts(
    of_model: pd.DataFrame, resamples: Resamples
) -> Iterator[tuple[dict[str, Any], pd.DataFrame, Part]]:
    """Each variant of one model: what it is, its rows, its arrays; clean comes first."""
    variants = sorted(of_model["variant"].unique(), key=lambda name: name != CLEAN)
    groups = of_model.groupby("variant")
    for variant in variants:
        rows = groups.get_group(variant).sort_values("clip_id")
        about = {str(key): value for key, value in rows[MODEL + CONDITION].iloc[0].items()}
        part = Part(
            rows["clip_id"].to_numpy(object),
            rows["target"].to_numpy(np.int64),
            rows["score"].to_numpy(np.float64),
            rows["threshold"].to_numpy(np.float64),
            resamples.columns(rows["track_id"]),
        )
        yield about, rows, part


def common(clean: Part, part: Part) -> tuple[Part, Part]:
    """The clips that both have; the parts themselves where these are all."""
    if np.array_equal(clean.clip_id, part.clip_id):
        return clean, part
    _, ours, theirs = np.intersect1d(clean.clip_id, part.clip_id, return_indices=True)
    return clean.take(ours), part.take(theirs)
