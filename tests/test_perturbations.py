"""One contract for every perturbation, and what each does, by measurement."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import tune

from offkey import perturbations
from offkey.audits import pitch_change
from offkey.core.errors import BadInput
from offkey.perturbations import Source
from offkey.sound import audio

ADDED = (
    "codec", "noise", "lowpass", "eq", "reverb", "gain", "resample_only", "augmentation", "speed",
    "bandlimit", "fine_pitch",
)  # fmt: skip
EVERY = [c for name in perturbations.NAMES for c in perturbations.conditions(name)]


def _edit(condition: perturbations.Condition, sound: np.ndarray, clip_id: str = "clip"):
    drawn = perturbations.draw(condition, 0, clip_id)
    edited, change = perturbations.apply(condition, Source(sound), drawn)
    return edited, change, drawn


@pytest.mark.parametrize("condition", EVERY, ids=lambda c: c.variant)
def test_contract(condition: perturbations.Condition) -> None:
    sound = tune("contract", 3.0)
    before = sound.copy()
    edited, change, drawn = _edit(condition, sound)
    rate = 1.0 if condition.perturbation == "round_trip" else drawn.get("rate", 1.0)
    assert edited.dtype == np.float32
    assert len(edited) == round(len(sound) / rate)
    assert np.isfinite(edited).all()
    kept = audio.rms_dbfs(edited) - audio.rms_dbfs(sound)
    assert kept == pytest.approx(change if condition.perturbation == "gain" else 0, abs=0.01)
    assert (-8 < change < 1) if condition.engine else abs(change) < 13
    assert json.loads(json.dumps(drawn)) == drawn
    np.testing.assert_array_equal(sound, before)
    np.testing.assert_array_equal(edited, _edit(condition, sound)[0])


@pytest.mark.parametrize("n", [2048, 4096])
def test_short_clips_are_edited_too(n: int) -> None:
    sound = tune("short", 1.0)[:n]
    for condition in EVERY:
        edited, _, drawn = _edit(condition, sound)
        rate = 1.0 if condition.perturbation == "round_trip" else drawn.get("rate", 1.0)
        assert len(edited) == round(n / rate), condition.variant
        assert np.isfinite(edited).all(), condition.variant


def test_the_grid() -> None:
    names = {name: [c.variant for c in perturbations.conditions(name)] for name in ADDED}
    assert [len(levels) for levels in names.values()] == [8, 4, 3, 3, 3, 3, 2, 8, 6, 5, 18]
    assert names["codec"][:2] == ["codec_mp3_320", "codec_mp3_128"]
    assert names["noise"] == ["noise40", "noise30", "noise20", "noise10"]
    assert names["lowpass"] == ["lowpass7", "lowpass6", "lowpass4"]
    assert names["gain"] == ["gain-12", "gain-6", "gain+6"]
    assert names["speed"][:3] == ["speed0.9", "speed0.95", "speed0.97"]
    down = [c.variant for c in perturbations.conditions("pitch") if c.level < 0]
    assert names["bandlimit"] == [name.replace("pitch", "bandlimit") for name in down]
    assert {"pitch-0.25", "pitch+0.25"} <= {c.variant for c in perturbations.conditions("pitch")}
    fine = {c.level for c in perturbations.conditions("fine_pitch")}
    assert {0.05, -0.05, 0.1, 3.0} <= fine
    assert not fine & {c.level for c in perturbations.conditions("pitch")}
    assert names["resample_only"] == ["resample_only_up", "resample_only_down"]
    assert names["augmentation"][7] == "augmentation_draw_8"
    assert [c.variant for c in perturbations.conditions("null_pitch")] == ["null_pitch"]
    severities = {c.variant: c.severity for name in ADDED for c in perturbations.conditions(name)}
    assert [severities[f"codec_{name}"] for name in ("mp3_320", "mp3_32", "aac_64")] == [1, 4, 3]
    assert [severities[name] for name in ("noise40", "noise10", "lowpass4")] == [1, 4, 3]
    assert [severities[name] for name in names["gain"]] == [-2, -1, 1]
    assert perturbations.catalogue()["perturbation"].tolist() == list(perturbations.NAMES)


def test_variant_names_are_unique_and_found_again() -> None:
    names = [c.variant for c in EVERY]
    assert len(set(names)) == len(names)
    assert perturbations.find(names) == EVERY
    assert perturbations.find(["clean", "pitch"])[0] == perturbations.CLEAN
    assert len(perturbations.find(["pitch", "pitch+2"])) == 10


def test_a_variant_may_name_its_engine() -> None:
    one, *trips = perturbations.find(["pitch+2@signalsmith", "round_trip@librosa"])
    assert (one.variant, one.engine) == ("pitch+2@signalsmith", "signalsmith")
    assert [c.engine for c in trips] == ["librosa", "librosa"]
    found = perturbations.find(["pitch+2", "pitch+2@vocoder", "noise20"], "librosa")
    assert [c.variant for c in found] == ["pitch+2@librosa", "pitch+2", "noise20"]
    assert [c.engine for c in found] == ["librosa", "vocoder", ""]


@pytest.mark.parametrize("name", ["pitch", "tempo", "speed", "bandlimit"])
def test_severity_is_signed_and_grows_with_distance(name: str) -> None:
    found = perturbations.conditions(name)
    levels = np.array([c.level for c in found])
    severities = np.array([c.severity for c in found])
    neutral = perturbations.module(name).NEUTRAL
    assert np.array_equal(np.sign(severities), np.sign(levels - neutral))
    assert np.all(np.diff(severities[np.argsort(levels)]) >= 1)
    assert 0 not in severities


def test_round_trip_ends_where_it_began() -> None:
    music = tune("trip")
    for condition in perturbations.conditions("round_trip"):
        edited, _, _ = _edit(condition, music)
        assert abs(pitch_change.change_cents(music, edited)) < 3
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


def test_every_training_draw_is_another_and_the_same_in_another_process() -> None:
    conditions = perturbations.conditions("augmentation")
    drawn = [perturbations.draw(c, 0, "clip") for c in conditions]
    assert len({d["semitones"] for d in drawn}) == len({d["rate"] for d in drawn}) == 8
    assert all(-2 <= d["semitones"] <= 2 and 0.8 <= d["rate"] <= 1.2 for d in drawn)
    code = (
        "import json; from offkey import perturbations as p\n"
        "print(json.dumps([p.draw(c, 0, 'clip') for c in p.conditions('augmentation')]))"
    )
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(elsewhere.stdout) == drawn


def test_unknown_names_suggest_the_nearest() -> None:
    with pytest.raises(BadInput, match="did you mean 'pitch_tempo'"):
        perturbations.conditions("pich_tempo")
    for wrong, right in (
        ("pitch+22", "pitch+2"),
        ("pitch+22@librosa", "pitch+2@librosa"),
        ("codec_mp3_12", "codec_mp3_128"),
    ):
        with pytest.raises(BadInput, match=f"did you mean '{re.escape(right)}'"):
            perturbations.find([wrong])
    with pytest.raises(BadInput, match="unknown engine 'rubber': did you mean 'rubberband'"):
        perturbations.conditions("pitch", "rubber")
    with pytest.raises(BadInput, match="did you mean 'signalsmith'"):
        perturbations.find(["pitch+2@signalsmit"])
    with pytest.raises(BadInput, match="'noise20' uses no engine"):
        perturbations.find(["noise20@librosa"])


def test_a_clip_shorter_than_a_frame_is_refused() -> None:
    for variant in ("pitch+2", "codec_mp3_32", "lowpass4"):
        with pytest.raises(BadInput, match=f"too short for '{re.escape(variant)}': at least 2048"):
            _edit(perturbations.find([variant])[0], tune("short")[:1000])
