"""Edits at the rate of the clip's file: a shift downwards empties no band that the file fills."""

import math

import numpy as np
import pytest
from conftest import tune

from offkey import perturbations
from offkey.audits import pitch_change
from offkey.perturbations import Source, lowpass
from offkey.sound import audio

HEARD_HZ = audio.SAMPLE_RATE_HZ
RATES = (16_000, 22_050, 44_100, 48_000)
MUSIC = tune("wide", 4.0)
EDITS = (
    "pitch+2", "tempo1.25", "speed1.1", "codec_mp3_128", "codec_opus_64", "noise20", "lowpass6",
    "eq_mid_scoop", "reverb_hall", "resample_only_up", "bandlimit-2", "round_trip_pitch",
    "pitch+1>codec_mp3_128",
)  # fmt: skip


def _heard(variant: str, source: Source) -> tuple[np.ndarray, float]:
    (condition,) = perturbations.find([variant])
    drawn = perturbations.draw(condition, 0, "clip")
    return perturbations.apply(condition, source, drawn, HEARD_HZ)


def _white(rate: int, seconds: float = 3.0) -> Source:
    noise = np.random.default_rng(0).standard_normal(round(seconds * rate), np.float32)
    return Source(np.float32(0.1) * noise, rate)


def _top_db(samples: np.ndarray) -> float:
    """Level per hertz at 7.25-8 kHz against 0.5-6 kHz."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / HEARD_HZ)
    top, rest = (power[(hz >= a) & (hz < b)].sum() for a, b in ((7250, 8000), (500, 6000)))
    return float(10 * np.log10(top / rest))


@pytest.mark.parametrize("variant", ["round_trip_pitch", "pitch-2", "pitch-4", "speed0.9"])
@pytest.mark.parametrize("rate", RATES[1:])
def test_a_wide_file_keeps_the_top_of_the_band(variant: str, rate: int) -> None:
    source = _white(rate)
    clean = _top_db(_heard("clean", source)[0])
    assert _top_db(_heard(variant, source)[0]) == pytest.approx(clean, abs=1.0)


def test_a_narrow_file_loses_it_and_the_control_isolates_that() -> None:
    narrow = _white(16_000)
    assert _top_db(_heard("pitch-2", narrow)[0]) < -60
    assert _top_db(_heard("bandlimit-2", narrow)[0]) < -60
    # in a wide file the control takes away what a narrow one would lack
    assert _top_db(_heard("bandlimit-2", _white(44_100))[0]) < -60


@pytest.mark.parametrize("semitones", [-4, -2, -1, -0.5, -0.25])
@pytest.mark.parametrize("rate", RATES)
def test_bandlimit_ends_where_the_band_of_a_shift_ends(semitones: float, rate: int) -> None:
    edge_hz = 8000 * 2 ** (semitones / 12)
    samples, _ = _heard(f"bandlimit{semitones:g}", _white(rate))
    before, _ = _heard("clean", _white(rate))
    hz = np.fft.rfftfreq(len(samples), 1 / HEARD_HZ)
    ratio = np.abs(np.fft.rfft(samples)) ** 2, np.abs(np.fft.rfft(before)) ** 2

    def level_db(low: float, high: float) -> float:
        band = (hz >= low) & (hz < high)
        return float(10 * np.log10(ratio[0][band].sum() / ratio[1][band].sum()))

    below = level_db(500, 0.9 * edge_hz)
    assert level_db(0.8 * edge_hz, 0.9 * edge_hz) == pytest.approx(below, abs=0.3)
    if edge_hz < 7600:  # above, bringing the clip to 16 kHz has an edge of its own
        assert level_db(edge_hz, 8000) - below < -20


@pytest.mark.parametrize("variant", EDITS)
@pytest.mark.parametrize("rate", RATES)
def test_every_edit_is_right_at_every_rate(variant: str, rate: int) -> None:
    source = Source(audio.at_rate(MUSIC, HEARD_HZ, rate), rate)
    clean = source.at(HEARD_HZ)
    edited, _ = _heard(variant, source)
    tempo = {"tempo1.25": 1.25, "speed1.1": 1.1}.get(variant, 1.0)
    n = round(len(source.samples) / tempo)
    assert len(edited) == math.ceil(n * (HEARD_HZ / rate))
    assert edited.dtype == np.float32
    assert audio.rms_dbfs(edited) == pytest.approx(audio.rms_dbfs(clean), abs=0.01)
    cents = {"pitch+2": 200, "speed1.1": 1200 * math.log2(1.1), "pitch+1>codec_mp3_128": 100}
    heard = pitch_change.change_cents(clean, edited)
    assert heard == pytest.approx(cents.get(variant, 0), abs=5)


@pytest.mark.parametrize("variant", ["noise20", "lowpass6", "lowpass7", "eq_treble_boost"])
def test_an_edit_does_the_same_whatever_the_rate(variant: str) -> None:
    spectra = []
    for rate in (16_000, 44_100):
        source = Source(audio.at_rate(MUSIC, HEARD_HZ, rate), rate)
        samples = _heard(variant, source)[0]
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        hz = np.fft.rfftfreq(len(samples), 1 / HEARD_HZ)
        edges = np.arange(500, 7200, 500)
        spectra.append([10 * np.log10(power[(hz >= a) & (hz < a + 500)].sum()) for a in edges])
    np.testing.assert_allclose(*spectra, atol=0.5)


def test_lowpass_has_its_edge_at_every_rate() -> None:
    for rate in RATES:
        tone = np.sin(2 * np.pi * 6000 * np.arange(2 * rate) / rate).astype(np.float32)
        lost = audio.rms_dbfs(lowpass.apply(Source(tone, rate), None, 6000)) - audio.rms_dbfs(tone)
        assert lost == pytest.approx(-6, abs=0.3)
