"""One contract for every detector: same answers from disk, alone or in a batch, same seed."""

import json
import pickle  # noqa: TID251 - to show that it is refused
from dataclasses import asdict
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pandas as pd
import pytest
import soundfile as sf
from conftest import RATE, tune
from scipy.stats import kurtosis, skew

from offkey import detectors, perturbations, protocols
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors import costs, detection, files, pieces
from offkey.detectors.histogram import focused
from offkey.features import LogMel, MeanSpectrum, NamedFeatures, variants
from offkey.sound import audio
from offkey.sound.audio import AudioError

QUICK = {
    "resnet": {"epochs": 1, "batch_size": 8, "crop_share": 0.25},
    "cnn": {"epochs": 2, "batch_size": 8, "crop_share": 0.25, "width": 4},
    "forest": {"trees": 20, "folds": 2},
    "histogram": {"trees": 20, "folds": 2, "bins": 4},
    "metadata": {"folds": 2},
    "peaks": {"folds": 2},
    "comb": {"folds": 2, "trees": 10},
    "dual": {"epochs": 2, "batch_size": 8, "crop_share": 0.25, "width": 4, "second_clips": 10},
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


def test_many_clips_at_once_score_as_a_few(heard, trained) -> None:
    detector, _ = trained
    windows, _ = detector.windows(heard["clean"])
    times = 100 // len(windows) + 1  # more than a batch holds
    many = np.concatenate([np.asarray(windows)] * times) if len(windows) else windows
    expected = np.tile(detector.score(windows), times)
    np.testing.assert_allclose(detector.score(many), expected, atol=1e-5)


def test_the_same_seed_gives_the_same_detector(kind, heard, trained, tmp_path: Path) -> None:
    again, history = train(kind, heard, tmp_path)
    detector, before = trained
    test = heard["clean"].select("test")
    np.testing.assert_array_equal(again.predict_proba(test), detector.predict_proba(test))
    pd.testing.assert_frame_equal(history, before)


def test_every_detector_keeps_the_contract(kind, heard, trained) -> None:
    """Shapes as :class:`Detector` states them; a clip's answer is the mean of its windows'."""
    detector, _ = trained
    assert isinstance(detector, detectors.Detector)
    test = heard["pitch+2"]
    windows, owners = detector.windows(test)
    assert len(windows) == len(owners) and set(owners) == set(range(len(test)))
    score, embedded = detector.score(windows), detector.embed(windows)
    assert score.shape == (len(windows),) and score.dtype == np.float64
    assert ((score >= 0) & (score <= 1)).all()
    assert embedded.ndim == 2 and len(embedded) == len(windows) and embedded.shape[1] > 1
    assert np.isfinite(embedded.astype(float)).all()
    mean = np.bincount(owners, score) / np.bincount(owners)
    if kind != "dual":  # which looks at some clips twice
        np.testing.assert_allclose(detector.predict_proba(test), mean, atol=1e-6)
    one = detector.score(windows[:1])
    np.testing.assert_allclose(one, score[:1], atol=1e-5)
    slope, offset = detector.calibration
    assert slope >= 0 and np.isfinite(offset)
    assert detector.clip_s == pytest.approx(6.0)
    assert 0.5 <= detector.validated <= 1


def test_what_is_told_of_a_training_is_in_its_file(trained) -> None:
    card = store.read_json(trained[0].folder / "model.json")
    about = {"purpose": "ai-or-human", "regime": "clean", "trained_on": ["clean"], "seed": 0}
    assert about.items() <= card.items()
    assert (card["dataset"], card["train_clips"]) == ("tiny", 12)


def test_a_file_is_judged_and_a_bad_one_refused_by_name(kind, trained, tmp_path: Path) -> None:
    detector, _ = trained
    sf.write(tmp_path / "song.wav", tune("song", 6.0), RATE)
    sf.write(tmp_path / "short.wav", tune("short", 1.0), RATE)
    song = detection.detect(detector, tmp_path / "song.wav")
    assert 0 <= song["score"] <= 1 and 0 <= song["probability"] <= 1
    assert (song["verdict"] == "AI") == (song["score"] >= song["threshold"])
    assert song["seconds"] == pytest.approx(6.0)
    short = detection.detect(detector, tmp_path / "short.wav")
    if kind == "metadata":
        assert song["seconds_heard"] == 0 and "not by its sound" in song["note"]
    else:
        whole = isinstance(detector.features, MeanSpectrum)  # a mean of all of it
        assert song["seconds_heard"] == pytest.approx(6.0 if whole else 4.0)
        assert song["note"] == ""
        assert short["seconds_heard"] == pytest.approx(1.0)
        assert "shorter than a window of 4 s" in short["note"]
    broken = tune("song", 3.0)
    broken[5] = np.nan
    sf.write(tmp_path / "nan.wav", broken, RATE, subtype="FLOAT")
    sf.write(tmp_path / "silent.wav", np.zeros(RATE), RATE)
    (tmp_path / "empty.wav").write_bytes(b"")
    for name in ("nan", "silent", "empty"):
        with pytest.raises(AudioError, match=f"{name}.wav"):
            detection.detect(detector, tmp_path / f"{name}.wav")


def test_a_recording_of_clip_length_scores_as_the_clip(kind, heard, trained) -> None:
    """The same code prepares a window in training, evaluation and detection."""
    detector, _ = trained
    clean = heard["clean"]
    clip = clean.clips.iloc[3]
    found = detection.detect(detector, clip["path"])["score"]
    if kind == "metadata":  # these clips' facts are stated, not read from their files
        return
    # in a batch of many batch normalisation is folded into the convolutions
    assert found == pytest.approx(detector.predict_proba(clean)[3], abs=1e-5)


def test_a_quiet_part_scores_beside_a_loud_one_as_alone(kind, trained) -> None:
    """Relative to the loudest moment of a whole song, a quiet part was another picture."""
    detector, _ = trained
    if kind == "metadata":
        return
    rate = detector.features.sample_rate_hz
    six_s = [librosa.resample(tune(name, 6.0), orig_sr=RATE, target_sr=rate) for name in "abc"]
    quiet, loud = 0.02 * np.concatenate(six_s[:2]), six_s[2]
    alone, beside = detector.score_samples(quiet), detector.score_samples(loud)
    long = np.concatenate([quiet, loud, 0 * loud, quiet])
    assert detector.score_samples(long) == pytest.approx((4 * alone + beside) / 5, abs=1e-5)


def test_pieces_reach_from_end_to_end_and_silent_ones_are_counted() -> None:
    features = LogMel()
    sound = tune("pieces", 25.0)
    sound[10 * RATE : 20 * RATE] = 0
    cut = pieces.cut(sound, features, 10.0)
    assert [len(piece) for piece in cut.samples] == [10 * RATE, 10 * RATE, 10 * RATE]
    np.testing.assert_array_equal(cut.samples[0], sound[: 10 * RATE])
    np.testing.assert_array_equal(cut.samples[-1], sound[-10 * RATE :])
    assert (cut.n_windows, cut.n_silent, cut.padded) == (2, 0, False)
    # the pieces start at 0, 7.5 and 15 s, and 8 of each 10 s are heard: 1-9, 8.5-16.5, 16-24 s
    assert cut.heard_s == pytest.approx(23.0)
    last = pieces.cut(np.concatenate([tune("end", 10.0), np.zeros(30 * RATE)]), features, 10.0)
    assert (len(last.samples), last.n_silent, last.heard_s) == (1, 3, pytest.approx(8.0))
    nearly = pieces.cut(tune("clip", 10.5)[: 10 * RATE + 100], features, 10.0)
    assert len(nearly.samples) == 1 and nearly.heard_s == pytest.approx(8.0)


def test_a_file_of_which_little_was_heard_says_so(tmp_path: Path) -> None:
    detector = detectors.create("resnet")
    path = tmp_path / "silence_after.wav"
    sf.write(path, np.concatenate([tune("start", 10.0), np.zeros(90 * RATE)]), RATE)
    answer = detection.detect(detector, path)
    assert answer["seconds_heard"] == pytest.approx(8.0)
    assert answer["seconds"] == pytest.approx(100.0)
    assert "only 8.0 of 100.0 s could be judged" in answer["note"]
    assert "9 of 10 pieces are silent" in answer["note"]
    assert answer["probability"] is None  # it has no calibration


def test_a_model_of_an_older_format_is_refused(trained, tmp_path: Path) -> None:
    trained[0].save(tmp_path)
    card = store.read_json(tmp_path / "model.json")
    del card["format"]
    (tmp_path / "model.json").write_text(json.dumps(card))
    with pytest.raises(BadInput, match="another version of this program: delete the folder"):
        detectors.load(tmp_path)


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


def test_a_model_of_types_that_are_not_trusted_is_refused(tmp_path: Path) -> None:
    import skops.io

    path = tmp_path / "model.skops"
    skops.io.dump({"innocent": NamedFeatures()}, path)
    with pytest.raises(BadInput, match=r"types that are not trusted \(.*NamedFeatures"):
        files.load_model(path, store.file_sha256(path))


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
    forest = detectors.create("forest", trees=1, folds=2, min_leaf=1, min_split=2)
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


def test_a_flat_picture_has_one_colour_and_no_slopes() -> None:
    flat = np.full((60, 128), -80.0, dtype=np.float16)
    colours = detectors.create("histogram", histogram="colours")
    found = dict(zip(colours.names, colours.histogram(flat), strict=True))
    assert sorted(found.values())[-2:] == [1.0, 1.0] and sum(found.values()) == 2.0
    slopes = detectors.create("histogram")
    counts = dict(zip(slopes.names, slopes.histogram(flat), strict=True))
    assert counts["time 5, frequency 5"] == 1.0


def test_a_loud_beat_has_slopes_in_time_and_a_loud_band_in_frequency() -> None:
    slopes = detectors.create("histogram")
    for axis, part in ((0, "time"), (1, "frequency")):
        picture = np.full((64, 64), -80.0)
        picture[(slice(None),) * axis + (slice(30, 34),)] = 0.0
        share = slopes.histogram(picture).reshape(10, 10)
        moved = {"time": share.sum(axis=1), "frequency": share.sum(axis=0)}
        still = "frequency" if part == "time" else "time"
        assert moved[part][[0, -1]].sum() > 0.02
        assert moved[still][5] == pytest.approx(1.0)


def test_the_peak_of_a_histogram_is_left_out() -> None:
    np.testing.assert_allclose(focused(np.array([0.0, 0.9, 0.05, 0.05])), [0, 1, 0.2, 0.2])
    np.testing.assert_array_equal(focused(np.zeros(3)), np.zeros(3))


def test_both_models_on_histograms_learn_and_unknown_ones_are_refused(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    heard = variants.build(tiny_clips, perturbations.find(["clean"]), tmp_path)["clean"]
    for model in ("forest", "network"):
        new = detectors.create("histogram", model=model, histogram="colours", folds=2)
        new.fit([heard.select("train")], [heard.select("val")], seed=0)
        new.save(tmp_path / model)
        again = detectors.load(tmp_path / model)
        np.testing.assert_array_equal(again.predict_proba(heard), new.predict_proba(heard))
    with pytest.raises(BadInput, match="did you mean 'derivatives'"):
        detectors.create("histogram", histogram="derivative")


def test_metadata_reads_the_file_and_a_codec_rewrites_it(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    told = tiny_clips.assign(
        source_encoder=np.where(tiny_clips["target"] == 1, "Lavf58.29", "LAME3.100")
    )
    conditions = perturbations.find(["clean", "pitch+2", "codec_mp3_64"])
    heard = variants.build(told, conditions, tmp_path)
    detector = detectors.create("metadata", folds=2)
    detector.fit([heard["clean"].select("train")], [heard["clean"].select("val")], seed=0)
    target = told["target"].to_numpy()
    clean, pitched = (detector.predict_proba(heard[name]) for name in ("clean", "pitch+2"))
    np.testing.assert_array_equal((clean >= detector.threshold).astype(int), target)
    np.testing.assert_array_equal(clean, pitched)
    assert np.ptp(detector.predict_proba(heard["codec_mp3_64"])) == 0
    facts = {name: told[name].iloc[0] for name in told if name.startswith("source_")}
    silence = np.zeros(RATE, np.float32)
    assert detector.score_samples(silence, facts) == pytest.approx(clean[0])
    later = {**facts, "source_encoder": facts["source_encoder"].split("5")[0] + "61.7.100"}
    if target[0] == 1:  # another version of the same program says the same
        assert detector.score_samples(silence, later) == pytest.approx(clean[0])
    with pytest.raises(BadInput, match="reads the file, not its sound"):
        detector.score_samples(silence)


def test_a_file_says_what_wrote_it(tmp_path: Path) -> None:
    import av

    path = tmp_path / "song.m4a"
    sound = (tune("tags", 2.0) * 0.5).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    facts = audio.facts(path)
    assert facts["source_codec"] == "aac" and facts["source_container"] == "mov"
    assert facts["source_encoder"].startswith("Lavf")
    assert facts["source_sample_rate_hz"] == RATE and facts["source_bitrate_kbps"] > 0
    sf.write(tmp_path / "song.wav", sound, RATE)
    assert audio.facts(tmp_path / "song.wav")["source_encoder"] == ""


def test_only_unsure_clips_get_a_second_look(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    heard = variants.build(tiny_clips, perturbations.find(["clean"]), tmp_path)["clean"]
    dual = detectors.create("dual", **QUICK["dual"], band_share=0.5)
    dual.fit([heard.select("train")], [heard.select("val")], seed=0)
    steps = dual.explain(heard)
    seen = steps["second_look"]
    assert steps.loc[seen, "residual_db"].notna().all()
    assert steps.loc[~seen, "residual_db"].isna().all()
    np.testing.assert_allclose(steps.loc[~seen, "score"], steps.loc[~seen, "first"])
    np.testing.assert_array_equal(steps["score"], dual.predict_proba(heard))
    half = dual.explain(heard.select("val"))["second_look"]
    assert half.mean() == pytest.approx(0.5, abs=1 / len(half))
    for settings, words in (({"band_share": 0}, "band_share"), ({"separator": "x"}, "separator")):
        with pytest.raises(BadInput, match=words):
            detectors.create("dual", **settings)


def test_costs_are_measured_on_clips(heard, trained) -> None:
    detector, _ = trained
    found = costs.benchmark({detector.NAME: detector}, heard["clean"], n_clips=4)
    (row,) = found.to_dict("records")
    assert 0 < row["ms_per_clip"] <= row["slowest_ms"]
    assert row["megabytes"] > 0.001 and row["training_s"] > 0 and row["n_clips"] == 4


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("resnet", {"epochs": "ten"}, "setting 'epochs' of detector 'resnet': .*not 'ten'"),
        ("resnet", {"epochs": 1.5}, "setting 'epochs' of detector 'resnet': .*not 1.5"),
        ("forest", {"trees": None}, "setting 'trees' of detector 'forest': .*not None"),
    ],
)
def test_settings_of_another_type_are_refused(
    name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        detectors.create(name, **settings)
