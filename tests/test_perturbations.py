"""One contract for every perturbation, and what each does, by measurement."""

import numpy as np
import pytest
from conftest import RATE, tune

from offkey import audio, perturbations
from offkey.errors import BadInput
from offkey.perturbations import Source, measure

EVERY = [c for name in perturbations.NAMES for c in perturbations.conditions(name)]


def _edit(condition: perturbations.Condition, sound: np.ndarray, clip_id: str = "clip"):
    drawn = perturbations.draw(condition, 0, clip_id)
    edited, change = perturbations.apply(condition, Source(sound), drawn)
    return edited, change, drawn


@pytest.mark.parametrize("condition", EVERY, ids=lambda c: c.variant)
def test_contract(condition: perturbations.Condition) -> None:
    sound = tune("contract")
    before = sound.copy()
    edited, change, drawn = _edit(condition, sound)
    rate = 1.0 if condition.perturbation == "round_trip" else drawn.get("rate", 1.0)
    assert edited.dtype == np.float32
    assert len(edited) == round(len(sound) / rate)
    assert np.isfinite(edited).all()
    assert abs(audio.rms_dbfs(edited) - audio.rms_dbfs(sound)) < 0.01
    assert -8 < change < 1
    np.testing.assert_array_equal(sound, before)
    np.testing.assert_array_equal(edited, _edit(condition, sound)[0])


def test_variant_names_are_unique_and_found_again() -> None:
    names = [c.variant for c in EVERY]
    assert len(set(names)) == len(names)
    assert perturbations.find(names) == EVERY
    assert perturbations.find(["clean", "pitch"])[0] == perturbations.CLEAN
    assert len(perturbations.find(["pitch", "pitch+2"])) == 8


@pytest.mark.parametrize("name", ["pitch", "tempo"])
def test_severity_is_signed_and_grows_with_distance(name: str) -> None:
    found = perturbations.conditions(name)
    levels = np.array([c.level for c in found])
    severities = np.array([c.severity for c in found])
    neutral = perturbations.module(name).NEUTRAL
    assert np.array_equal(np.sign(severities), np.sign(levels - neutral))
    assert np.all(np.diff(severities[np.argsort(levels)]) >= 1)
    assert 0 not in severities


@pytest.mark.parametrize("engine", ["vocoder", "librosa"])
@pytest.mark.parametrize(("variant", "semitones"), [("pitch+2", 2), ("pitch-4", -4)])
def test_pitch_moves_by_the_cents_asked(engine: str, variant: str, semitones: float) -> None:
    condition = perturbations.find([variant], "vocoder")[0]
    condition = perturbations.conditions("pitch", engine)[condition.index]
    t = np.arange(6 * RATE) / RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    edited, _, _ = _edit(condition, tone)
    assert measure.tone_hz(edited) == pytest.approx(440 * 2 ** (semitones / 12), rel=3e-4)
    music = tune("cents")
    moved = measure.pitch_change_cents(music, _edit(condition, music)[0])
    assert moved == pytest.approx(100 * semitones, abs=5)


@pytest.mark.parametrize("engine", ["vocoder", "librosa"])
def test_tempo_changes_length_and_keeps_pitch(engine: str) -> None:
    music = tune("tempo")
    for condition in perturbations.conditions("tempo", engine):
        edited, _, drawn = _edit(condition, music)
        assert len(music) / len(edited) == pytest.approx(drawn["rate"], rel=1e-4)
        assert abs(measure.pitch_change_cents(music, edited)) < 5


def test_round_trip_ends_where_it_began() -> None:
    music = tune("trip")
    for condition in perturbations.conditions("round_trip"):
        edited, _, _ = _edit(condition, music)
        assert abs(measure.pitch_change_cents(music, edited)) < 3
        assert not np.allclose(edited, music, atol=1e-3)  # the tool leaves its mark


def test_draws_follow_from_seed_and_clip_alone() -> None:
    condition = perturbations.conditions("original_pitch_tempo")[0]
    drawn = [perturbations.draw(condition, 0, f"clip{i}") for i in range(300)]
    assert drawn[7] == perturbations.draw(condition, 0, "clip7")
    assert drawn[7] != perturbations.draw(condition, 1, "clip7")
    semitones = np.array([d["semitones"] for d in drawn])
    rates = np.array([d["rate"] for d in drawn])
    assert -2 <= semitones.min() < -1.8 < 1.8 < semitones.max() <= 2
    assert 0.8 <= rates.min() < 0.83 < 1.17 < rates.max() <= 1.2


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'pitch_tempo'"):
        perturbations.conditions("pich_tempo")
    with pytest.raises(BadInput, match=r"did you mean 'pitch\+2'"):
        perturbations.find(["pitch+22"])
    with pytest.raises(BadInput, match="unknown engine 'rubber'"):
        perturbations.conditions("pitch", "rubber")


def test_a_clip_shorter_than_a_frame_is_refused() -> None:
    with pytest.raises(BadInput, match="too short"):
        _edit(perturbations.find(["pitch+2"])[0], tune("short")[:1000])
