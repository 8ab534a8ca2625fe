"""The user's own music: odd names, bad files, copies, class conflicts, CSV lists."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import RATE, tune

from offkey import datasets
from offkey.core import manifest, store
from offkey.core.errors import BadInput
from offkey.datasets import cutting
from offkey.datasets.cutting import Cut
from offkey.sound import audio


def record(path: Path, name: str = "", duration_s: float = 6.0) -> Path:
    """A file of its own sound, in the format of its extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as stream:
        samples = tune(name or str(path.name), duration_s)
        sf.write(stream, samples, RATE, format=path.suffix[1:].upper())
    return path


def music(root: Path, tracks: int = 10) -> Path:
    """``human/`` and ``ai/<generator>/`` with a few tracks each."""
    for number in range(tracks):
        record(root / "human" / f"song {number}.wav")
        record(root / "ai" / f"maker{number % 2}" / f"fake {number}.flac")
    return root


def csv(path: Path, rows: Sequence[dict[str, object]]) -> Path:
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_a_folder_becomes_a_manifest(tmp_path: Path) -> None:
    clips = datasets.make("folder", tmp_path / "out", source=str(music(tmp_path / "in")))
    assert len(clips) == 20 and clips["target"].sum() == 10
    assert set(clips["generator"]) == {"human", "maker0", "maker1"}
    assert set(clips.loc[clips["target"] == 0, "family"]) == {"human"}
    assert set(clips["track_id"]) >= {"human/song 3", "ai/maker0/fake 4"}
    assert set(clips["source_codec"]) == {"pcm", "flac"}
    assert (clips["duration_s"] == 6.0).all() and (clips["offset_s"] == 0).all()
    for _, group in clips.groupby("target"):
        assert set(group["split"]) == set(manifest.SPLITS)
    assert datasets.verify(tmp_path / "out").empty
    one = clips[clips["track_id"] == "human/song 3"].iloc[0]
    expected = audio.load(tmp_path / "in" / "human" / "song 3.wav")
    assert np.abs(audio.load(one["path"]) - expected).max() <= 2**-15


def test_a_changed_file_in_the_same_folder_is_noticed(tmp_path: Path) -> None:
    source = music(tmp_path / "in", tracks=5)
    first = datasets.make("folder", tmp_path / "out", source=str(source))
    same = datasets.make("folder", tmp_path / "out", source=str(source))
    pd.testing.assert_frame_equal(first, same)
    record(source / "human" / "song 3.wav", "another song", 7.0)
    again = datasets.make("folder", tmp_path / "out", source=str(source))
    changed = first.merge(again, on="track_id").query("sha256_x != sha256_y")
    assert set(changed["track_id"]) == {"human/song 3"}


def test_many_clips_of_a_track_do_not_overlap_and_share_its_split(tmp_path: Path) -> None:
    for number in range(5):
        record(tmp_path / "in" / "human" / f"{number}.wav", duration_s=20)
        record(tmp_path / "in" / "ai" / f"{number}.wav", f"ai{number}", duration_s=20)
    clips = datasets.make(
        "folder", tmp_path / "out", source=str(tmp_path / "in"), clip_s=6.0, clips_per_track=3
    )
    assert len(clips) == 30 and clips.groupby("track_id")["split"].nunique().max() == 1
    for _, track in clips.sort_values("offset_s").groupby("track_id"):
        ends = track["offset_s"] + track["duration_s"]
        assert (track["offset_s"].to_numpy()[1:] >= ends.to_numpy()[:-1]).all()
        assert ends.max() <= 20


def test_offsets_known_answers() -> None:
    assert cutting.offsets(40.0, Cut(10.0)) == [10.0]  # 25 %
    assert cutting.offsets(12.0, Cut(10.0)) == [2.0]  # what is left
    assert cutting.offsets(6.0, Cut(10.0)) == [0.0]
    assert cutting.offsets(60.0, Cut(10.0, 2)) == [13.333, 36.667]  # equal gaps
    assert cutting.offsets(30.0, Cut(10.0, 3)) == [0.0, 10.0, 20.0]
    assert cutting.offsets(25.0, Cut(10.0, 3)) == [1.667, 13.333]  # a third would overlap
    assert cutting.offsets(40.0, Cut(10.0, 1, 0.0)) == [0.0]


