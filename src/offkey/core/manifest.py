"""The table of clips: schema, read, write, validate, split by track."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pandera.pandas as pa

from offkey.core import seeding, store
from offkey.core.errors import BadInput

SPLITS = ("train", "val", "test")
KEYS = ["clip_id", "track_id", "group", "target", "generator", "family", "dataset", "split", "fold"]

SCHEMA = pa.DataFrameSchema(
    {
        "clip_id": pa.Column(str, unique=True),
        "track_id": pa.Column(str),
        "group": pa.Column(str),
        "path": pa.Column(str),
        "target": pa.Column("int64", pa.Check.isin([0, 1])),
        "generator": pa.Column(str),
        "family": pa.Column(str),
        "dataset": pa.Column(str),
        "split": pa.Column(str, pa.Check.isin(SPLITS)),
        "fold": pa.Column("int64", pa.Check.ge(0)),
        "offset_s": pa.Column(float, pa.Check.ge(0)),
        "duration_s": pa.Column(float, pa.Check.gt(0)),
        "sample_rate_hz": pa.Column("int64", pa.Check.gt(0)),
        "source_container": pa.Column(str),
        "source_codec": pa.Column(str),
        "source_encoder": pa.Column(str),
        "source_bitrate_kbps": pa.Column(float, nullable=True),
        "source_sample_rate_hz": pa.Column("int64", pa.Check.gt(0)),
        "band_limited": pa.Column(bool),
        "sha256": pa.Column(str, pa.Check.str_matches(r"^[0-9a-f]{64}$")),
        "licence": pa.Column(str),
    },
    strict=True,
    ordered=True,
)
COLUMNS = list(SCHEMA.columns)
FULL_BAND_HZ = 20_160
"""Rate at which a shift of -4 semitones still fills the 8 kHz that log-mels look at."""
SOURCE_FACTS = [name for name in COLUMNS if name.startswith("source_")]
"""What the file a clip was cut from says of itself."""


def validate(clips: pd.DataFrame, name: str = "manifest") -> pd.DataFrame:
    """Check a manifest and put its columns in order.

    Parameters
    ----------
    clips : DataFrame
        One row per clip. ``group`` (what no two splits or folds share: the track, or something
        coarser) is the track where it is missing, ``fold`` is 0. ``band_limited`` (a shift by -4
        semitones leaves a part of the 8 kHz band empty, since neither the clip nor its source
        holds what would move there) is derived.
    name : str
        What to call the table in an error, e.g. its path.

    Raises
    ------
    BadInput
        A column is missing or unknown, a value is not allowed, a ``clip_id`` stands twice, or a
        track or group stands in two splits or folds. The message names the first offender.
    """
    clips = _with_band_limits(with_groups(clips))
    missing = [column for column in COLUMNS if column not in clips]
    extra = [column for column in clips if column not in COLUMNS]
    if missing or extra:
        raise BadInput(
            f"{name}: missing columns {missing or 'none'}, unknown columns {extra or 'none'}; "
            f"a manifest has exactly: {', '.join(COLUMNS)}."
        )
    if clips.empty:
        raise BadInput(f"{name}: no clips.")
    try:
        valid = SCHEMA.validate(_typed(clips[COLUMNS]))
    except (pa.errors.SchemaError, ValueError, TypeError) as error:
        raise BadInput(f"{name}: {_reason(error)}") from error
    for what in ("track_id", "group"):
        for where in ("split", "fold"):
            _refuse_torn(valid, what, where, name)
    return valid.reset_index(drop=True)


def _refuse_torn(clips: pd.DataFrame, what: str, where: str, name: str) -> None:
    count = clips.groupby(what)[where].nunique()
    torn = count[count > 1]
    if len(torn):
        places = sorted(map(str, clips.loc[clips[what] == torn.index[0], where].unique()))
        label = what.removesuffix("_id")
        raise BadInput(
            f"{name}: {label} '{torn.index[0]}' stands in the {where}s {' and '.join(places)} "
            f"({len(torn)} such {label}s): a track, its twins and its re-encodings "
            f"belong to one {where}."
        )


def with_groups(clips: pd.DataFrame) -> pd.DataFrame:
    """The track is what stays together, and there is one fold, where nothing else is said."""
    if "group" not in clips and "track_id" in clips:
        clips = clips.assign(group=clips["track_id"])
    return clips if "fold" in clips else clips.assign(fold=0)


def _with_band_limits(clips: pd.DataFrame) -> pd.DataFrame:
    """Say of every clip whether a shift downwards pulls emptiness into its analysis band."""
    rates = ["sample_rate_hz", "source_sample_rate_hz"]
    if not set(rates) <= set(clips):
        return clips
    lower_hz = clips[rates].apply(pd.to_numeric, errors="coerce").min(axis=1)
    return clips.assign(band_limited=lower_hz < FULL_BAND_HZ)


def _typed(clips: pd.DataFrame) -> pd.DataFrame:
    types = {name: column.dtype.type for name, column in SCHEMA.columns.items()}
    numeric = {name: kind for name, kind in types.items() if kind in ("int64", "float64")}
    strings = [name for name in types if name not in (*numeric, "band_limited")]
    return clips.astype({**{name: "str" for name in strings}, **numeric})


def _reason(error: Exception) -> str:
    cases = getattr(error, "failure_cases", None)
    column = getattr(getattr(error, "schema", None), "name", None)
    if isinstance(cases, pd.DataFrame) and len(cases) and column:
        check = getattr(error, "check", None)
        rule = "must be unique" if check == "field_uniqueness" else f"fails {check or 'its type'}"
        return f"column '{column}' {rule}, e.g. {cases['failure_case'].iloc[0]!r}."
    return str(error).splitlines()[0]


def write(clips: pd.DataFrame, folder: Path) -> None:
    """Validate and write ``clips.parquet`` with its CSV twin."""
    store.write_table(validate(clips), folder / "clips.parquet", csv=True)


def read(folder: Path) -> pd.DataFrame:
    """Read and validate the manifest of a data set."""
    path = folder / "clips.parquet"
    return validate(store.read_table(path), str(path))


def fingerprint(clips: pd.DataFrame) -> str:
    """Name the content of a manifest: which clips, with which sound, in which split."""
    keys: list[Any] = clips[["clip_id", "sha256", "target", "split", "fold"]].values.tolist()
    return store.fingerprint(keys)


def assign_splits(
    groups: pd.Series,
    strata: pd.Series,
    *,
    seed: int,
    shares: tuple[float, float, float] = (0.6, 0.15, 0.25),
    reserved: Collection[str] = (),
) -> pd.Series:
    """Deal whole groups into train, val and test, stratum by stratum.

    Parameters
    ----------
    groups : Series of str
        What must stay together, one value per clip: the track, or something coarser.
    strata : Series of str
        What each split should hold its share of, e.g. the class or the musical style. A group
        counts for the stratum of its first clip.
    seed : int
        The study's seed.
    shares : tuple of float
        Share of the clips for train, val and test.
    reserved : collection of str
        Groups that go to train whatever the draw: something used here was made from them.

    Returns
    -------
    Series of str
        ``train``, ``val`` or ``test`` per clip, with the index of `groups`.

    Notes
    -----
    Groups are taken in random order, the largest first where sizes differ, and go to the split
    that lacks most of its share so far. Reserved groups fill the share of train first.
    """
    dealt = _deal(groups, strata, shares, ("split",), seed=seed, first=reserved)
    return dealt.map(dict(enumerate(SPLITS)))


def assign_folds(
    groups: pd.Series, strata: pd.Series, *, n_folds: int = 5, seed: int = 0
) -> pd.Series:
    """Deal whole groups into folds of about the same size, stratum by stratum.

    Parameters
    ----------
    groups, strata : Series of str
        As for :func:`assign_splits`.
    n_folds : int
        At least 3: one is tested, one fixes the threshold.
    seed : int
        The study's seed.

    Returns
    -------
    Series of int
        0 to ``n_folds - 1`` per clip, with the index of `groups`.

    Raises
    ------
    BadInput
        Fewer than 3 folds, or a stratum with fewer groups than folds.
    """
    if n_folds < 3:
        raise BadInput(f"{n_folds} folds: at least 3 are needed to train, validate and test.")
    counts = groups.groupby(strata).nunique()
    if counts.min() < n_folds:
        raise BadInput(
            f"'{counts.idxmin()}' has {counts.min()} groups for {n_folds} folds: "
            "choose fewer folds, or finer groups."
        )
    return _deal(groups, strata, (1,) * n_folds, ("fold",), seed=seed)


def views(clips: pd.DataFrame, *, seed: int = 0) -> list[pd.DataFrame]:
    """One manifest with train, val and test per fold; the manifest itself where there is one fold.

    Parameters
    ----------
    clips : DataFrame
        The manifest.
    seed : int
        The study's seed.

    Returns
    -------
    list of DataFrame
        In view k the clips of fold k are ``test``. Whole groups of the other folds are dealt into
        train and val, four clips to one, either class apart.
    """
    folds = sorted(clips["fold"].unique())
    if len(folds) == 1:
        return [clips]
    found = []
    for fold in folds:
        split = pd.Series("test", index=clips.index)
        rest = clips[clips["fold"] != fold]
        strata = rest["target"].astype(str)
        key = ("validation", str(fold))
        inner = _deal(rest["group"], strata, (4, 1), key, seed=seed)
        split[rest.index] = inner.map(dict(enumerate(SPLITS)))
        found.append(clips.assign(split=split))
    return found


def _deal(
    groups: pd.Series,
    strata: pd.Series,
    shares: Sequence[float],
    key: tuple[str, ...],
    *,
    seed: int,
    first: Collection[str] = (),
) -> pd.Series:
    """Number of the share that each clip's group goes to; groups in `first` go to the first."""
    table = pd.DataFrame({"group": groups.astype(str), "stratum": strata.astype(str)})
    size = table.groupby("group").size()
    stratum_of = table.groupby("group")["stratum"].first()
    place: dict[str, int] = {}
    for stratum in sorted(stratum_of.unique()):
        names = sorted(stratum_of.index[stratum_of == stratum])
        order = seeding.rng(seed, *key, stratum).permutation(len(names))
        names = sorted((names[i] for i in order), key=lambda name: -size[name])
        names = sorted(names, key=lambda name: name not in first)
        filled = np.zeros(len(shares))
        wanted = np.asarray(shares) / sum(shares) * sum(size[name] for name in names)
        for name in names:
            place[name] = 0 if name in first else int(np.argmax(wanted - filled))
            filled[place[name]] += size[name]
    return table["group"].map(place).set_axis(groups.index)


