"""One contract for every data set, on tiny data."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import RATE, tune

from offkey import datasets
from offkey.core import manifest, store
from offkey.core.errors import BadInput
from offkey.datasets import demo, public_clips
from offkey.sound import audio

TRACKS = 6


def _folder(root: Path) -> dict[str, Any]:
    for kind in ("human", "ai/maker"):
        for number in range(TRACKS):
            audio.write(root / kind / f"{number}.wav", tune(f"{kind}{number}"), RATE)
    return {"source": str(root)}


def _fakemusiccaps(root: Path) -> dict[str, Any]:
    for folder in ("MusicCaps", "mustango"):
        for number in range(TRACKS):
            path = root / folder / f"abcdefghi_{number}.wav"
            audio.write(path, tune(f"{folder}{number}"), RATE)
    return {"source": str(root), "generators": ["mustango"]}


def _public_clips(root: Path) -> dict[str, Any]:
    """The first rows of the real table, with other sound behind them."""
    table = public_clips.read_table("main").groupby("label").head(30)
    table = table[table.groupby("label").cumcount() % 3 == 0].reset_index(drop=True)
    hashes = []
    for number, file in enumerate(table["file"]):
        path = audio.write(root / str(file), tune(f"public{number}"), RATE)
        hashes.append(store.file_sha256(path))
    table.assign(sha256_of_clip=hashes).to_csv(root / "table.csv", index=False)
    return {"source": str(root), "held_out": "track"}


def _demo(root: Path) -> dict[str, Any]:
    return {"tracks": importlib.import_module("offkey.datasets.demo").MIN_TRACKS}


TINY: dict[str, Callable[[Path], dict[str, Any]]] = {
    "demo": _demo,
    "public_clips": _public_clips,
    "fakemusiccaps": _fakemusiccaps,
    "folder": _folder,
}


def test_every_data_set_is_tested() -> None:
    assert set(TINY) == set(datasets.NAMES)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}

    def of(name: str) -> dict[str, Any]:
        if name not in made:
            made[name] = TINY[name](tmp_path_factory.mktemp(f"input_{name}"))
        return made[name]

    return of


@pytest.fixture
def options(
    request: pytest.FixtureRequest,
    inputs: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> dict[str, Any]:
    """Options that make the data set named by the test's parameter small."""
    name = request.node.callspec.params["name"]
    found = inputs(name)
    if name == "public_clips":
        monkeypatch.setattr(public_clips, "TABLE", Path(found["source"]) / "table.csv")
    return found


@pytest.mark.parametrize("name", datasets.NAMES)
def test_licence_and_citation_are_stated(name: str, options: dict[str, Any]) -> None:
    info = datasets.info(name)
    assert info.name == name
    for field in ("title", "url", "licence", "citation"):
        assert len(getattr(info, field)) > 5, field
    assert isinstance(info.shares_audio, bool)