def test_odd_names_go_all_the_way(tmp_path: Path) -> None:
    root = music(tmp_path / "in")
    odd = ["müzik 音楽", "line\nbreak", 'it\'s "q"', "-dash", "a,b;c", os.fsdecode(b"raw-\xff")]
    for name in odd:
        record(root / "human" / f"{name}.wav", f"odd {name!r}")
    clips = datasets.make("folder", tmp_path / "out", source=str(root))
    assert len(clips) == 20 + len(odd)
    again = pd.read_csv(tmp_path / "out" / "clips.csv")
    assert again["track_id"].tolist() == clips["track_id"].tolist()
    assert "human/line\\nbreak" in set(clips["track_id"])
    assert not any(set(name) & set("/\\\n\"'") for name in clips["clip_id"])
    assert all(Path(path).is_file() for path in clips["path"])


def test_names_of_clips_do_not_depend_on_where_the_music_lies(tmp_path: Path) -> None:
    here = datasets.make("folder", tmp_path / "a", source=str(music(tmp_path / "in")))
    (tmp_path / "in").rename(tmp_path / "moved")
    there = datasets.make("folder", tmp_path / "b", source=str(tmp_path / "moved"))
    pd.testing.assert_frame_equal(here.drop(columns="path"), there.drop(columns="path"))


def test_workers_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = music(tmp_path / "in")
    record(root / "human" / "short.wav", duration_s=3.0)
    alone = datasets.make("folder", tmp_path / "a", source=str(root))
    monkeypatch.setenv("OFFKEY_JOBS", "2")
    shared = datasets.make("folder", tmp_path / "b", source=str(root))
    pd.testing.assert_frame_equal(alone.drop(columns="path"), shared.drop(columns="path"))
    skipped = pd.read_csv(tmp_path / "b" / "skipped.csv")
    assert skipped["reason"].tolist() == ["too_short"]
    assert "rate of 1.25" in skipped["detail"][0]


def test_bad_files_are_listed_then_refused(tmp_path: Path) -> None:
    root = music(tmp_path / "in", tracks=15)
    (root / "human" / "cover.jpg").write_bytes(b"\xff\xd8\xff")  # no sound by its name: ignored
    (root / "human" / "broken.mp3").write_bytes(b"<!doctype html>")
    clips = datasets.make("folder", tmp_path / "out", source=str(root))
    assert len(clips) == 30
    skipped = pd.read_csv(tmp_path / "out" / "skipped.csv")
    assert skipped["reason"].tolist() == ["not_audio"]
    assert skipped["path"][0].endswith("broken.mp3")
    (root / "human" / "empty.wav").touch()
    with pytest.raises(BadInput, match=r"2 of 32 files cannot be used \(.*1 empty"):
        datasets.make("folder", tmp_path / "out2", source=str(root))


def test_copies_become_one_track(tmp_path: Path) -> None:
    root = music(tmp_path / "in")
    for name in ("copy a", "copy b"):
        (root / "human" / f"{name}.wav").write_bytes((root / "human" / "song 1.wav").read_bytes())
    with pytest.warns(UserWarning, match="2 files repeat another byte for byte"):
        clips = datasets.make("folder", tmp_path / "out", source=str(root))
    tracks = clips[clips["sha256"].duplicated(keep=False)]
    assert len(tracks) == 3 and tracks["track_id"].unique().tolist() == ["human/copy a"]


def test_copies_across_given_splits_are_a_leak(tmp_path: Path) -> None:
    record(tmp_path / "a.wav", "same")
    (tmp_path / "b.wav").write_bytes((tmp_path / "a.wav").read_bytes())
    rows = [
        {"path": "a.wav", "target": 0, "split": "train"},
        {"path": "b.wav", "target": 0, "split": "test"},
    ]
    source = csv(tmp_path / "list.csv", rows)
    with pytest.warns(UserWarning), pytest.raises(BadInput, match="splits test and train"):
        datasets.make("folder", tmp_path / "out", source=str(source))


def test_the_same_file_in_both_classes_is_refused_by_name(tmp_path: Path) -> None:
    root = music(tmp_path / "in")
    (root / "ai" / "stolen.wav").write_bytes((root / "human" / "song 2.wav").read_bytes())
    with pytest.raises(BadInput, match=r"human and AI.*ai/stolen\.wav and .*human/song 2\.wav"):
        datasets.make("folder", tmp_path / "out", source=str(root))


def test_a_csv_names_files_tracks_and_splits(tmp_path: Path) -> None:
    rows = []
    for number in range(4):
        for target in (0, 1):
            path = record(tmp_path / "sounds" / f"{number},{target}.ogg", f"{number} {target}")
            rows.append(
                {
                    "path": path if number else f"sounds/{path.name}",  # absolute and relative
                    "target": target,
                    "track_id": f"piece {number}",
                    "generator": "suno" if target else "my band",
                    "split": ("train", "train", "val", "test")[number],
                }
            )
    clips = datasets.make("folder", tmp_path / "out", source=str(csv(tmp_path / "l.csv", rows)))
    assert clips["split"].value_counts().to_dict() == {"train": 4, "val": 2, "test": 2}
    assert clips.groupby("track_id").size().to_dict() == {f"piece {n}": 2 for n in range(4)}
    assert set(clips["generator"]) == {"suno", "my band"}
    assert set(clips["family"]) == {"suno", "human"}


