"""What a detector was not trained on: held-out families and human sources.

Everything of a generator, family or human source is left out of training and validation, with
every track it occurs in. That leaves fewer training tracks, which costs something by itself. So a
second detector trains on as few tracks, drawn at random with the family or source among them: the
two differ only in whether it was in training. All are tested on the same clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import protocols
from offkey.core import manifest, seeding
from offkey.core.errors import unknown
from offkey.detectors.trained import UNHEARD
from offkey.evaluation import predictions
from offkey.features.variants import Variant
from offkey.protocols import Trained

COLUMNS = ("family", "generator")
MIN_TRACKS = 8
"""A family with fewer tracks is not scored by itself."""


def leave_out(clips: pd.DataFrame, column: str, value: str) -> pd.DataFrame:
    """Clips without those tracks of train and val in which `value` occurs.

    Parameters
    ----------
    clips : DataFrame
        The manifest.
    column : str
        ``family`` or ``generator`` (for human music: its source).
    value : str
    """
    if column not in COLUMNS:
        raise unknown("column to leave out by", column, COLUMNS)
    holds = clips[clips[column] == value]
    gone = holds.loc[holds["split"] != "test", "track_id"]
    return clips[(clips["split"] == "test") | ~clips["track_id"].isin(gone)]


def same_size(clips: pd.DataFrame, column: str, value: str, *, seed: int = 0) -> pd.DataFrame:
    """As many tracks as :func:`leave_out` keeps, but drawn at random: the control of size.

    As many tracks are gone from train and from val, of the same classes; of every value of
    `column` in proportion, so that all stay in.

    Parameters
    ----------
    clips : DataFrame
        The manifest.
    column, value : str
        See :func:`leave_out`.
    seed : int
        Of the draw.
    """
    kept = set(leave_out(clips, column, value)["track_id"])
    by_track = clips[clips["split"] != "test"].sort_values("target").groupby("track_id")
    tracks = by_track.agg(
        split=("split", "first"),
        classes=("target", lambda target: "".join(map(str, sorted(set(target))))),
        of=(column, lambda values: " ".join(dict.fromkeys(values))),
    )
    gone: set[str] = set()
    for (split, classes), part in tracks.groupby(["split", "classes"]):
        rng = seeding.rng(seed, "same size", column, value, str(split), str(classes))
        shuffled = part.iloc[rng.permutation(len(part))]
        # how far down its own kind a track stands: the first of every kind come before the second
        turn = shuffled.groupby("of").cumcount() + 0.5
        place = turn / shuffled.groupby("of")["of"].transform("size")
        order = place.sort_values(kind="stable").index
        gone |= set(order[: sum(track not in kept for track in part.index)])
    return clips[~clips["track_id"].isin(gone)]


def dealt_by_track(clips: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """The clips dealt anew by track, so that every family and source can be in every part.

    Into splits, or into as many folds as they had.
    """
    n_folds, tracks = clips["fold"].nunique(), clips["track_id"]
    if n_folds > 1:
        classes = clips["target"].astype(str)
        fold = manifest.assign_folds(tracks, classes, n_folds=n_folds, seed=seed)
        return clips.assign(group=tracks, fold=fold)
    split = manifest.assign_splits(tracks, clips["generator"], seed=seed)
    return clips.assign(group=tracks, split=split)


def candidates(clips: pd.DataFrame, column: str, target: int) -> list[str]:
    """What can be left out: in train and in test, and enough of both classes stays without it."""
    own = clips[clips["target"] == target]
    by_split = {split: set(own.loc[own["split"] == split, column]) for split in ("train", "test")}
    both = sorted(by_split["train"] & by_split["test"])
    return [value for value in both if _enough(leave_out(clips, column, value))]


def _enough(rest: pd.DataFrame) -> bool:
    """Whether train and val still hold both classes."""
    classes = rest.groupby("split")["target"].nunique()
    return bool((classes.reindex(["train", "val"]).fillna(0) == 2).all())


def leave_one_out(
    detector: tuple[str, dict[str, Any]],
    base: Sequence[Trained],
    clips: pd.DataFrame,
    clean: Variant,
    folder: Path,
    *,
    column: str,
    target: int,
    values: Sequence[str] = (),
    name: str,
    seed: int = 0,
) -> pd.DataFrame:
    """Train without one family or source after another; test beside detectors trained with it.

    Parameters
    ----------
    detector : tuple of str and dict
        Name and settings of the detectors to train.
    base : sequence of Trained
        Detectors of the same settings, trained on everything.
    clips : DataFrame
        The manifest.
    clean : Variant
        The clean clips, all splits.
    folder : Path
        Where models are kept.
    column, target : str, int
        ``family`` or ``generator``, of AI (1) or human (0) clips.
    values : sequence of str
        What to leave out; by default every candidate, however many: two detectors each and seed.
    name : str
        Readable first part of the models' folders.
    seed : int
        Of the tracks drawn for the control.

    Returns
    -------
    DataFrame
        Predictions on the test clips of what was left out and all test clips of the other class.
        Column ``held_out``; regimes ``heard`` (`base`), ``heard_same_size`` (as many tracks as
        ``unheard``, see :func:`same_size`) and ``unheard``. No rows where nothing can be left
        out: nothing is in train as well as in test, beside another of its class.

    Raises
    ------
    BadInput
        A value is none of the candidates.
    """
    known = candidates(clips, column, target)
    tables = [pd.DataFrame(columns=[*predictions.COLUMNS, "held_out"])]
    for value in values or known:
        if value not in known:
            raise unknown(f"{column} to leave out", value, known)
        learnt = {
            "heard_same_size": ("-as-few-as-", same_size(clips, column, value, seed=seed)),
            "unheard": ("-without-", leave_out(clips, column, value)),
        }
        models: dict[str, Sequence[Trained]] = {"heard": base}
        for regime, (mark, rest) in learnt.items():
            how = {"name": f"{name}{mark}{_plain(value)}", "purpose": UNHEARD}
            models[regime] = protocols.train_seeds(
                detector, [clean.among(rest)], folder, seeds=[one.seed for one in base], **how
            )
        tested = clean.among(_facing(clips, column, value, target))
        for regime, trained in models.items():
            about = {"regime": regime, "train_variant": "clean"}
            found = protocols.predict_seeds(trained, [tested], **about)
            tables.append(found.assign(held_out=value))
    return pd.concat(tables[1:] or tables, ignore_index=True)


def _facing(clips: pd.DataFrame, column: str, value: str, target: int) -> pd.DataFrame:
    """Test clips of what is left out and of the whole other class."""
    test = clips[clips["split"] == "test"]
    return test[((test["target"] == target) & (test[column] == value)) | (test["target"] != target)]


def heard_in_folds(
    detector: tuple[str, dict[str, Any]],
    base: Sequence[Trained],
    clean: Variant,
    folder: Path,
    *,
    name: str,
) -> pd.DataFrame:
    """Every family by detectors whose folds keep families apart, and by ones whose do not.

    Both are trained on as many clips: here the smaller training set is no excuse.

    Parameters
    ----------
    detector, folder, name
        As for :func:`leave_one_out`.
    base : sequence of Trained
        Cross-fitted over families and sources.
    clean : Variant
        The clean clips, in folds over families and sources.

    Returns
    -------
    DataFrame
        As from :func:`leave_one_out`, regimes ``heard`` and ``unheard``: each AI family of at
        least ``MIN_TRACKS`` tracks beside all human clips.
    """
    seeds = sorted({one.seed for one in base})
    how: dict[str, Any] = {"seeds": seeds, "name": f"{name}-by-track", "purpose": UNHEARD}
    by_track = clean.among(dealt_by_track(clean.clips))
    near = protocols.train_seeds(detector, [by_track], folder, **how)
    both = pd.concat(
        [
            protocols.predict_seeds(models, [heard], regime=regime, train_variant="clean")
            for models, heard, regime in ((base, clean, "unheard"), (near, by_track, "heard"))
        ]
    ).assign(group=lambda table: table["track_id"])
    tracks = both[both["target"] == 1].groupby("family")["track_id"].nunique()
    return pd.concat(
        [
            both[(both["target"] == 0) | (both["family"] == family)].assign(held_out=family)
            for family in tracks.index[tracks >= MIN_TRACKS]
        ],
        ignore_index=True,
    )


def _plain(value: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in value)