@pytest.mark.parametrize("name", datasets.NAMES)
def test_ends_in_a_valid_manifest(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    clips = datasets.make(name, tmp_path, seed=3, **options)
    manifest.validate(clips)
    assert set(clips["dataset"]) == {name}
    assert set(clips["target"]) == {0, 1}
    assert set(clips["family"][clips["target"] == 0]) == {"human"}
    for target, group in clips.groupby("target"):
        assert set(group["split"]) == set(manifest.SPLITS), target
    rates = {demo.RATE_HZ} if name == "demo" else {audio.SAMPLE_RATE_HZ}
    assert set(clips["sample_rate_hz"]) == rates
    assert datasets.verify(tmp_path).empty
    for clip in clips.iloc[:: max(1, len(clips) // 5)].itertuples():
        about = audio.probe(str(clip.path))
        assert (about.sample_rate_hz, about.channels) == (clip.sample_rate_hz, 1)
        assert about.duration_s == pytest.approx(clip.duration_s, abs=1e-3)
        # one window of 4 s must survive a rate of 1.25
        assert clip.duration_s >= 5.0
    pd.testing.assert_frame_equal(clips, datasets.load(tmp_path))
    pd.testing.assert_frame_equal(clips, datasets.make(name, tmp_path, seed=3, **options))


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_misspelt_option_is_refused(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    real = next(iter(options))
    with pytest.raises(BadInput, match=f"did you mean '{real}'"):
        datasets.make(name, tmp_path / "out", **{f"{real}x": 1})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", datasets.NAMES)
def test_a_build_that_was_killed_goes_on(
    name: str, options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = datasets.make(name, tmp_path / "whole", seed=3, **options)
    write, written = audio.write, []

    def dies(path: Path | str, *args: Any, **how: Any) -> Path:
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(Path(path))
        return write(path, *args, **how)

    with monkeypatch.context() as patch:
        patch.setattr(audio, "write", dies)
        if Path(whole["path"][0]).is_relative_to(tmp_path):
            with pytest.raises(KeyboardInterrupt):
                datasets.make(name, tmp_path / "torn", seed=3, **options)
            assert not (tmp_path / "torn" / "clips.parquet").exists()
    before = {path: path.stat().st_mtime_ns for path in written}
    again = datasets.make(name, tmp_path / "torn", seed=3, **options)
    pd.testing.assert_frame_equal(again.drop(columns="path"), whole.drop(columns="path"))
    if name != "demo":  # the demo renders again, to the same bytes
        assert {path: path.stat().st_mtime_ns for path in written} == before
    assert not [path for path in tmp_path.rglob("*") if ".partial" in path.name]


MAKE = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
from offkey.__main__ import main
main()
"""


def _making(data: Path, jobs: int) -> subprocess.Popen[str]:
    """The command ``offkey data make`` for the smallest demo."""
    words = ["data", "make", "demo", f"--set=tracks={demo.MIN_TRACKS}", f"--data={data}"]
    return subprocess.Popen(
        [sys.executable, "-c", MAKE, *words],
        env={**os.environ, "OFFKEY_JOBS": str(jobs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_ctrl_c_leaves_nothing_half_written_and_the_next_call_goes_on(tmp_path: Path) -> None:
    process = _making(tmp_path, jobs=2)
    end = time.monotonic() + 120
    while not list(tmp_path.rglob("*.flac")):
        assert process.poll() is None and time.monotonic() < end, "no sound was made"
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.rstrip().endswith("offkey: stopped") and "Traceback" not in errors
    assert datasets.made(tmp_path / "datasets").empty
    assert not [path for path in tmp_path.rglob("*") if ".partial" in path.name]
    for path in tmp_path.rglob("*.flac"):
        assert len(audio.load(path)) == round(audio.probe(path).duration_s * RATE)

    again = _making(tmp_path, jobs=1)
    said, errors = again.communicate(timeout=300)
    assert again.returncode == 0, errors
    assert f"demo: {2 * demo.MIN_TRACKS} clips of {demo.MIN_TRACKS} tracks" in said
    (folder,) = datasets.made(tmp_path / "datasets")["folder"]
    assert datasets.verify(Path(folder)).empty


@pytest.mark.parametrize("name", datasets.NAMES)
def test_the_seed_decides(name: str, options: dict[str, Any], tmp_path: Path) -> None:
    one = datasets.make(name, tmp_path / "a", seed=3, **options)
    same = datasets.make(name, tmp_path / "b", seed=3, **options)
    pd.testing.assert_frame_equal(one.drop(columns="path"), same.drop(columns="path"))
    other = datasets.make(name, tmp_path / "c", seed=4, **options)
    places = [dict(zip(clips["track_id"], clips["split"], strict=True)) for clips in (one, other)]
    assert places[0] != places[1]


def test_an_unknown_data_set_is_refused_by_the_nearest_name() -> None:
    with pytest.raises(BadInput, match="did you mean 'public_clips'"):
        datasets.module("publicclips")
