"""A shard's name says all that decides its content, and nothing else."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from offkey import perturbations
from offkey.core import code
from offkey.features import LogMel
from offkey.features.variants import shards


def _name(variant: str, clips: pd.DataFrame, features: LogMel | None = None, seed: int = 0) -> str:
    (condition,) = perturbations.find([variant])
    made = shards.made_by(condition, features or LogMel())
    return shards.name(clips, condition, seed, made)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of this package's source, which the names are then made from."""
    copy = tmp_path / "offkey"
    for room in ("perturbations", "sound", "features"):
        shutil.copytree(code.PACKAGE / room, copy / room)
    monkeypatch.setattr(code, "PACKAGE", copy)
    code.standing_on.cache_clear()
    yield copy
    code.standing_on.cache_clear()


def _change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    changed = file.with_name("changed.py")
    changed.write_text(text.replace(old, new))
    changed.replace(file)
    for cache in (code.standing_on, code._meaning):
        cache.cache_clear()


@pytest.mark.parametrize(
    ("file", "old", "new", "variant"),
    [
        ("perturbations/eq.py", "(120.0, 9.0)", "(120.0, 3.0)", "eq_bass_boost"),
        ("perturbations/spectral.py", "_PAD_S = 0.25", "_PAD_S = 0.5", "eq_bass_boost"),
        ("perturbations/transcoding.py", '"constrained"', '"off"', "codec_opus_64"),
        ("perturbations/transcoding.py", '"constrained"', '"off"', "pitch+1>codec_opus_64"),
        ("perturbations/vocoder.py", "HOP = 512", "HOP = 256", "pitch+2"),
        ("sound/audio.py", 'quality="HQ"', 'quality="VHQ"', "clean"),
        ("features/log_mel.py", "n_fft: int = 2048", "n_fft: int = 1024", "clean"),
    ],
)
def test_other_code_makes_another_shard(
    file: str, old: str, new: str, variant: str, tiny_clips: pd.DataFrame, package: Path
) -> None:
    before = _name(variant, tiny_clips)
    _change(package / file, old, new)
    assert _name(variant, tiny_clips) != before


def test_code_that_an_edit_does_not_stand_on_changes_nothing(
    tiny_clips: pd.DataFrame, package: Path
) -> None:
    before = _name("noise20", tiny_clips)
    _change(package / "perturbations/eq.py", "(120.0, 9.0)", "(120.0, 3.0)")
    _change(package / "perturbations/naming.py", '"reverb",', '"reverb", "further",')
    _change(package / "perturbations/noise.py", '"""White noise', '"""Hiss')
    _change(package / "perturbations/noise.py", "UNIT =", "# a remark\nUNIT =")
    assert _name("noise20", tiny_clips) == before


@pytest.mark.parametrize(
    ("library", "variant", "touched"),
    [
        ("libsndfile", "clean", True),
        ("soxr", "pitch+2", True),
        ("ffmpeg", "codec_mp3_128", True),
        ("ffmpeg", "speed1.1>codec_mp3_128", True),
        ("ffmpeg", "pitch+2", False),
        ("signalsmith", "pitch+2@signalsmith", True),
        ("signalsmith", "pitch+2>tempo1.1@signalsmith", True),
        ("signalsmith", "pitch+2", False),
        ("librosa", "pitch+2@librosa", True),
    ],
)
def test_another_version_of_a_library_that_takes_part_makes_another_shard(
    library: str, variant: str, touched: bool, tiny_clips: pd.DataFrame, monkeypatch
) -> None:
    before = _name(variant, tiny_clips)
    monkeypatch.setitem(perturbations.recipes.LIBRARIES, library, lambda: "99.9")
    assert (_name(variant, tiny_clips) != before) is touched


def test_the_version_is_that_of_the_library_at_hand(tiny_clips: pd.DataFrame, monkeypatch) -> None:
    before = _name("clean", tiny_clips)
    monkeypatch.setattr(soundfile, "__libsndfile_version__", "0.0.1")
    assert _name("clean", tiny_clips) != before


def test_other_draws_make_another_shard(tiny_clips: pd.DataFrame, monkeypatch) -> None:
    assert _name("original_pitch", tiny_clips) != _name("original_pitch", tiny_clips, seed=1)
    assert _name("pitch+2", tiny_clips) == _name("pitch+2", tiny_clips, seed=1)
    before = _name("original_pitch", tiny_clips)
    drawn = perturbations.module("original_pitch").draw("random pitch", np.random.default_rng(0))
    monkeypatch.setattr(perturbations.module("original_pitch"), "draw", lambda level, rng: drawn)
    assert _name("original_pitch", tiny_clips) != before


def test_settings_and_clips_count(tiny_clips: pd.DataFrame) -> None:
    names = {
        _name("pitch+2", tiny_clips),
        _name("pitch-2", tiny_clips),
        _name("pitch+2", tiny_clips, LogMel(n_mels=64)),
        _name("pitch+2", tiny_clips, LogMel(sample_rate_hz=22_050)),
        _name("pitch+2", tiny_clips.head(3)),
        _name("pitch+2", tiny_clips.assign(sha256="0" * 64)),
    }
    assert len(names) == 6
