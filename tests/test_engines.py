"""Engines: the same edit by different means, measured on the sound."""

import importlib.util
import sys

import numpy as np
import pytest
from conftest import RATE, tune

from offkey import perturbations
from offkey.audits import pitch_change
from offkey.core.errors import BadInput
from offkey.perturbations import Source, engines

ENGINES = [
    "vocoder",
    "librosa",
    "signalsmith",
    pytest.param(
        "rubberband",
        marks=pytest.mark.skipif(
            not importlib.util.find_spec("pedalboard"),
            reason="needs the optional package: pip install 'offkey[rubberband]'",
        ),
    ),
]
TONE_CENTS = {"signalsmith": 10.0}  # the others: half a cent
NULL_SNR_DB = {"vocoder": 100.0}  # the others: 40


def _edit(variant: str, engine: str, sound: np.ndarray) -> np.ndarray:
    (condition,) = perturbations.find([variant], engine)
    drawn = perturbations.draw(condition, 0, "clip")
    return perturbations.apply(condition, Source(sound), drawn)[0]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("variant", "semitones"), [("pitch+2", 2), ("pitch-4", -4)])
def test_pitch_moves_by_the_cents_asked(engine: str, variant: str, semitones: float) -> None:
    t = np.arange(4 * RATE) / RATE
    tone = (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    heard = 1200 * np.log2(pitch_change.tone_hz(_edit(variant, engine, tone)) / 440)
    assert heard == pytest.approx(100 * semitones, abs=TONE_CENTS.get(engine, 0.5))
    music = tune("cents")
    edited = _edit(variant, engine, music)
    assert len(edited) == len(music)
    moved = pitch_change.change_cents(music, edited)
    assert moved == pytest.approx(100 * semitones, abs=5)


@pytest.mark.parametrize("engine", ENGINES)
def test_tempo_changes_length_and_keeps_pitch(engine: str) -> None:
    music = tune("tempo", 4.0)
    for condition in perturbations.conditions("tempo", engine):
        edited = _edit(condition.variant, engine, music)
        assert len(edited) == round(len(music) / condition.level)
        assert abs(pitch_change.change_cents(music, edited)) < 5


@pytest.mark.parametrize("engine", ENGINES)
def test_any_rate_gives_the_length_asked(engine: str) -> None:
    music = tune("lengths", 0.5)
    for rate in (0.8131, 0.9977, 1.0613, 1.1879):
        edited = engines.get(engine)(Source(music), 0.7, rate)
        assert len(edited) == round(len(music) / rate)


@pytest.mark.parametrize("engine", ENGINES)
def test_events_stay_where_they_belong(engine: str) -> None:
    rng = np.random.default_rng(0)
    music = 0.02 * rng.standard_normal(4 * RATE).astype(np.float32)
    struck = 2 * RATE
    music[struck : struck + 800] += np.float32(0.3) * rng.standard_normal(800).astype(np.float32)
    for variant, rate in (("pitch+2", 1.0), ("tempo0.8", 0.8), ("tempo1.25", 1.25)):
        edited = _edit(variant, engine, music)
        loud = np.flatnonzero(np.convolve(edited**2, np.ones(400) / 400, "same") > 0.02)
        middle = (struck + 400) / rate
        assert abs(loud.mean() - middle) < 0.015 * RATE


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("variant", ["null_pitch", "null_tempo"])
def test_a_null_edit_runs_the_engine_and_is_nearly_transparent(engine: str, variant: str) -> None:
    music = tune("null", 4.0)
    edited = _edit(variant, engine, music)
    rest = (edited - music)[2048:-2048]  # at the ends a frame reaches beyond the sound
    snr_db = 20 * np.log10(np.std(music) / np.std(rest))
    assert snr_db > NULL_SNR_DB.get(engine, 40.0)
    assert np.abs(rest).max() > 0  # the sound went through the engine


@pytest.mark.parametrize("engine", ["signalsmith", *ENGINES[3:]])
def test_a_clip_does_not_hear_the_one_before(engine: str) -> None:
    _edit("pitch+2", engine, tune("before", 1.0))
    first = _edit("pitch+2", engine, tune("after", 1.0))
    np.testing.assert_array_equal(first, _edit("pitch+2", engine, tune("after", 1.0)))


def test_a_missing_package_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pedalboard", None)
    with pytest.raises(BadInput, match=r"pip install 'offkey\[rubberband\]'"):
        perturbations.find(["pitch+2@rubberband"])
    assert perturbations.find(["pitch+2@signalsmith"])
