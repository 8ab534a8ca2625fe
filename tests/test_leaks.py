"""One recording on two sides of the split is found; music that is merely alike is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import RATE, tune

from offkey.audits import leaks
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.sound import audio

DELAY_S = 0.7


def _clips(folder: Path, sounds: dict[str, tuple[str, str, np.ndarray]]) -> pd.DataFrame:
    """Files and the columns that matter; by file name: track, split, samples."""
    rows = []
    for name, (track_id, split, samples) in sounds.items():
        path = audio.write(folder / name, samples)
        rows.append(
            {
                "clip_id": Path(name).stem,
                "track_id": track_id,
                "path": str(path),
                "split": split,
                "sha256": store.file_sha256(path),
            }
        )
    return pd.DataFrame(rows)


def _piece(name: str) -> np.ndarray:
    """Decaying notes in a rhythm of their own, 6 s."""
    rng = np.random.default_rng([*name.encode()])
    sound, t = np.zeros(6 * RATE), np.arange(RATE) / RATE
    for begin in np.cumsum(rng.uniform(0.1, 0.5, 40)):
        f0 = 440 * 2 ** (rng.integers(-20, 15) / 12)
        note = sum(np.sin(2 * np.pi * k * f0 * t) / k for k in range(1, 5)) * np.exp(-6 * t)
        at = round(begin * RATE)
        part = sound[at : at + RATE]
        part += note[: len(part)]
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


# file name and edit of the copy in the test split
EDITS: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "identical": ("flac", lambda samples: samples),
    "mp3": ("mp3", lambda samples: samples),
    "ogg": ("ogg", lambda samples: samples),
    "softer by 12 dB": ("flac", lambda samples: samples * np.float32(10 ** (-12 / 20))),
    "0.7 s later": ("flac", lambda samples: samples[round(DELAY_S * RATE) :]),
    "all of it": ("mp3", lambda samples: samples[round(DELAY_S * RATE) :] * np.float32(0.25)),
    "its middle": ("flac", lambda samples: samples[RATE : 5 * RATE]),
}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Each edit of a piece of its own, train against test, and unrelated pieces in all splits."""
    sounds = {}
    for edit, (extension, change) in EDITS.items():
        name = edit.replace(" ", "_")
        sounds[f"{name}.flac"] = (name, "train", _piece(edit))
        sounds[f"{name}_copy.{extension}"] = (f"{name}_copy", "test", change(_piece(edit)))
    for number in range(12):
        split = ("train", "val", "test")[number % 3]
        sounds[f"piece{number}.flac"] = (f"piece{number}", split, _piece(f"piece{number}"))
    return _clips(tmp_path_factory.mktemp("planted"), sounds)


def test_every_planted_copy_is_found_and_nothing_else(planted: pd.DataFrame) -> None:
    found = leaks.find(planted).set_index("clip_id")
    assert sorted(found.index) == sorted(edit.replace(" ", "_") for edit in EDITS)
    assert (found["other"] == found.index + "_copy").all()
    assert (found["track_id"] == found.index).all() and (found["other_track"] == found.other).all()
    assert (found["split"] == "train").all() and (found["other_split"] == "test").all()
    assert found["similarity"].between(leaks.THRESHOLD, 1.001).all()
    assert found.loc["identical", ["kind", "similarity"]].tolist() == ["identical file", 1.0]
    assert found.index[0] == "identical"
    assert (found["kind"].drop("identical") == "same sound").all()
    # half a frame is 12 ms
    shifts = {"mp3": 0, "ogg": 0, "0.7_s_later": DELAY_S, "all_of_it": DELAY_S, "its_middle": 1}
    for clip, shift_s in shifts.items():
        assert found.loc[clip, "shift_s"] == pytest.approx(shift_s, abs=0.02)


def test_one_track_is_no_leak_and_one_split_only_on_demand(planted: pd.DataFrame) -> None:
    one_track = planted.assign(track_id=[name.removesuffix("_copy") for name in planted.track_id])
    assert leaks.find(one_track, within=True).empty
    one_split = planted.assign(split="test")
    assert leaks.find(one_split).empty
    assert list(leaks.find(one_split)) == leaks.COLUMNS
    assert len(leaks.find(one_split, within=True)) == len(EDITS)


