"""What makes a data set the same one, and a folder for each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import RATE, tune
from typer.testing import CliRunner

from offkey import datasets
from offkey.__main__ import app
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.datasets import cutting, demo
from offkey.sound import audio

ROOT = Path(__file__).parents[1]
SMALL = {"tracks": 8, "clip_s": 5.0}


def music(root: Path, name: str = "", tracks: int = 5) -> Path:
    """A source of a few tracks a class, other ones for every name."""
    for number in range(tracks):
        for kind in ("human", "ai"):
            path = root / kind / f"{number}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            audio.write(path, tune(f"{name}{kind}{number}"), RATE)
    return root


def folder_of(root: Path, source: Path | str) -> str:
    return str(datasets.ready("folder", root, source=str(source)).attrs["folder"])


def test_defaults_are_filled_in_and_numbers_are_numbers(tmp_path: Path) -> None:
    plain = datasets.identity("demo", tmp_path)
    assert datasets.identity("demo", tmp_path, tracks=300, clip_s=10) == plain
    assert datasets.identity("demo", tmp_path, decoder_names=list(demo.DECODERS)) == plain
    assert datasets.identity("demo", tmp_path, seed=0, clip_s=10.0) == plain
    assert datasets.identity("demo", tmp_path, tracks=299) != plain
    assert datasets.identity("demo", tmp_path, seed=1) != plain


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tracks": "abc"}, "option 'tracks': input should be a valid integer, not 'abc'"),
        ({"seed": "abc"}, "option 'seed': input should be a valid integer, not 'abc'"),
        ({"clip_s": None}, "option 'clip_s': input should be a valid number, not None"),
        ({"decoder_names": "x"}, "option 'decoder_names': input should be a valid"),
        ({"name": "x"}, "unknown option of data set 'demo' 'name'"),
        ({"folder": "x"}, "unknown option of data set 'demo' 'folder'"),
    ],
)
def test_options_of_the_wrong_type_are_refused(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        datasets.ready("demo", tmp_path, **options)
    assert not list(tmp_path.iterdir())


def test_every_recipe_has_its_folder_and_is_listed(tmp_path: Path) -> None:
    root = tmp_path / "datasets"
    eight = datasets.ready("demo", root, **SMALL)
    nine = datasets.ready("demo", root, **{**SMALL, "tracks": 9})
    assert (len(eight), len(nine)) == (16, 18)
    again = datasets.ready("demo", root, clip_s=5, tracks=8)
    pd.testing.assert_frame_equal(again, eight)
    made = datasets.made(root, "demo").set_index("folder")["options"]
    assert made[eight.attrs["folder"]] == "clip_s: 5.0, tracks: 8"
    assert made[nine.attrs["folder"]] == "clip_s: 5.0, tracks: 9"
    shown = CliRunner().invoke(app, ["data", "list", "--data", str(tmp_path)]).stdout
    assert eight.attrs["folder"] in shown and nine.attrs["folder"] in shown
    assert "clip_s: 5.0, tracks: 9" in shown
    lost = Path(nine["path"].iloc[3])
    lost.unlink()
    checked = CliRunner().invoke(app, ["data", "verify", "demo", "--data", str(tmp_path)])
    assert checked.exit_code == 1
    assert f"{lost}: missing" in checked.stderr
    assert f"{eight.attrs['folder']}: every file is as it was made" in checked.stdout
    # sound that was lost is made again
    pd.testing.assert_frame_equal(datasets.ready("demo", root, **{**SMALL, "tracks": 9}), nine)
    assert lost.is_file()


def test_content_of_the_source_counts_not_its_place_or_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "datasets"
    first = folder_of(root, music(tmp_path / "in"))
    with monkeypatch.context() as patch:
        patch.setattr(cutting, "clips_of", None)  # whatever is built again fails
        os.utime(tmp_path / "in" / "human" / "0.wav", (1, 1))
        (tmp_path / "in" / "human" / "notes.txt").write_text("no music")
        assert folder_of(root, tmp_path / "in") == first
        shutil.copytree(tmp_path / "in", tmp_path / "copy")
        shutil.rmtree(tmp_path / "in")
        assert folder_of(root, tmp_path / "copy") == first
        patch.chdir(tmp_path)
        assert folder_of(root, "copy") == first
    (tmp_path / "copy" / "human" / "0.wav").rename(tmp_path / "copy" / "human" / "other.wav")
    assert folder_of(root, tmp_path / "copy") != first  # the track has another name


def test_other_content_of_the_same_size_and_time_is_another_data_set(tmp_path: Path) -> None:
    source = music(tmp_path / "in")
    victim = source / "human" / "0.wav"
    old = victim.stat()
    first = datasets.identity("folder", tmp_path / "d", source=str(source))
    data = bytearray(victim.read_bytes())
    data[-1000] ^= 1
    victim.write_bytes(data)
    os.utime(victim, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert victim.stat().st_size == old.st_size
    assert datasets.identity("folder", tmp_path / "d", source=str(source)) != first


def test_hashes_are_kept_and_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = music(tmp_path / "in")
    first = datasets.identity("folder", tmp_path / "d", source=str(source))
    read: list[Path] = []
    real = store.file_sha256
    monkeypatch.setattr(store, "file_sha256", lambda path: (read.append(path), real(path))[1])
    assert datasets.identity("folder", tmp_path / "d", source=str(source)) == first
    assert read == []
    assert datasets.identity("folder", tmp_path / "elsewhere", source=str(source)) == first
    assert len(read) == 10


def test_a_file_behind_a_list_counts(tmp_path: Path) -> None:
    source = music(tmp_path / "in")
    rows = [{"path": f"in/{kind}/{n}.wav", "target": int(kind == "ai")}
            for kind in ("human", "ai") for n in range(5)]  # fmt: skip
    pd.DataFrame(rows).to_csv(tmp_path / "list.csv", index=False)
    first = datasets.ready("folder", tmp_path / "d", source=str(tmp_path / "list.csv"))
    audio.write(source / "ai" / "2.wav", tune("replaced"), RATE)
    second = datasets.ready("folder", tmp_path / "d", source=str(tmp_path / "list.csv"))
    changed = first.merge(second, on="track_id").query("sha256_x != sha256_y")
    assert set(changed["track_id"]) == {"in/ai/2"}


def test_a_source_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = music(tmp_path / "in")
    real = cutting.clips_of

    def slow(*args: object, **how: object) -> pd.DataFrame:
        rows = real(*args, **how)
        audio.write(source / "ai" / "late.wav", tune("late"), RATE)
        return rows

    monkeypatch.setattr(cutting, "clips_of", slow)
    with pytest.raises(BadInput, match="changed while they were read: run again"):
        datasets.ready("folder", tmp_path / "d", source=str(source))
    assert datasets.made(tmp_path / "d").empty


READ = """\
import os, sys
from pathlib import Path
os.environ["OFFKEY_JOBS"] = "1"
from offkey import datasets
root, source = sys.argv[1:3]
clips = datasets.ready("folder", Path(root), source=source)
print(sorted(clips["sha256"])[0], len(clips), clips.attrs["folder"])
"""


def test_processes_at_once_never_read_each_others_clips(tmp_path: Path) -> None:
    """Two sources in one data folder, each asked for by several processes at the same time."""
    root = tmp_path / "datasets"
    sources = [music(tmp_path / "a", "a", 6), music(tmp_path / "b", "b", 7)]
    started = [
        subprocess.Popen(
            [sys.executable, "-c", READ, str(root), str(source)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for source in sources * 2
    ]
    answers = [process.communicate(timeout=120) for process in started]
    assert [process.returncode for process in started] == [0] * 4, answers
    lines = [out.split() for out, _ in answers]
    assert lines[0] == lines[2] and lines[1] == lines[3]
    assert (lines[0][1], lines[1][1]) == ("12", "14")
    assert lines[0][0] != lines[1][0] and lines[0][2] != lines[1][2]
    assert len(datasets.made(root)) == 2


STUDY = """\
study: own
runs:
  - {notebook: 01_create_dataset}
