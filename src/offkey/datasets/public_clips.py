"""Real music of both kinds: 421 clips cut from public repositories, by their hashes.

``public_clips.csv`` holds facts only (repository, commit, path, offset, hashes, what the pages say
of each file); the sound belongs to its makers and is never part of this project. It is fetched
from its source, or taken from a folder that holds the same clips.

199 AI clips of 30 generators in 21 families, 172 human clips of 25 sources, and 50 decoder
reconstructions that share the track of their human original. Presto's two sets come from one seed
each (same key, same notes), so each counts as one track. Column ``prompt`` joins clips of the same
page that were made from one prompt.
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
RECIPE = (1, store.file_sha256(TABLE))
BASE_URL = "https://raw.githubusercontent.com"
SHARES = (0.55, 0.15, 0.30)
SUBSETS = {"main": ("ai", "human"), "recon": ("human", "recon"), "all": ("ai", "human", "recon")}
SPLITS_BY = ("source", "track", "repository")


def make(
    folder: Path,
    *,
    seed: int,
    source: str = "",
    fetch: bool = False,
    subset: str = "main",
    split_by: str = "source",
    confident_only: bool = False,
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
        Download each source file from its repository and cut it (some hundred files).
    subset : str
        ``main``: AI and human music; ``recon``: reconstructions (target 1) and their human
        originals; ``all``.
    split_by : str
        What no two splits share. ``source``: an AI family or human source; ``track``: a track or
        prompt; ``repository``: whole repositories, AI and human alike. Reconstructions follow
        their human original, so only ``track`` spreads each decoder over all splits.
    confident_only : bool
        Leave out clips whose label the page does not state plainly.
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
    if split_by not in SPLITS_BY:
        raise unknown("way to split public_clips", split_by, SPLITS_BY)
    source = _place_of_clips(source, fetch)
    rows = read_table(subset, confident_only)
    placed = _local(rows, Path(source).expanduser()) if source else _fetched(rows, folder, base_url)
    rows = rows.loc[placed["row"]].reset_index(drop=True)
    clips = pd.DataFrame(
        {
            "clip_id": [Path(file).stem for file in rows["file"]],
            "track_id": rows["track_id"],
            "path": placed["path"],
            "target": (rows["label"] != "human").astype(int),
            "generator": rows["generator"],
            "family": rows["family"].where(rows["label"] != "human", "human"),
            "dataset": INFO.name,
            "split": _splits(rows, split_by, seed),
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
    rows = read_table(options["subset"], options["confident_only"])
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


def read_table(subset: str = "all", confident_only: bool = False) -> pd.DataFrame:
    """The facts about each clip; reconstructions bring their human originals with them."""
    if subset not in SUBSETS:
        raise unknown("subset of public_clips", subset, SUBSETS)
    table = pd.read_csv(TABLE, keep_default_na=False)
    table = table[table["label"].isin(SUBSETS[subset])]
    if subset == "recon":
        paired = set(table.loc[table["label"] == "recon", "track_id"])
        table = table[table["track_id"].isin(paired)]
    if confident_only:
        table = table[table["label_confidence"] == "high"]
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


def _splits(rows: pd.DataFrame, split_by: str, seed: int) -> pd.Series:
    """Deal AI and human music; a reconstruction goes where its human original is."""
    dealt = rows[rows["label"] != "recon"]
    human = dealt["label"] == "human"
    strata = dealt["label"]
    if split_by == "source":
        groups = strata + " " + dealt["generator"].where(human, dealt["family"])
    elif split_by == "track":
        groups = dealt["prompt"].where(dealt["prompt"] != "", dealt["track_id"])
    else:
        groups = dealt["repo"]
        both = dealt.groupby("repo")["label"].nunique() > 1
        strata = strata.where(~groups.map(both), "both")
    split = manifest.assign_splits(groups, strata, seed=seed, shares=SHARES)
    by_track = dict(zip(dealt["track_id"], split, strict=True))
    lost = sorted(set(rows["track_id"]) - set(by_track))
    if lost:
        raise BadInput(f"public_clips: no human original for the reconstructions of {lost[0]}.")
    return rows["track_id"].map(by_track)
