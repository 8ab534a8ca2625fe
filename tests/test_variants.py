"""Shards: whole or absent, the same bytes for any number of workers, built once."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from offkey import perturbations
from offkey.core import store
from offkey.core.errors import BadInput, DiskFull
from offkey.features import LogMel, MeanSpectrum, variants
from offkey.sound import audio

CONDITIONS = perturbations.find(["clean", "pitch+2", "original_tempo", "round_trip_pitch"])


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): store.file_sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_build_open_and_reuse(tiny_clips: pd.DataFrame, tmp_path: Path, monkeypatch) -> None:
    built = variants.build(tiny_clips, CONDITIONS, tmp_path)
    assert list(built) == [c.variant for c in CONDITIONS]
    for variant in built.values():
        assert len(variant) == len(tiny_clips)
        assert variant.windows(0).shape == (1, 125, 128)
        assert variant.rows(3).dtype == np.float16
    clip = tiny_clips.iloc[3]
    where = int(np.flatnonzero(built["clean"].clips["clip_id"] == clip["clip_id"])[0])
    features = LogMel()
    direct = features(features.centre(audio.load(clip["path"]), 1))
    assert np.abs(built["clean"].rows(where) - direct).max() < 0.04  # float16
    changes = built["pitch+2"].clips["level_change_db"]
    assert (changes < -0.5).all()  # the vocoder loses level; it is given back and reported

    before = _hashes(tmp_path)
    monkeypatch.setattr(audio, "read", None)  # nothing may be decoded again
    again = variants.build(tiny_clips, CONDITIONS, tmp_path)
    assert again["pitch+2"].fingerprint == built["pitch+2"].fingerprint
    assert _hashes(tmp_path) == before


def test_fingerprint_follows_content_not_time(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    clean = CONDITIONS[:1]
    one = variants.build(tiny_clips, clean, tmp_path)["clean"]
    other_sound = tiny_clips.assign(sha256=["0" * 64, *tiny_clips["sha256"][1:]])
    two = variants.build(other_sound, clean, tmp_path)["clean"]
    three = variants.build(tiny_clips, clean, tmp_path, features=LogMel(n_mels=64))["clean"]
    assert len({one.fingerprint, two.fingerprint, three.fingerprint}) == 3


@pytest.mark.parametrize("how", ["two workers", "killed and resumed"])
def test_same_bytes_however_it_was_built(
    tiny_clips: pd.DataFrame, tmp_path: Path, how: str, monkeypatch
) -> None:
    monkeypatch.setattr(variants.building, "SHARD_CLIPS", 4)
    reference = tmp_path / "reference"
    variants.build(tiny_clips, CONDITIONS, reference)
    other = tmp_path / "other"
    table = tmp_path / "clips.parquet"
    store.write_table(tiny_clips, table)
    program = (
        "import sys, pathlib, pandas as pd\n"
        "from offkey import perturbations\n"
        "from offkey.features import variants\n"
        "if __name__ == '__main__':\n"
        "    variants.building.SHARD_CLIPS = 4\n"
        f"    conditions = perturbations.find({[c.variant for c in CONDITIONS]!r})\n"
        f"    clips = pd.read_parquet({str(table)!r})\n"
        f"    variants.build(clips, conditions, pathlib.Path({str(other)!r}))\n"
    )
    script = tmp_path / "build.py"
    script.write_text(program)
    jobs = "2" if how == "two workers" else "1"
    command = [sys.executable, str(script)]
    environment = {**os.environ, "OFFKEY_JOBS": jobs}
    if how == "killed and resumed":
        for pause in (0.05, 0.2):
            process = subprocess.Popen(command, env=environment)
            while not list(other.rglob("*.parquet")) and process.poll() is None:
                time.sleep(0.01)
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
            process.wait()
    subprocess.run(command, env=environment, check=True, timeout=120)
    found = _hashes(other)
    leftovers = [name for name in found if ".partial" in name]
    assert {k: v for k, v in found.items() if k not in leftovers} == _hashes(reference)


def test_audio_is_written_on_request(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    one = tiny_clips.head(1)
    condition = perturbations.find(["tempo1.25"])
    variants.build(one, condition, tmp_path / "v")
    variants.build(one, condition, tmp_path / "v", audio_folder=tmp_path / "a")
    written = audio.load(tmp_path / "a" / "tempo1.25" / f"{one['clip_id'].iat[0]}.flac")
    before, after = variants.edited(one.iloc[0], condition[0])
    assert len(written) == len(after) == round(len(before) / 1.25)
    assert np.abs(written - after).max() < 1e-4


def test_too_short_and_no_space(tiny_clips: pd.DataFrame, tmp_path: Path, monkeypatch) -> None:
    short = tiny_clips.assign(duration_s=4.9)
    with pytest.raises(BadInput, match=r"lasts 4\.90 s .* at least 5 s"):
        variants.build(short, CONDITIONS, tmp_path)
    usage = dataclasses.make_dataclass("Usage", ["total", "used", "free"])(1, 1, 1000)
    monkeypatch.setattr(variants.building.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DiskFull, match="are free"):
        variants.build(tiny_clips, CONDITIONS, tmp_path)
    assert not list(tmp_path.rglob("*.npy"))


def test_another_label_or_source_is_another_variant_of_the_same_shards(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    first = variants.build(tiny_clips, CONDITIONS[:1], tmp_path)
    same = variants.build(tiny_clips, CONDITIONS[:1], tmp_path)
    (name,) = first
    assert first[name].fingerprint == same[name].fingerprint
    relabelled = tiny_clips.assign(target=1 - tiny_clips["target"])
    reencoded = tiny_clips.assign(source_codec="mp3")
    for other in (relabelled, reencoded):
        built = variants.build(other, CONDITIONS[:1], tmp_path)[name]
        assert built.fingerprint != first[name].fingerprint
        assert set(built.clips["shard"]) == set(first[name].clips["shard"])


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_reading_many_shards_keeps_few_files_open(
    tiny_clips: pd.DataFrame, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(variants.building, "SHARD_CLIPS", 1)
    conditions = perturbations.find(["clean", "gain", "lowpass"])
    built = variants.build(tiny_clips, conditions, tmp_path)
    kept = []
    before = _open_files()
    for variant in built.values():
        kept += [variant.rows(row) for row in range(len(variant))]
    assert len(kept) == 7 * len(tiny_clips) > 2 * variants.variant.OPEN_SHARDS
    opened = _open_files() - before
    assert opened <= variants.variant.OPEN_SHARDS + 4


def test_every_worker_has_something_to_do(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    conditions = list(range(40))
    shared = variants.building._shared_out([(tiny_clips, conditions)] * 3, 16)
    assert len(shared) == 18
    for number in range(3):
        mine = shared[6 * number : 6 * number + 6]
        assert sorted(c for _, part in mine for c in part) == conditions
    assert len(variants.building._shared_out([(tiny_clips, conditions)] * 16, 2)) == 16
    assert len(variants.building._shared_out([(tiny_clips, conditions[:1])], 16)) == 1


def test_sound_of_a_chain_at_its_own_rate_is_what_its_features_hear(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    one = tiny_clips.head(1)
    wide = audio.at_rate(audio.load(one["path"].iat[0]), 16_000, 44_100)
    path = audio.write(tmp_path / "wide.flac", wide, 44_100)
    one = one.assign(path=str(path), sha256=store.file_sha256(path), sample_rate_hz=44_100)
    conditions = perturbations.find(["clean", "tempo1.25", "noise20>codec_mp3_128"])
    built = variants.build(one, conditions, tmp_path / "v", audio_folder=tmp_path / "a")
    features = LogMel()
    for name, variant in built.items():
        assert variant.clips["n_windows"].tolist() == [1]
        heard = features.prepare(variant.samples(0, 16_000), 1)
        np.testing.assert_array_equal(variant.rows(0), heard, err_msg=name)
    for part in ("v", "a"):  # a name that every file system can hold
        assert (tmp_path / part / "noise20_codec_mp3_128").is_dir()


def test_several_kinds_of_features_share_every_edit(
    tiny_clips: pd.DataFrame, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", "1")
    conditions = perturbations.find(["clean", "tempo0.9"])
    kinds = [LogMel(), MeanSpectrum(), LogMel()]
    apart = [
        variants.build(tiny_clips, conditions, tmp_path / "apart", features=kind) for kind in kinds
    ]
    edits = []
    real = perturbations.edit
    monkeypatch.setattr(
        perturbations, "edit", lambda *args: edits.append(args[0].variant) or real(*args)
    )
    together = variants.build_each(tiny_clips, conditions, tmp_path / "together", kinds)
    assert len(edits) == len(tiny_clips) * len(conditions)
    for one, other in zip(apart, together, strict=True):
        assert {k: v.fingerprint for k, v in one.items()} == {
            k: v.fingerprint for k, v in other.items()
        }
    assert _hashes(tmp_path / "apart") == _hashes(tmp_path / "together")
    assert variants.build_each(tiny_clips, conditions, tmp_path / "together", kinds)
    assert len(edits) == len(tiny_clips) * len(conditions)  # nothing is edited again