"""


def offkey(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command, started in the folder of the user's music."""
    return subprocess.run(
        [sys.executable, "-m", "offkey", *words, "--data", str(place / "data")],
        cwd=place,
        text=True,
        capture_output=True,
        timeout=600,
    )


def test_copies_added_after_a_complete_study_are_found(tmp_path: Path) -> None:
    """The relative source is looked for where the command runs, by ``run`` as by ``data make``."""
    music(tmp_path / "mymusic", tracks=8)
    (tmp_path / "own.yaml").write_text(STUDY)
    words = ["run", "own.yaml", "--out", "out", "--notebooks", str(ROOT / "notebooks")]
    words += ["--jobs=1", "--set=dataset=folder", "--set=dataset_options={source: mymusic}"]
    first = offkey(tmp_path, *words)
    assert first.returncode == 0, first.stdout + first.stderr
    (clips,) = datasets.made(tmp_path / "data" / "datasets")["folder"]
    made = offkey(tmp_path, "data", "make", "folder", "--set", "source=mymusic")
    assert clips in made.stdout, made.stderr
    assert len(datasets.made(tmp_path / "data" / "datasets")) == 1
    again = offkey(tmp_path, *words)
    assert "01_create_dataset: unchanged, kept" in again.stdout

    # a test song, re-encoded and called AI under five names, too many for the test split
    tested = datasets.load(Path(clips)).query("split == 'test' and target == 0").iloc[0]
    song = audio.load(tmp_path / "mymusic" / f"{tested['track_id']}.wav")
    for number in range(5):
        audio.write(tmp_path / "mymusic" / "ai" / f"new{number}.ogg", song * (0.9 - 0.1 * number))
    after = offkey(tmp_path, *words)
    assert "01_create_dataset: unchanged" not in after.stdout
    assert after.returncode == 1
    assert "01_create_dataset: failed" in after.stdout, after.stdout
    # the song and its copies are alike; the message names the most similar two of them
    named = re.search(r"clips '(.+?)' .+ and '(.+?)' .+ sound the same", after.stdout)
    assert named, after.stdout
    assert all(name == tested["clip_id"] or name.startswith("new") for name in named.groups())