def test_two_folds_are_two_sides(planted: pd.DataFrame) -> None:
    folds = planted["split"].map({"train": 0, "val": 1, "test": 2})
    found = leaks.find(planted.assign(split="test", fold=folds))
    assert len(found) == len(EDITS)
    assert set(found["split"]) == {"fold 0"} and set(found["other_split"]) == {"fold 2"}
    with pytest.raises(BadInput, match=r"\(fold 0\) and .* \(fold 2\)"):
        leaks.refuse(planted.assign(split="test", fold=folds))


def test_order_of_rows_does_not_matter(planted: pd.DataFrame) -> None:
    backwards = planted.iloc[::-1].set_axis(range(100, 100 + len(planted)))
    pd.testing.assert_frame_equal(
        leaks.find(backwards).sort_values("clip_id", ignore_index=True),
        leaks.find(planted).sort_values("clip_id", ignore_index=True),
        atol=0.002,
    )


def test_refusal_names_the_pair_the_count_and_the_way_out(planted: pd.DataFrame) -> None:
    with pytest.raises(BadInput) as caught:
        leaks.refuse(planted)
    message = str(caught.value)
    assert "'identical' (train) and 'identical_copy' (test) are the same file" in message
    assert f"{len(EDITS)} such pairs" in message
    assert "track_id" in message and "allow_overlap=True" in message
    assert "\n" not in message
    assert len(leaks.refuse(planted, allow_overlap=True)) == len(EDITS)
    clean = planted[~planted["clip_id"].str.endswith("_copy")]
    assert leaks.refuse(clean).empty


def test_twins_share_a_track_and_tunes_of_one_rhythm_are_no_leak(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    assert leaks.find(tiny_clips, within=True).empty
    # a twin under another name is its original's recording
    renamed = tiny_clips.assign(track_id=tiny_clips["clip_id"])
    assert len(leaks.find(renamed, within=True)) == tiny_clips["track_id"].nunique()
    # the hardest case: all notes start at the same instants
    sounds = {
        f"{n}.flac": (str(n), "train" if n % 2 else "test", tune(f"alike{n}")) for n in range(30)
    }
    assert leaks.find(_clips(tmp_path, sounds)).empty


def test_clips_without_change_or_of_other_lengths(tmp_path: Path) -> None:
    steady = 0.1 * np.sin(2 * np.pi * 440 * np.arange(4 * RATE) / RATE).astype(np.float32)
    sounds = {
        "steady.flac": ("a", "train", steady),
        "long.flac": ("b", "train", np.concatenate([_piece("x"), _piece("y")])),
        "part.flac": ("c", "val", _piece("y")[RATE : 4 * RATE]),
        "other.flac": ("d", "test", _piece("z")[: 2 * RATE]),
    }
    found = leaks.find(_clips(tmp_path, sounds))
    assert found[["clip_id", "other"]].values.tolist() == [["long", "part"]]
    assert found["shift_s"].iloc[0] == pytest.approx(7, abs=0.02)


def test_real_music_has_no_leak_but_the_planted_one(shared: Path, tmp_path: Path) -> None:
    listed = pd.read_csv(shared / "clips" / "manifest.csv")
    listed = listed[listed["label"] != "recon"].iloc[::4].reset_index(drop=True)
    clips = pd.DataFrame(
        {
            "clip_id": [Path(file).stem for file in listed["file"]],
            "track_id": listed["track_id"],
            "path": [str(shared / "clips" / file) for file in listed["file"]],
            "split": np.where(listed.index % 2, "train", "test"),
            "sha256": listed["sha256_of_clip"],
        }
    )
    assert leaks.find(clips[~clips["track_id"].duplicated()], within=True).empty
    copy = audio.write(tmp_path / "copy.mp3", 0.25 * audio.load(clips["path"][1])[11_200:])
    planted = pd.DataFrame(
        {"clip_id": "copy", "track_id": "copy", "path": str(copy), "split": "val", "sha256": "0"},
        index=[0],
    )
    found = leaks.find(pd.concat([clips, planted]))
    assert found[["clip_id", "other"]].values.tolist() == [[clips["clip_id"][1], "copy"]]