BAD_LISTS = {
    "misspelt column": ([{"path": "a.wav", "target": 0, "trackid": "x"}], "mean 'track_id'"),
    "no target": ([{"path": "a.wav"}], r"no column 'target' among 'path'"),
    "odd target": ([{"path": "a.wav", "target": "ai"}], "line 2: target 'ai' is neither"),
    "odd split": ([{"path": "a.wav", "target": 0, "split": "tests"}], "did you mean 'test'"),
    "twice": ([{"path": "a.wav", "target": 0}] * 2, "stands there twice"),
    "half a split": (
        [{"path": "a.wav", "target": 0, "split": "val"}, {"path": "b.wav", "target": 1}],
        "line 3: give a split for every file or for none",
    ),
    "empty path": ([{"path": "", "target": 0}], "path is empty"),
}


@pytest.mark.parametrize("case", BAD_LISTS)
def test_bad_lists_are_refused(case: str, tmp_path: Path) -> None:
    rows, message = BAD_LISTS[case]
    with pytest.raises(BadInput, match=message):
        datasets.make("folder", tmp_path / "o", source=str(csv(tmp_path / "list.csv", rows)))


def listed(folder: Path) -> list[str]:
    """A list of files with its rows, without the header."""
    rows = []
    for number in range(5):
        for target in (0, 1):
            record(folder / f"{number}{target}.wav", f"listed {number} {target}")
            rows.append(f"{number}{target}.wav,{target}")
    return rows


@pytest.mark.parametrize(
    ("case", "header", "change"),
    [
        ("semicolons", "path;target", lambda row: row.replace(",", ";")),
        ("tabs", "path\ttarget", lambda row: row.replace(",", "\t")),
        ("another column", "path,target,notes", lambda row: f"{row},nice"),
        ("capitals", "Path,Target", str),
        ("empty rows at the end", "path,target,,", lambda row: f"{row},,"),
        ("a mark of the encoding", "\ufeffpath,target", str),
    ],
)
def test_lists_are_read_as_score_reads_them(
    case: str, header: str, change: Callable[[str], str], tmp_path: Path
) -> None:
    rows = [header, *map(change, listed(tmp_path))]
    if case.startswith("empty"):
        rows += [",,,"] * 3
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    clips = datasets.make("folder", tmp_path / "out", source=str(tmp_path / "list.csv"))
    assert len(clips) == 10 and clips["target"].sum() == 5


@pytest.mark.parametrize("path", ["~temp.wav", "~nobody/x.wav", ".", "..", "a\0b.wav"])
def test_an_odd_path_in_a_list_is_one_bad_file(path: str, tmp_path: Path) -> None:
    rows = ["path,target", *listed(tmp_path), f"{path},0"]
    (tmp_path / "list.csv").write_text("\n".join(rows) + "\n")
    clips = datasets.make("folder", tmp_path / "out", source=str(tmp_path / "list.csv"))
    assert len(clips) == 10
    skipped = datasets.skipped(tmp_path / "out")
    assert skipped["reason"].tolist()[0] in ("missing", "not_a_file", "unreadable")


def test_linked_folders_are_followed_once_and_bins_are_not(tmp_path: Path) -> None:
    root = music(tmp_path / "in", tracks=4)
    for number in range(3):
        record(tmp_path / "elsewhere" / "deep" / f"fma {number}.wav")
        record(root / "human" / ".AppleDouble" / f"ghost {number}.wav")
        record(root / "human" / ".Trash-1000" / "files" / f"gone {number}.wav")
        record(root / "ai" / "$RECYCLE.BIN" / f"gone {number}.wav", f"bin {number}")
    (root / "human" / "fma").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "deep" / "loop").symlink_to(root / "human")
    clips = datasets.make("folder", tmp_path / "out", source=str(root))
    assert len(clips) == 11
    linked = clips[clips["generator"] == "fma"]
    assert set(linked["track_id"]) == {f"human/fma/deep/fma {n}" for n in range(3)}


