"""One contract for every detector: same answers from disk, alone or in a batch, same seed."""

import json
import pickle  # noqa: TID251 - to show that it is refused
from dataclasses import asdict
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import RATE, tune
from scipy.stats import kurtosis, skew

from offkey import detection, detectors, perturbations, protocols, store, variants
from offkey.audio import AudioError
from offkey.errors import BadInput
from offkey.features import NamedFeatures

QUICK = {
    "resnet": {"epochs": 1, "batch_size": 8, "crop_share": 0.25},
    "cnn": {"epochs": 2, "batch_size": 8, "crop_share": 0.25, "width": 4},
    "forest": {"trees": 20, "folds": 2},
}


@pytest.fixture(scope="module", params=sorted(detectors.NAMES))
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def heard(kind: str, tiny_clips: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory):
    """The tiny clips as this detector hears them."""
    conditions = perturbations.find(["clean", "pitch+2"])
    folder = tmp_path_factory.mktemp(f"heard-{kind}")
    return variants.build(tiny_clips, conditions, folder, features=detectors.features(kind))


def train(kind: str, heard: dict, folder: Path):
    new = detectors.create(kind, **QUICK[kind])
    return protocols.train(new, [heard["clean"]], folder, seed=0, name=kind)


@pytest.fixture(scope="module")
def trained(kind: str, heard: dict, tmp_path_factory: pytest.TempPathFactory):
    return train(kind, heard, tmp_path_factory.mktemp(f"models-{kind}"))


def test_every_detector_has_quick_settings_here() -> None:
    assert set(QUICK) == set(detectors.NAMES)


def test_probabilities_are_probabilities(heard, trained) -> None:
    detector, history = trained
    score = detector.predict_proba(heard["pitch+2"])
    assert score.shape == (len(heard["pitch+2"]),)
    assert ((score >= 0) & (score <= 1)).all()
    assert {"epoch", "train_loss", "val_loss"} <= set(history)


def test_saved_and_loaded_gives_the_same_scores(heard, trained, tmp_path: Path) -> None:
    detector, _ = trained
    detector.save(tmp_path)
    again = detectors.load(tmp_path)
    test = heard["pitch+2"]
    np.testing.assert_array_equal(detector.predict_proba(test), again.predict_proba(test))
    assert (again.threshold, again.settings) == (detector.threshold, detector.settings)
    assert again.features == detector.features


def test_a_clip_alone_scores_as_in_the_batch(heard, trained) -> None:
    detector, _ = trained
    whole = heard["clean"]
    alone = whole.among(whole.clips[whole.clips["clip_id"] == whole.clips["clip_id"].iat[3]])
    expected = detector.predict_proba(whole)[3]
    assert detector.predict_proba(alone)[0] == pytest.approx(expected, abs=1e-5)


def test_the_same_seed_gives_the_same_detector(kind, heard, trained, tmp_path: Path) -> None:
    again, history = train(kind, heard, tmp_path)
    detector, before = trained
    test = heard["clean"].select("test")
    np.testing.assert_array_equal(again.predict_proba(test), detector.predict_proba(test))
    pd.testing.assert_frame_equal(history, before)


def test_a_file_is_judged_and_a_bad_one_refused_by_name(trained, tmp_path: Path) -> None:
    detector, _ = trained
    sf.write(tmp_path / "song.wav", tune("song", 6.0), RATE)
    sf.write(tmp_path / "short.wav", tune("short", 1.0), RATE)
    assert 0 <= detection.detect(detector, tmp_path / "song.wav")["score"] <= 1
    assert detection.detect(detector, tmp_path / "short.wav")["padded"]
    broken = tune("song", 3.0)
    broken[5] = np.nan
    sf.write(tmp_path / "nan.wav", broken, RATE, subtype="FLOAT")
    sf.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    (tmp_path / "empty.wav").write_bytes(b"")
    for name in ("nan", "silent", "empty"):
        with pytest.raises(AudioError, match=f"{name}.wav"):
            detection.detect(detector, tmp_path / f"{name}.wav")


