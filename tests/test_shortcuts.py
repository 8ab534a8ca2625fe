"""The floor that a detector has to beat, and the proof of edits, on clips with known answers."""

import numpy as np
import pandas as pd
import pytest

from offkey import evaluation, perturbations
from offkey.audits import edit_accuracy, shortcuts
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


def test_floor_finds_a_planted_clue_and_nothing_in_noise(tiny_clips: pd.DataFrame) -> None:
    measured = shortcuts.measure(tiny_clips)
    planted = measured.assign(source_codec=np.where(measured["target"] == 1, "opus", "vorbis"))
    scores = evaluation.score(shortcuts.floor(planted), n_resamples=50)
    value = scores.set_index(["subset", "metric"])["value"]
    assert value["all", "auc"] == 1
    # the tiny set's noisy highs are themselves a shortcut; without them nothing is left
    blind = measured.assign(**dict.fromkeys(shortcuts.NUMBERS, 0.0))
    value = evaluation.score(shortcuts.floor(blind), n_resamples=50)
    assert value.set_index(["subset", "metric"])["value"]["all", "auc"] == 0.5


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