def test_a_bad_file_of_a_few_is_left_out_and_more_on_request(tmp_path: Path) -> None:
    root = music(tmp_path / "in", tracks=5)
    (root / "human" / "broken.mp3").write_bytes(b"<!doctype html>")
    source = {"source": str(root)}
    assert len(datasets.make("folder", tmp_path / "one", **source)) == 10
    with pytest.raises(BadInput, match="1 of 11 files cannot be used"):
        datasets.make("folder", tmp_path / "none", max_bad_share=0.0, **source)
    (root / "human" / "empty.wav").touch()
    with pytest.raises(BadInput, match=r"remove those in .*out/skipped\.csv.*max_bad_share"):
        datasets.make("folder", tmp_path / "out", **source)
    listed = pd.read_csv(tmp_path / "out" / "skipped.csv")  # all of them, though it refused
    assert sorted(listed["reason"]) == ["empty", "not_audio"]
    assert len(datasets.make("folder", tmp_path / "out", max_bad_share=0.2, **source)) == 10
    with pytest.raises(BadInput, match="between 0 and 1"):
        datasets.make("folder", tmp_path / "out", max_bad_share=5.0, **source)


def test_channels_that_cancel_are_said_once_for_all_files(tmp_path: Path) -> None:
    root = music(tmp_path / "in", tracks=5)
    for number in range(2):
        left = tune(f"antiphase {number}")
        sf.write(root / "human" / f"anti {number}.wav", np.stack([left, -left], axis=1), RATE)
    with pytest.warns(UserWarning, match=r"channels of 2 files cancel .*anti 0\.wav"):
        clips = datasets.make("folder", tmp_path / "out", source=str(root))
    one = clips[clips["track_id"] == "human/anti 1"].iloc[0]
    assert np.abs(audio.load(one["path"]) - tune("antiphase 1")).max() < 2**-14


def test_a_file_without_a_length_is_cut_where_it_is_in_the_whole(tmp_path: Path) -> None:
    root = music(tmp_path / "in", tracks=5)
    for number in range(2):
        path = record(root / "human" / f"twice {number}.ogg", duration_s=15.0)
        path.write_bytes(path.read_bytes() * 2)
    clips = datasets.make("folder", tmp_path / "out", source=str(root))
    twice = clips[clips["track_id"].str.contains("twice")]
    assert twice["offset_s"].tolist() == pytest.approx([7.5, 7.5], abs=0.1)
    assert twice["duration_s"].tolist() == [10.0, 10.0]


def test_what_is_no_music_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="give source=DIRECTORY"):
        datasets.make("folder", tmp_path / "out")
    with pytest.raises(BadInput, match="has no folder human/"):
        datasets.make("folder", tmp_path / "out", source=str(tmp_path))
    with pytest.raises(BadInput, match="does not exist"):
        datasets.make("folder", tmp_path / "out", source=str(tmp_path / "absent.csv"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x01" * 9)
    with pytest.raises(BadInput, match="is not a CSV file in UTF-8"):
        datasets.make("folder", tmp_path / "out", source=str(tmp_path / "binary.csv"))
    (tmp_path / "human").mkdir()
    (tmp_path / "ai").mkdir()
    with pytest.raises(BadInput, match=r"no sound files in .*human"):
        datasets.make("folder", tmp_path / "out", source=str(tmp_path))
    few = music(tmp_path / "few", tracks=2)
    with pytest.raises(BadInput, match="2 tracks of AI music leave none for"):
        datasets.make("folder", tmp_path / "out", source=str(few))
    with pytest.raises(BadInput, match="too short; one window of 4 s"):
        datasets.make("folder", tmp_path / "out", source=str(few), clip_s=4.0)


def test_a_damaged_clip_of_an_interrupted_run_is_cut_again(tmp_path: Path) -> None:
    root = music(tmp_path / "in")
    first = datasets.make("folder", tmp_path / "out", source=str(root))
    (tmp_path / "out" / "recipe.json").unlink()  # as if it had been interrupted
    damaged = Path(first["path"][0])
    damaged.write_bytes(damaged.read_bytes()[:-5000])
    kept = Path(first["path"][1])
    before = kept.stat().st_mtime_ns
    again = datasets.make("folder", tmp_path / "out", source=str(root))
    pd.testing.assert_frame_equal(again, first)
    assert store.file_sha256(damaged) == first["sha256"][0]
    assert kept.stat().st_mtime_ns == before


def test_a_random_segment_is_drawn_per_recording_and_stays(tmp_path: Path) -> None:
    how = cutting.Cut(10.0, 1, random_seed=3)
    first = [cutting.offsets(60.0, how, key) for key in ("a", "b", "c")]
    assert first == [cutting.offsets(60.0, how, key) for key in ("a", "b", "c")]
    assert len({offset for (offset,) in first}) == 3
    assert all(0 <= offset <= 50 for (offset,) in first)
    assert cutting.offsets(8.0, how, "a") == [0.0]