def test_a_changed_model_file_is_refused(trained, tmp_path: Path) -> None:
    detector, _ = trained
    detector.save(tmp_path)
    file = next(path for path in tmp_path.iterdir() if path.suffix != ".json")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(BadInput, match="does not match the hash"):
        detectors.load(tmp_path)


class _Evil:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


def test_an_untrusted_model_file_is_never_executed(trained, tmp_path: Path) -> None:
    detector, _ = trained
    detector.save(tmp_path)
    canary = tmp_path / "canary"
    file = next(path for path in tmp_path.iterdir() if path.suffix != ".json")
    file.write_bytes(pickle.dumps(_Evil(canary)))
    card = store.read_json(tmp_path / "model.json")
    card["sha256"] = store.file_sha256(file)  # even if somebody made the hash fit
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(BadInput, match=r"is no (skops|safetensors) file"):
        detectors.load(tmp_path)
    assert not canary.exists()


def test_unknown_settings_and_features_are_refused(kind: str) -> None:
    with pytest.raises(BadInput, match="setting of detector"):
        detectors.create(kind, no_such_setting=1)
    with pytest.raises(BadInput, match="feature setting"):
        detectors.features(kind, no_such_setting=1)


def test_fourteen_features_are_librosas() -> None:
    features = NamedFeatures()
    sound = librosa.resample(tune("parity", 8.0), orig_sr=RATE, target_sr=features.sample_rate_hz)
    found = dict(zip(features.names, features(sound)[0], strict=True))
    rate = features.sample_rate_hz
    mfcc = librosa.feature.mfcc(y=sound, sr=rate, n_mfcc=13)
    tempo, beats = librosa.beat.beat_track(y=sound, sr=rate)
    intervals = np.diff(librosa.frames_to_time(beats, sr=rate))
    onsets = librosa.onset.onset_strength(y=sound, sr=rate)
    crossings = librosa.feature.zero_crossing_rate(sound)
    expected = {
        "mfcc_mean": np.mean(mfcc),
        "mfcc_std": np.std(mfcc),
        "mfcc_skew": skew(mfcc, axis=None),
        "mfcc_kurtosis": kurtosis(mfcc, axis=None),
        "spectral_centroid_mean": np.mean(librosa.feature.spectral_centroid(y=sound, sr=rate)),
        "spectral_rolloff_mean": np.mean(librosa.feature.spectral_rolloff(y=sound, sr=rate)),
        "spectral_bandwidth_mean": np.mean(librosa.feature.spectral_bandwidth(y=sound, sr=rate)),
        "onset_strength_mean": np.mean(onsets),
        "onset_strength_std": np.std(onsets),
        "zcr_mean": np.mean(crossings),
        "zcr_std": np.std(crossings),
        "tempo": float(np.atleast_1d(tempo)[0]),
        "beat_interval_mean": np.mean(intervals),
        "beat_interval_std": np.std(intervals),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name


def test_harmony_adds_chroma_and_tonal_centroids() -> None:
    features = NamedFeatures(harmony=True)
    row = features(tune("harmony", 4.0))
    assert row.shape == (1, 14 + 12 + 6) == (1, features.n_values)
    assert np.isfinite(row).all()


def test_importance_finds_the_feature_that_tells(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    clean = perturbations.find(["clean"])
    features = detectors.features("forest")
    heard = variants.build(tiny_clips, clean, tmp_path, features=features)["clean"]
    forest = detectors.create("forest", trees=50, folds=2, min_leaf=1, min_split=2)
    forest.fit([heard.select("train")], [heard.select("val")], seed=0)
    told = forest.explain(heard.select("train"))
    assert told["importance"].is_monotonic_decreasing
    assert set(told["feature"]) == set(features.names)
    assert told["importance"].iat[0] > 0


def test_small_networks_take_both_layouts_and_any_length() -> None:
    import torch

    for layout in ("four_blocks", "three_blocks"):
        network = detectors.create("cnn", layout=layout, width=4).network
        for frames in (31, 125):
            assert network(torch.zeros(2, frames, 128)).shape == (2,)
    with pytest.raises(BadInput, match="four_blocks, three_blocks"):
        detectors.create("cnn", layout="two")
    assert asdict(detectors.create("cnn").settings)["rate"] == "constant"