def select(clips: pd.DataFrame, split: str = "", limit: int = 0) -> pd.DataFrame:
    """Take one split, and at most `limit` tracks of it (0: all), classes kept together."""
    if split:
        if split not in SPLITS:
            raise BadInput(f"unknown split '{split}': choose one of {', '.join(SPLITS)}.")
        clips = clips[clips["split"] == split]
    if limit:
        clips = clips[clips["track_id"].isin(sorted(clips["track_id"].unique())[:limit])]
    return clips.reset_index(drop=True)


def overview(clips: pd.DataFrame) -> pd.DataFrame:
    """Tracks, clips, minutes and sources per split and class."""
    grouped = clips.assign(made_by=clips["target"].map({0: "human", 1: "AI"})).groupby(
        ["split", "made_by"], sort=False
    )
    table = grouped.agg(
        tracks=("track_id", "nunique"),
        clips=("clip_id", "size"),
        minutes=("duration_s", lambda seconds: round(seconds.sum() / 60, 1)),
        sources=("generator", "nunique"),
        families=("family", "nunique"),
        band_limited=("band_limited", "sum"),
    ).reset_index()
    return table.sort_values("split", key=lambda s: s.map(SPLITS.index), kind="stable")


def generators(clips: pd.DataFrame) -> pd.DataFrame:
    """Clips of every source in every split."""
    table = clips.pivot_table(
        index=["target", "family", "generator"], columns="split", values="clip_id", aggfunc="size"
    )
    table = table.reindex(columns=list(SPLITS)).fillna(0).astype(int).reset_index()
    table["target"] = table["target"].map({0: "human", 1: "AI"})
    return table.rename(columns={"target": "class", "generator": "source"}).rename_axis(
        None, axis=1
    )


def counterpart(clips: pd.DataFrame, clip: Any) -> Any:
    """The clip of the other class to set beside `clip`: its twin where there is one."""
    others = clips[clips["target"] != clip["target"]]
    twins = others[others["track_id"] == clip["track_id"]]
    return (twins if len(twins) else others).iloc[0]
