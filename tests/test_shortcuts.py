"""The floor that a detector has to beat, and the proof of edits, on clips with known answers."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import butter, sosfilt

from offkey import evaluation, perturbations
from offkey.audits import edit_accuracy, shortcuts
from offkey.core import manifest
from offkey.sound import audio


def test_clues_are_what_they_say(tiny_clips: pd.DataFrame) -> None:
    measured = shortcuts.measure(tiny_clips)
    clip = measured.iloc[0]
    samples = audio.load(clip["path"])
    assert clip["level_dbfs"] == pytest.approx(audio.rms_dbfs(samples))
    assert clip["peak"] == pytest.approx(np.abs(samples).max())
    assert clip["silent_share"] == 0
    noisy = measured[measured["target"] == 1]
    assert (noisy["top_octave_db"].to_numpy() > measured["top_octave_db"][::2].to_numpy()).all()


def test_spectral_clues_of_known_sounds() -> None:
    rng, rate = np.random.default_rng(0), audio.SAMPLE_RATE_HZ
    noise = rng.standard_normal(4 * rate)
    white = shortcuts._spectral(noise, rate)
    # of an exponential variable, exp(E log x) / E x
    assert white["flatness"] == pytest.approx(np.exp(-np.euler_gamma), abs=0.02)
    assert white["rolloff_hz"] == pytest.approx(0.99 * rate / 2, abs=40)
    assert white["band_edge_hz"] > 7900
    low = sosfilt(butter(30, 3000, fs=rate, output="sos"), noise)
    dull = shortcuts._spectral(low, rate)
    assert 3000 < dull["band_edge_hz"] < 4500 and dull["rolloff_hz"] < 3100
    assert dull["flatness"] < 0.01 and dull["top_octave_db"] < -30
    silence = shortcuts._spectral(np.zeros(rate), rate)
    assert all(np.isfinite(value) for value in silence.values())


def _auc(floor: pd.DataFrame) -> pd.Series:
    """The AUC of each floor."""
    scores = evaluation.score(floor, n_resamples=50, subsets=["all"])
    return scores[scores["metric"] == "auc"].set_index("detector")["value"]


def test_floors_find_a_planted_clue_and_nothing_in_noise(tiny_clips: pd.DataFrame) -> None:
    measured = shortcuts.measure(tiny_clips)
    planted = measured.assign(source_codec=np.where(measured["target"] == 1, "opus", "vorbis"))
    assert _auc(shortcuts.floor(planted)).to_dict() == {"codec_floor": 1, "shortcut": 1}
    # the tiny set's noisy highs are themselves a shortcut; without them nothing is left
    blind = measured.assign(**dict.fromkeys(shortcuts.NUMBERS, 0.0))
    assert _auc(shortcuts.floor(blind)).to_dict() == {"codec_floor": 0.5, "shortcut": 0.5}


def _files(*rows: tuple[str, int, float, int]) -> pd.DataFrame:
    """Clips of (codec, sample rate, bit rate, target)."""
    names = ["source_codec", "source_sample_rate_hz", "source_bitrate_kbps", "target"]
    return pd.DataFrame(rows, columns=names).assign(source_container="", source_encoder="")


def test_the_codec_floor_counts() -> None:
    train = _files(*[("mp3", 44100, 128, 1)] * 3, *[("mp3", 44100, 320, 0)] * 3)
    score = shortcuts._codec_floor(train)
    asked = _files(("mp3", 44100, 128, 1), ("mp3", 44100, 320, 0), ("mp3", 44100, 192, 0))
    known_ai, known_human, unseen = score(asked)
    # codec and rate say nothing; three clips of three, then two facts more of the same three
    share = 0.5
    for _ in range(3):
        share = (3 + 2 * share) / (3 + 2)
    assert known_ai == pytest.approx(share, abs=1e-6) and known_human == pytest.approx(1 - share)
    assert unseen == 0.5  # another bit rate: what the rate says
    uneven = _files(*[("mp3", 44100, 128, 1)] * 9, *[("mp3", 44100, 128, 0)] * 3)
    assert shortcuts._codec_floor(uneven)(asked)[0] == 0.5  # the classes weigh the same
    new = _files(("opus", 48000, 96, 1))
    assert shortcuts._codec_floor(train)(new)[0] == 0.5


def test_each_fold_is_judged_by_the_others(tiny_clips: pd.DataFrame) -> None:
    groups = tiny_clips["track_id"]
    fold = manifest.assign_folds(groups, pd.Series("all", groups.index), n_folds=3)
    clips = manifest.validate(tiny_clips.assign(fold=fold, split="test"))
    # the codec names the class, and the fold: of the fold that is tested, nothing was seen
    codec = clips["target"].astype(str) + clips["fold"].astype(str)
    floor = shortcuts.floor(shortcuts.measure(clips).assign(source_codec=codec))
    for _, part in floor.groupby("detector"):
        assert sorted(part["clip_id"]) == sorted(clips["clip_id"])
        assert part.groupby("fold")["threshold"].nunique().eq(1).all()
        assert part.groupby("fold")["model_fingerprint"].nunique().eq(1).all()
        assert part["model_fingerprint"].nunique() == 3
    assert _auc(floor)["codec_floor"] == 0.5
    assert floor.loc[floor["detector"] == "codec_floor", "score"].eq(0.5).all()
    told = clips["target"].map({0: "vorbis", 1: "opus"})
    assert _auc(shortcuts.floor(shortcuts.measure(clips).assign(source_codec=told))).eq(1).all()


def test_by_class_ranks_the_clue(tiny_clips: pd.DataFrame) -> None:
    table = shortcuts.by_class(shortcuts.measure(tiny_clips)).set_index("clue")
    assert table.loc["top_octave_db", "value"] > 0.9
    assert table.loc["top_octave_db", "more"] == "AI"
    assert table.loc["duration_s", "value"] == 0.5
    assert table.loc["duration_s", "more"] == "–"


def test_a_clue_keeps_its_sign() -> None:
    rng = np.random.default_rng(0)
    target = np.tile([0, 1], 40)
    noise = pd.DataFrame(rng.normal(size=(80, len(shortcuts.NUMBERS))), columns=shortcuts.NUMBERS)
    clips = noise.assign(track_id=[f"t{i}" for i in range(80)], target=target)
    clips["peak"] -= 3 * target  # human clips have more of it
    table = shortcuts.by_class(clips).set_index("clue")
    assert table.loc["peak", "value"] < 0.1 and table.loc["peak", "more"] == "human"
    assert table.loc["peak", "low"] < table.loc["peak", "value"] < table.loc["peak", "high"] < 0.5
    # noise is on either side of a half: no clue is turned so that it looks useful
    others = table.drop(index="peak")
    assert others["value"].min() < 0.5 < others["value"].max()


def test_measured_edits_are_what_was_asked(tiny_clips: pd.DataFrame) -> None:
    conditions = perturbations.find(["pitch+2", "tempo1.1", "round_trip_pitch"])
    table = edit_accuracy.edits(tiny_clips, conditions, n_clips=3)
    assert table.groupby("variant").size().eq(9).all()
    summary = edit_accuracy.summary(table)
    assert (summary["pitch error (cents)"].abs() < 5).all()
    assert (summary["tempo error (×)"].abs() < 1e-3).all()
    assert (summary["level before matching (dB)"] < -0.5).all()
    assert (summary["clips"] == 3).all()


def test_speed_and_chains_are_measured_too(tiny_clips: pd.DataFrame) -> None:
    conditions = perturbations.find(["speed1.1", "speed0.9>tempo1.1", "pitch+1>codec_mp3_128"])
    table = edit_accuracy.edits(tiny_clips, conditions, n_clips=2)
    asked = table.drop_duplicates(["variant", "quantity"]).set_index(["variant", "quantity"])[
        "asked"
    ]
    assert asked["speed1.1", "pitch"] == pytest.approx(165.0, abs=0.1)
    assert asked["speed0.9>tempo1.1", "tempo"] == pytest.approx(0.99)
    assert asked["pitch+1>codec_mp3_128", "pitch"] == 100
    summary = edit_accuracy.summary(table)
    assert (summary["pitch error (cents)"].abs() < 5).all()
    assert (summary["tempo error (×)"].abs() < 1e-3).all()
