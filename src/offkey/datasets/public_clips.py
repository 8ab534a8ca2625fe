"""Real music of both kinds: 1,125 clips cut from public repositories, by their hashes.

``public_clips.csv`` holds facts only (repository, commit, path, offset, hashes, what the pages say
of each file); the sound belongs to its makers and is never part of this project. It is fetched
from its source, or taken from a folder that holds the same clips.

545 AI clips of 45 generators in 32 families, 530 human clips of 81 sources, and 50 decoder
reconstructions that share the track of their human original. In the *matched* clips, 217 AI of 17
families and 339 human of 55 sources, both classes came as mp3 at 44.1 or 48 kHz.

Presto's two sets come from one seed each (same key, same notes), so each counts as one track.
Column ``prompt`` joins clips of the same page that were made from one prompt or one seed.
Columns ``rolloff99_hz, band_edge_hz, flatness_median`` are measured on the clip at 16 kHz.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from offkey.core import manifest, progress, store
from offkey.core.errors import BadInput, unknown
from offkey.datasets import fetching
from offkey.datasets.base import DatasetInfo, Skipped, keep_good
from offkey.sound import audio

INFO = DatasetInfo(
    name="public_clips",
    title="Public clips: AI-generated and human music from public repositories",
    url="https://github.com (one repository per clip, named in public_clips.csv)",
    licence="each clip its own, often not stated: see the licence column; measure, do not share",
    citation="The makers of each clip, by the repository, commit and path in public_clips.csv.",
    shares_audio=False,
)
TABLE = Path(__file__).with_name("public_clips.csv")
RECIPE = (2, store.file_sha256(TABLE))
BASE_URL = "https://raw.githubusercontent.com"
SHARES = (0.55, 0.15, 0.30)
SUBSETS = {"main": ("ai", "human"), "recon": ("human", "recon"), "all": ("ai", "human", "recon")}
HELD_OUT = ("family", "track", "repository")
CONFIDENCE = ("high", "medium")


def make(
    folder: Path,
    *,
    seed: int,
    source: str = "",
    fetch: bool = False,
    subset: str = "main",
    matched: bool = False,
    min_confidence: str = "medium",
    held_out: str = "family",
    folds: int = 0,
    base_url: str = BASE_URL,
) -> pd.DataFrame:
    """Find or fetch the clips and split them.

    Parameters
    ----------
    folder : Path
        Where fetched clips go; those of `source` stay where they are.
    seed : int
        The study's seed.
    source : str
        Folder with ``ai/``, ``human/`` and ``recon/`` that holds the clips already.
    fetch : bool
        Download each source file from its repository and cut it (about a thousand files).
    subset : str
        ``main``: AI and human music; ``recon``: reconstructions (target 1) and their human
        originals; ``all``.
    matched : bool
        Only clips whose source is an mp3 file of 44.1 kHz or more.
    min_confidence : str
        ``high``: leave out clips whose label the page does not state plainly; ``medium``: all.
    held_out : str
        What no two splits or folds share. ``family``: an AI family or a human source; ``track``: a
        track or prompt; ``repository``: whole repositories, AI and human alike. Groups that share
        a track are one. Reconstructions follow their human original, so only ``track`` spreads
        each decoder over all splits.
    folds : int
        0: one split into train, val and test. From 3 on: that many folds for cross-fitting
        (:func:`offkey.core.manifest.views`), every clip is tested.
    base_url : str
        Host of ``repository/commit/path``.

    Raises
    ------
    BadInput
        Neither or both of `source` and `fetch`; a clip of `source` is missing or another one;
        too many source files have vanished or changed.
    FetchError
        The host cannot be reached.
    """
    if held_out not in HELD_OUT:
        raise unknown("way to split public_clips", held_out, HELD_OUT)
    source = _place_of_clips(source, fetch)
    rows = read_table(subset, matched=matched, min_confidence=min_confidence)
    placed = _local(rows, Path(source).expanduser()) if source else _fetched(rows, folder, base_url)
    rows = rows.loc[placed["row"]].reset_index(drop=True)
    groups = _groups(rows, held_out)
    clips = pd.DataFrame(
        {
            "clip_id": [Path(file).stem for file in rows["file"]],
            "track_id": rows["track_id"],
            "group": groups,
            "path": placed["path"],
            "target": (rows["label"] != "human").astype(int),
            "generator": rows["generator"],
            "family": rows["family"].where(rows["label"] != "human", "human"),
            "dataset": INFO.name,
            **_dealt(rows, groups, folds, seed),
            "offset_s": rows["offset_s"],
            "duration_s": placed["duration_s"],
            "sample_rate_hz": audio.SAMPLE_RATE_HZ,
            "source_container": rows["path_in_repo"].map(
                lambda path: Path(path).suffix[1:].lower()
            ),
            "source_codec": rows["source_codec"],
            "source_encoder": "",  # its files' tags were not recorded
            "source_bitrate_kbps": rows["source_bitrate_kbps"].where(
                rows["source_bitrate_kbps"] > 0
            ),
            "source_sample_rate_hz": rows["source_sample_rate_hz"],
            "sha256": placed["sha256"],
            "licence": rows["licence"],
        }
    )
    clips.attrs["skipped"] = placed.attrs.get("skipped", [])
    return clips


def sources(options: Mapping[str, Any]) -> dict[str, Path]:
    """The clips, where they lie in a folder already; what is fetched has the hashes listed."""
    source = _place_of_clips(options["source"], options["fetch"])
    which = {name: options[name] for name in ("subset", "matched", "min_confidence")}
    rows = read_table(**which)
    root = Path(source).expanduser()
    return {str(file): root / str(file) for file in rows["file"] if source}


def _place_of_clips(source: str, fetch: bool) -> str:
    """The folder that holds the clips; empty where they are fetched."""
    # a place on this machine does not belong in a study file or on a page
    source = source or ("" if fetch else os.environ.get("OFFKEY_CLIPS", ""))
    if bool(source) == fetch:
        raise BadInput(
            "public_clips: give either source=FOLDER (or OFFKEY_CLIPS), a folder that holds the "
            "clips (ai/, human/, recon/), or fetch=true to download them from their repositories."
        )
    return source


def read_table(
    subset: str = "all", *, matched: bool = False, min_confidence: str = "medium"
) -> pd.DataFrame:
    """The facts about each clip; a reconstruction is there only beside its human original."""
    if subset not in SUBSETS:
        raise unknown("subset of public_clips", subset, SUBSETS)
    if min_confidence not in CONFIDENCE:
        raise unknown("confidence of public_clips", min_confidence, CONFIDENCE)
    table = pd.read_csv(TABLE, keep_default_na=False)
    if matched:
        alike = (table["source_codec"] == "mp3") & (table["source_sample_rate_hz"] >= 44_100)
        table = table[alike]
    if min_confidence == "high":
        table = table[table["label_confidence"] == "high"]
    human, recon = table["label"] == "human", table["label"] == "recon"
    table = table[~recon | table["track_id"].isin(table.loc[human, "track_id"])]
    if subset == "recon":
        table = table[table["track_id"].isin(table.loc[recon, "track_id"])]
    table = table[table["label"].isin(SUBSETS[subset])]
    if table.empty:
        raise BadInput("no clips of public_clips are left: choose fewer limits.")
    return table.reset_index(drop=True)


def _local(rows: pd.DataFrame, source: Path) -> pd.DataFrame:
    """Check the clips of a folder; rows of (row, path, sha256, duration_s)."""
    if not source.is_dir():
        raise BadInput(f"public_clips: {source} is no folder; source=FOLDER holds ai/ and human/.")
    placed, missing, changed = [], [], []
    for row in progress.bar(rows.itertuples(), total=len(rows), desc="checking clips"):
        path = (source / str(row.file)).resolve()
        if not path.is_file():
            missing.append(path)
        elif store.file_sha256(path) != row.sha256_of_clip:
            changed.append(path)
        else:
            placed.append(_place(row.Index, path, str(path), str(row.sha256_of_clip)))
    if missing or changed:
        raise BadInput(
            f"public_clips: of {len(rows)} clips in {source}, {len(missing)} are missing and "
            f"{len(changed)} are not the clips they should be (wrong SHA-256), e.g. "
            f"{(missing + changed)[0]}: copy them again, or use fetch=true and no source."
        )
    return pd.DataFrame(placed)


def _fetched(rows: pd.DataFrame, folder: Path, base_url: str) -> pd.DataFrame:
    """Download and cut whatever is not there yet; rows as in `_local`."""
    downloads = folder / "download"
    results: list[dict[str, Any] | Skipped] = []
    files = rows.groupby(["repo", "commit", "path_in_repo"], sort=True)
    bar = progress.bar(files, total=len(files), desc="fetching", unit="file")
    for (repo, commit, name), clips in bar:
        url = f"{base_url}/{repo}/{commit}/{quote(str(name))}"
        todo = [row for row in clips.itertuples() if not _is_whole(folder / "audio", row)]
        try:
            if todo:
                sha256 = str(todo[0].sha256_of_source_file)
                whole = fetching.fetch(url, downloads / f"{sha256}{Path(str(name)).suffix}", sha256)
                for row in todo:
                    span = {"offset_s": row.offset_s, "duration_s": row.duration_s}
                    audio.write(folder / "audio" / Path(row.file).name, audio.load(whole, **span))
                whole.unlink()
        except fetching.FetchError as error:
            if error.reason == "unreachable":
                raise
            results += [Skipped(url, error.reason, error.detail)] * len(clips)
            continue
        except audio.AudioError as error:
            results += [Skipped(url, error.reason, error.detail)] * len(clips)
            continue
        for row in clips.itertuples():
            path = f"audio/{Path(str(row.file)).name}"
            sha256 = store.file_sha256(folder / path)
            results.append(_place(row.Index, folder / path, path, sha256))
    shutil.rmtree(downloads, ignore_errors=True)
    return keep_good(results, INFO.name, folder).sort_values("row", ignore_index=True)


def _is_whole(audio_folder: Path, row: Any) -> bool:
    """Whether an earlier run has cut this clip (a damaged FLAC does not decode in full)."""
    try:
        samples = audio.load(audio_folder / Path(row.file).name)
    except audio.AudioError:
        return False
    return bool(abs(len(samples) / audio.SAMPLE_RATE_HZ - row.duration_s) < 0.1)


def _place(row: Any, path: Path, shown_path: str, sha256: str) -> dict[str, Any]:
    duration_s = audio.probe(path).duration_s
    return {"row": row, "path": shown_path, "sha256": sha256, "duration_s": duration_s}


def _groups(rows: pd.DataFrame, held_out: str) -> pd.Series:
    """What no two splits or folds share; a reconstruction belongs to its human original."""
    made = rows[rows["label"] != "recon"]
    if held_out == "family":
        names = made["family"].where(made["label"] == "ai", made["generator"])
        groups = made["label"] + " " + names
    elif held_out == "track":
        groups = made["prompt"].where(made["prompt"] != "", made["track_id"])
    else:
        groups = made["repo"]
    of_track = _joined(groups, made["track_id"]).groupby(made["track_id"]).first()
    lost = sorted(set(rows["track_id"]) - set(of_track.index))
    if lost:
        raise BadInput(f"public_clips: no human original for the reconstructions of {lost[0]}.")
    return rows["track_id"].map(of_track)


def _joined(groups: pd.Series, tracks: pd.Series) -> pd.Series:
    """Groups that share a track as one, under the name of the first of them."""
    while True:
        joined = groups.groupby(tracks).transform("min").groupby(groups).transform("min")
        if joined.equals(groups):
            return groups
        groups = joined


def _dealt(rows: pd.DataFrame, groups: pd.Series, folds: int, seed: int) -> dict[str, Any]:
    """Columns ``split`` and ``fold``; each holds its share of the AI and of the human groups."""
    made = rows["label"] != "recon"
    share = (rows["label"] == "ai")[made].groupby(groups[made]).mean()
    # a repository of both classes counts for the one it has more of
    strata = groups[made].map(share).ge(0.5).map({True: "ai", False: "human"})
    if folds:
        fold = manifest.assign_folds(groups[made], strata, n_folds=folds, seed=seed)
        return {"split": "test", "fold": groups.map(dict(zip(groups[made], fold, strict=True)))}
    split = manifest.assign_splits(groups[made], strata, seed=seed, shares=SHARES)
    return {"split": groups.map(dict(zip(groups[made], split, strict=True))), "fold": 0}
