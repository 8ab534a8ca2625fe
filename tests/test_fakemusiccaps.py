"""FakeMusicCaps in small: the folders of the download, with the human clips added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import RATE, tune

from offkey import datasets
from offkey.core.errors import BadInput
from offkey.datasets import fakemusiccaps
from offkey.sound import audio

IDS = [f"-0{number:02d}j8-vB_{number % 10}" for number in range(12)]


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve captions by three generators, and as human clips (half named as downloaders do)."""
    root = tmp_path_factory.mktemp("fakemusiccaps")
    for generator in ("MusicGen_medium", "audioldm2", "SunoCaps"):
        for ytid in IDS:
            audio.write(root / generator / f"{ytid}.wav", tune(generator + ytid, 6.0), RATE)
    for number, ytid in enumerate(IDS):
        name = f"[{ytid}]-[30-40].wav" if number % 2 else f"{ytid}.wav"
        sound = audio.resample(tune(ytid, 7.0), RATE, 2 * RATE)
        audio.write(root / "MusicCaps" / name, sound, 2 * RATE)
    return root


def make(folder: Path, source: Path, **options: object) -> object:
    how = {"generators": ["MusicGen_medium", "audioldm2"], **options}
    return datasets.make("fakemusiccaps", folder, seed=1, source=str(source), **how)


def test_balanced_as_the_original_study_but_drawn_at_random(download: Path, tmp_path: Path) -> None:
    clips = make(tmp_path, download, clip_s=5.0)
    assert clips["generator"].value_counts().to_dict() == {
        "MusicCaps": 12,
        "MusicGen_medium": 6,
        "audioldm2": 6,
    }
    fakes = clips[clips["generator"] == "audioldm2"]["track_id"].tolist()
    assert sorted(fakes) != sorted(IDS)[:6]  # not the first of the directory
    assert (clips["duration_s"] <= 5.0).all() and (clips["offset_s"] == 0).all()
    assert set(clips["licence"]) == {"CC BY-NC 4.0", "as its YouTube source"}


def test_a_caption_is_one_track_in_one_split(download: Path, tmp_path: Path) -> None:
    clips = make(tmp_path, download, balance=False)
    assert clips.groupby("track_id").size().to_dict() == dict.fromkeys(IDS, 3)
    assert clips.groupby("track_id")["split"].nunique().max() == 1
    assert clips.groupby("track_id")["target"].nunique().min() == 2
    assert set(clips["split"]) == {"train", "val", "test"}


def test_seed_and_limits_decide_the_draw(download: Path, tmp_path: Path) -> None:
    people = sorted(Path(download / "MusicCaps").iterdir())
    ai = {n: sorted((download / n).iterdir()) for n in ("MusicGen_medium", "audioldm2")}
    draw = fakemusiccaps._draw
    assert draw(people, ai, True, 0, 3) == draw(people, ai, True, 0, 3)
    assert draw(people, ai, True, 0, 3) != draw(people, ai, True, 0, 4)
    few, fakes = draw(people, ai, True, 7, 3)
    assert len(few) == 7 and sorted(map(len, fakes.values())) == [3, 4]
    everyone, all_fakes = draw(people, ai, False, 0, 3)
    assert everyone == people and all_fakes == ai
    # a small generator limits all: 2 × 3 clips, so 6 human ones
    small = {**ai, "audioldm2": ai["audioldm2"][:3]}
    few, fakes = draw(people, small, True, 0, 3)
    assert len(few) == 6 and {len(paths) for paths in fakes.values()} == {3}


def test_shares_are_even_as_far_as_sizes_allow() -> None:
    assert fakemusiccaps._shares({"a": 10, "b": 2, "c": 10}, 12, 0) == {"a": 5, "b": 2, "c": 5}
    shares = fakemusiccaps._shares({"a": 10, "b": 10, "c": 10}, 10, 0)
    assert sorted(shares.values()) == [3, 3, 4]


@pytest.mark.parametrize(
    ("name", "caption"),
    [
        ("-0Gj8-vB1q4.wav", "-0Gj8-vB1q4"),
        ("[-0Gj8-vB1q4]-[30-40].wav", "-0Gj8-vB1q4"),
        ("-0Gj8-vB1q4-[30-40].wav", "-0Gj8-vB1q4"),
        ("some other song.wav", "some other song"),
    ],
)
def test_caption_of_a_file_name(name: str, caption: str) -> None:
    assert fakemusiccaps._caption(Path(name)) == caption


def test_says_what_is_missing(download: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(BadInput, match=r"download it from https://zenodo\.org"):
        datasets.make("fakemusiccaps", out)
    with pytest.raises(BadInput, match=r"FakeMusicCaps comes without it.*human=NAME"):
        make(out, download, human="Originals")
    with pytest.raises(BadInput, match="did you mean 'audioldm2'"):
        make(out, download, generators=["audioldm"])
    with pytest.raises(BadInput, match="has no folder 'musicldm'"):
        make(out, download, generators=["musicldm"])
    with pytest.raises(BadInput, match="name at least one"):
        make(out, download, generators=[])
    audio.write(tmp_path / "in" / "audioldm2" / f"{IDS[0]}.wav", np.ones(9, np.float32), RATE)
    audio.write(tmp_path / "in" / "MusicCaps" / "my song.wav", np.ones(9, np.float32), RATE)
    with pytest.raises(BadInput, match="named like a generated one"):
        make(out, tmp_path / "in", generators=["audioldm2"])


def test_human_and_generated_sound_take_the_same_way(download: Path, tmp_path: Path) -> None:
    clips = make(tmp_path, download, generators=["SunoCaps"])
    for row in clips.itertuples():  # each at its own rate
        assert row.sample_rate_hz == row.source_sample_rate_hz == (1 if row.target else 2) * RATE
        assert audio.probe(row.path).sample_rate_hz == row.sample_rate_hz
    assert all(path.endswith(".flac") for path in clips["path"])
    assert set(clips.loc[clips["target"] == 0, "source_sample_rate_hz"]) == {2 * RATE}
