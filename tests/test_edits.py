"""Noise, filters, rooms and gain: each does what its level says, by measurement."""

import numpy as np
import pytest
from conftest import RATE, tune

from offkey import perturbations
from offkey.perturbations import Source, eq, gain, lowpass, resample_only, reverb
from offkey.sound import audio

MUSIC = tune("edits")


def _edit(variant: str, sound: np.ndarray, clip_id: str = "clip") -> tuple[np.ndarray, float]:
    (condition,) = perturbations.find([variant])
    return perturbations.apply(condition, Source(sound), perturbations.draw(condition, 0, clip_id))


def _tone(hz: float) -> np.ndarray:
    return (0.1 * np.sin(2 * np.pi * hz * np.arange(RATE) / RATE)).astype(np.float32)


def _gain_db(before: np.ndarray, after: np.ndarray) -> float:
    """Change of level in the middle, away from what the ends do."""
    middle = slice(len(before) // 4, -len(before) // 4)
    return audio.rms_dbfs(after[middle]) - audio.rms_dbfs(before[middle])


@pytest.mark.parametrize("snr_db", [40, 30, 20, 10])
def test_noise_lies_as_far_below_as_asked(snr_db: float) -> None:
    edited, change_db = _edit(f"noise{snr_db}", MUSIC)
    noise = edited * 10 ** (change_db / 20) - MUSIC  # before the level was brought back
    assert audio.rms_dbfs(MUSIC) - audio.rms_dbfs(noise) == pytest.approx(snr_db, abs=0.1)
    power = np.abs(np.fft.rfft(noise)) ** 2
    quarters = [part.mean() for part in np.array_split(power, 4)]
    assert max(quarters) / min(quarters) < 1.1  # white


def test_every_clip_has_its_own_noise() -> None:
    one, other = (_edit("noise10", MUSIC, name)[0] for name in ("one", "other"))
    assert np.abs(one - other).max() > 0.01
    np.testing.assert_array_equal(one, _edit("noise10", MUSIC, "one")[0])


@pytest.mark.parametrize("cutoff_khz", lowpass.LEVELS)
def test_lowpass_keeps_below_and_takes_above(cutoff_khz: float) -> None:
    def change_db(ratio: float) -> float:
        tone = _tone(1000 * cutoff_khz * ratio)
        return _gain_db(tone, lowpass.apply(Source(tone), None, 1000 * cutoff_khz))

    assert change_db(0.85) == pytest.approx(0, abs=0.3)
    assert change_db(1.0) == pytest.approx(-6, abs=0.3)
    assert change_db(1.12) < -25


def test_filters_do_not_delay() -> None:
    click = np.zeros(RATE, np.float32)
    click[RATE // 2] = 1
    for variant in ("lowpass4", "eq_bass_boost", "eq_mid_scoop", "reverb_hall", "resample_only_up"):
        assert np.argmax(np.abs(_edit(variant, click)[0])) == RATE // 2, variant


@pytest.mark.parametrize("preset", eq.LEVELS)
def test_equaliser_gives_the_gains_of_its_table(preset: str) -> None:
    for hz, gain_db in eq.GAINS[preset]:
        tone = _tone(hz)
        edited = eq.apply(Source(tone), None, preset)
        assert _gain_db(tone, edited) == pytest.approx(gain_db, abs=0.3)


@pytest.mark.parametrize("room", reverb.LEVELS)
def test_rooms_die_away_as_their_table_says(room: str) -> None:
    response = reverb.impulse_response(room, RATE)
    rt60_s, direct_db, gap_ms = reverb.ROOMS[room]
    gap = round(gap_ms / 1000 * RATE)
    assert response[0] == 1
    assert not response[1:gap].any()
    assert -audio.rms_dbfs(response[1:]) - 10 * np.log10(len(response) - 1) == pytest.approx(
        direct_db, abs=0.05
    )
    # M. R. Schroeder's backward integration (1965), from -5 to -25 dB
    left = 10 * np.log10(np.cumsum(response[:0:-1].astype(np.float64) ** 2)[::-1])
    left -= left[0]
    five, twenty_five = (int(np.argmax(left < level)) for level in (-5, -25))
    assert 3 * (twenty_five - five) / RATE == pytest.approx(rt60_s, rel=0.1)


def test_a_room_fills_the_silence_after_a_sound() -> None:
    sound = np.zeros(2 * RATE, np.float32)
    sound[: RATE // 2] = MUSIC[: RATE // 2]
    after = [audio.rms_dbfs(_edit(f"reverb_{room}", sound)[0][RATE:]) for room in reverb.LEVELS]
    assert np.all(np.diff(after) > 3)


@pytest.mark.parametrize("gain_db", [-12, -6, 6])
def test_gain_is_not_undone(gain_db: float) -> None:
    edited, change_db = _edit(f"gain{gain_db:+d}", MUSIC)
    assert change_db == pytest.approx(gain_db, abs=0.1)
    assert audio.rms_dbfs(edited) - audio.rms_dbfs(MUSIC) == pytest.approx(change_db, abs=1e-3)


def test_gain_clips_at_full_scale() -> None:
    loud = audio.match_level(MUSIC, np.full(1, 0.4, np.float32))
    edited = gain.apply(Source(loud), None, 6.0)
    assert (edited.min(), edited.max()) == (-1, np.float32(32767 / 32768))


@pytest.mark.parametrize(
    ("via_hz", "kept_hz", "lost_hz"), [(44_100, 7300, 7800), (11_025, 5000, 5600)]
)
def test_resampling_loses_the_edge_of_the_narrower_band(
    via_hz: int, kept_hz: float, lost_hz: float
) -> None:
    kept, lost = _tone(kept_hz), _tone(lost_hz)
    assert abs(_gain_db(kept, resample_only.apply(Source(kept), None, via_hz))) < 0.1
    assert _gain_db(lost, resample_only.apply(Source(lost), None, via_hz)) < -40
