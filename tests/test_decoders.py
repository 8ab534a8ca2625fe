"""Decoders: one contract for all of them, shipped weights, and the script that trains them."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from offkey.core import manifest, seeding, store
from offkey.core.errors import BadInput
from offkey.datasets import decoders, demo
from offkey.datasets.decoders import convcodec, train_convcodec
from offkey.sound import audio

RATE = decoders.SAMPLE_RATE_HZ


def music(duration_s: float, key: str = "music") -> np.ndarray:
    """Plucked chords and drum hits over a faint noise floor, at -20 dBFS."""
    rng = seeding.rng(0, key)
    n = round(duration_s * RATE)
    time_s = np.arange(n) / RATE
    samples = 1e-4 * rng.standard_normal(n)
    for onset_s in np.arange(0.1, duration_s - 0.3, 0.37):
        start = round(onset_s * RATE)
        decay = np.exp(-4 * time_s[: n - start])
        for midi in rng.integers(48, 84, 3):
            pitch_hz = 440 * 2 ** ((midi - 69) / 12)
            for partial in range(1, 7):
                tone = np.sin(2 * np.pi * pitch_hz * partial * time_s[: n - start])
                samples[start:] += decay**partial * tone / partial
        hit = rng.standard_normal(n - start) * np.exp(-60 * time_s[: n - start])
        samples[start:] += 2 * hit
    return (samples * 0.1 / np.sqrt(np.mean(samples**2))).astype(np.float32)


def envelope(samples: np.ndarray) -> np.ndarray:
    """Level over 32 ms, without its mean: what stays in place when the phase is guessed."""
    level = np.sqrt(np.convolve(samples**2, np.hanning(512), mode="same"))
    return np.asarray(level - level.mean())


def lag_of(name: str, rebuilt: np.ndarray, original: np.ndarray) -> int:
    from scipy.signal import correlate

    if decoders.family(name) == "griffin_mel":
        rebuilt, original = envelope(rebuilt), envelope(original)
    return int(np.argmax(correlate(rebuilt, original, method="fft"))) - (len(original) - 1)


def log_mel(samples: np.ndarray) -> np.ndarray:
    import librosa

    power = librosa.feature.melspectrogram(y=samples, sr=RATE, n_fft=2048, hop_length=512)
    return np.asarray(librosa.power_to_db(power, ref=np.max, top_db=80))


def band_levels_db(samples: np.ndarray) -> np.ndarray:
    """Mean power in 16 mel bands, in dB."""
    import librosa

    power = librosa.feature.melspectrogram(y=samples, sr=RATE, n_mels=16).mean(axis=1)
    return np.asarray(10 * np.log10(power))


@pytest.mark.parametrize("name", decoders.NAMES)
@pytest.mark.parametrize("duration_s", [5.5, 10.0])
def test_twin_is_as_long_as_loud_and_as_punctual_as_its_original(
    name: str, duration_s: float
) -> None:
    original = music(duration_s)
    twin = decoders.twin(original, name, seed=0, key="a")
    assert twin.dtype == np.float32
    assert twin.shape == original.shape
    assert np.isfinite(twin).all()
    assert abs(audio.rms_dbfs(twin) - audio.rms_dbfs(original)) < 0.1
    assert abs(lag_of(name, twin, original)) <= 16


@pytest.mark.parametrize("name", decoders.NAMES)
def test_twin_is_the_same_music_but_not_the_same_sound(name: str) -> None:
    # The clip is mostly silence between plucks: a codec's noise there costs 15 dB RMS on a log-mel
    # whose floor is at -80 dB, so likeness is judged by correlation, against another piece.
    original, other = music(5.5), music(5.5, "another piece")
    twin = decoders.twin(original, name, seed=0, key="a")
    ours, theirs = log_mel(twin), log_mel(original)
    likeness = np.corrcoef(ours.ravel(), theirs.ravel())[0, 1]
    assert likeness > 0.85
    assert likeness > np.corrcoef(ours.ravel(), log_mel(other).ravel())[0, 1] + 0.1
    assert np.sqrt(np.mean((ours - theirs) ** 2)) > 0.3


@pytest.mark.parametrize("name", decoders.NAMES)
def test_twin_follows_from_seed_and_key_only(name: str) -> None:
    original = music(2.0)
    first = decoders.twin(original, name, seed=0, key="a")
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    np.testing.assert_array_equal(first, decoders.twin(original, name, seed=0, key="a"))
    assert not np.array_equal(first, decoders.twin(original, name, seed=0, key="b"))
    assert not np.array_equal(first, decoders.twin(original, name, seed=1, key="a"))


@pytest.mark.parametrize("name", decoders.NAMES)
def test_level_of_a_decoder_follows_its_input(name: str) -> None:
    original = music(5.5)
    for gain in (0.05, 1.0):  # 26 dB apart
        rebuilt = decoders.decode(name, original * np.float32(gain), seeding.rng(0, "level"))
        assert abs(audio.rms_dbfs(rebuilt) - audio.rms_dbfs(original * gain)) < 2


@pytest.mark.parametrize("name", decoders.NAMES)
def test_long_term_spectrum_does_not_give_a_twin_away(name: str) -> None:
    original = music(5.5)
    twin = decoders.twin(original, name, seed=0, key="a")
    assert np.abs(band_levels_db(twin) - band_levels_db(original)).max() < 1


def test_loud_twins_are_clipped_at_full_scale() -> None:
    loud = np.clip(8 * music(2.0), -1, 1)
    twin = decoders.twin(loud, "griffin_mel_80", seed=0, key="a")
    assert np.abs(twin).max() == 1.0


def test_families_group_the_decoders() -> None:
    assert decoders.family("griffin_mel_80") == decoders.family("griffin_mel_256") == "griffin_mel"
    assert decoders.family("convcodec_64") == decoders.family("convcodec_160") == "convcodec"
    assert decoders.family("sines_noise") == "sines_noise"
    assert len(set(map(decoders.fingerprint, decoders.NAMES))) == len(decoders.NAMES)


def test_what_cannot_be_decoded_is_refused() -> None:
    with pytest.raises(BadInput, match="did you mean 'sines_noise'"):
        decoders.twin(music(1.0), "sine_noise", seed=0, key="a")
    broken = music(1.0)
    broken[5] = np.nan
    for samples in (broken, music(1.0)[:100], np.zeros((2, RATE), np.float32)):
        with pytest.raises(BadInput, match="finite mono samples"):
            decoders.twin(samples, "sines_noise", seed=0, key="a")


def test_twin_does_not_depend_on_how_many_threads_torch_uses() -> None:
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = decoders.twin(music(2.0), "convcodec_64", seed=0, key="a")
        torch.set_num_threads(2)
        np.testing.assert_array_equal(
            one, decoders.twin(music(2.0), "convcodec_64", seed=0, key="a")
        )
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("name", list(convcodec.DECODERS))
def test_weights_are_small_and_tell_where_they_come_from(name: str) -> None:
    weights = convcodec.WEIGHTS / f"{name}.safetensors"
    card = store.read_json(convcodec.WEIGHTS / f"{name}.json")
    assert weights.stat().st_size < 1_000_000
    assert store.file_sha256(weights) == card["sha256"]
    assert card["training"]["split"] == "train"
    assert card["training"]["target"] == 0
    assert card["training"]["n_tracks"] == len(card["training"]["tracks"]) > 0


@pytest.mark.parametrize("tracks", [60, 300, 320])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_demo_tests_on_what_the_shipped_weights_were_trained_on(seed: int, tracks: int) -> None:
    heard = decoders.trained_on(*convcodec.DECODERS)
    plan = demo._plan(seed, tracks)
    assert heard
    assert set(plan.loc[plan["track_id"].isin(heard), "split"]) == {"train"}
    shares = plan["split"].value_counts(normalize=True)
    assert shares["train"] == pytest.approx(0.6, abs=0.03)
    assert shares["test"] == pytest.approx(0.25, abs=0.03)


def test_a_demo_that_tests_on_what_a_decoder_was_trained_on_is_refused() -> None:
    heard = sorted(decoders.trained_on("convcodec_64"))[0]
    clips = pd.DataFrame(
        {
            "track_id": [heard, "unheard"],
            "generator": ["convcodec_64", "convcodec_64"],
            "split": ["train", "test"],
        }
    )
    decoders.refuse_heard(clips)
    decoders.refuse_heard(clips.assign(generator="griffin_mel_80", split="test"))
    with pytest.raises(BadInput, match=f"'{heard}' stands in split 'test'.*trained on it"):
        decoders.refuse_heard(clips.assign(split="test"))


def test_the_two_codecs_have_different_strides() -> None:
    cards = [store.read_json(convcodec.WEIGHTS / f"{name}.json") for name in convcodec.DECODERS]
    assert [int(np.prod(card["network"]["strides"])) for card in cards] == [64, 160]


def test_damaged_or_missing_weights_are_refused(tmp_path: Path) -> None:
    name = "convcodec_64"
    for suffix in (".json", ".safetensors"):
        shutil.copy(convcodec.WEIGHTS / f"{name}{suffix}", tmp_path)
    assert convcodec.load(name, tmp_path).hop == 64
    convcodec.load.cache_clear()
    weights = tmp_path / f"{name}.safetensors"
    content = bytearray(weights.read_bytes())
    content[-5] ^= 1
    weights.write_bytes(content)
    with pytest.raises(BadInput, match="sha256 differs"):
        convcodec.load(name, tmp_path)
    weights.unlink()
    with pytest.raises(BadInput, match="are missing"):
        convcodec.load(name, tmp_path)


def tiny_dataset(folder: Path, more: Sequence[str] = ()) -> pd.DataFrame:
    """Three human tracks, one per split, a twin beside the one for training, and `more` tracks."""
    rows = []
    whole = [("train", "train", 0), ("train", "train", 1), ("val", "val", 0), ("test", "test", 0)]
    for track, split, target in [*whole, *((name, "train", 0) for name in more)]:
        name = f"{track}_{target}"
        path = audio.write(folder / f"{name}.flac", music(1.5, name), RATE)
        rows.append(
            {
                "clip_id": name,
                "track_id": track,
                "path": path.name,
                "target": target,
                "generator": "test",
                "family": "test",
                "dataset": "test",
                "split": split,
                "offset_s": 0.0,
                "duration_s": 1.5,
                "sample_rate_hz": RATE,
                "source_container": "flac",
                "source_codec": "flac",
                "source_encoder": "",
                "source_bitrate_kbps": 0.0,
                "source_sample_rate_hz": RATE,
                "sha256": store.file_sha256(path),
                "licence": "MIT",
            }
        )
    return manifest.validate(pd.DataFrame(rows))


NETWORK = ["--strides", "4,2,5", "--channels", "4,8,8", "--latent", "4"]
TINY = ["--name", "tiny", *NETWORK, "--steps", "2"]


def test_training_hears_human_training_tracks_only(tmp_path: Path) -> None:
    manifest.write(tiny_dataset(tmp_path), tmp_path)
    for unheard in ("train_1", "test_0"):
        (tmp_path / f"{unheard}.flac").unlink()
    train_convcodec.main(["--data", str(tmp_path), "--out", str(tmp_path / "out"), *TINY])
    card = store.read_json(tmp_path / "out" / "tiny.json")
    assert card["training"]["tracks"] == ["train"]
    assert card["training"]["validation"]["n_clips"] == 1
    net = convcodec.load("tiny", tmp_path / "out")
    assert net.hop == 40

    first = (tmp_path / "out" / "tiny.safetensors").read_bytes()
    train_convcodec.main(["--data", str(tmp_path), "--out", str(tmp_path / "again"), *TINY])
    assert (tmp_path / "again" / "tiny.safetensors").read_bytes() == first


def test_training_on_some_tracks_takes_the_same_ones_whatever_else_is_there(tmp_path: Path) -> None:
    learnt = []
    for number, more in enumerate((("a", "b", "c", "d"), ("a", "b", "c"), ("d", "c", "b", "a"))):
        folder = tmp_path / str(number)
        manifest.write(tiny_dataset(folder, more), folder)
        train_convcodec.main(["--data", str(folder), "--out", str(folder), "--tracks=2", *TINY])
        learnt.append(store.read_json(folder / "tiny.json")["training"]["tracks"])
    assert [len(tracks) for tracks in learnt] == [2, 2, 2]
    assert learnt[0] == learnt[2]
    assert "d" in learnt[0] or learnt[0] == learnt[1]


def test_training_lowers_the_loss() -> None:
    import torch

    network = {"strides": [4, 4], "channels": [8, 16], "latent": 8, "steps": 32}
    clip = music(1.0)[:22_048]  # whole latent frames
    original = torch.from_numpy(clip)[None]
    costs = []
    for steps in (1, 25):
        net = train_convcodec.fit(network, [clip], steps=steps, seed=0)
        with torch.inference_mode():
            rebuilt = net(original[:, None], torch.zeros(1, 8, len(clip) // net.hop))[:, 0]
        costs.append(float(train_convcodec.loss(rebuilt, original)))
    assert costs[1] < 0.8 * costs[0]


def test_training_needs_human_music(tmp_path: Path) -> None:
    clips = tiny_dataset(tmp_path)
    manifest.write(clips[clips["target"] == 1], tmp_path)
    with pytest.raises(BadInput, match="no human clips in its train split"):
        train_convcodec.main(["--data", str(tmp_path), *TINY])
