"""Re-encoding: in time, at the rate asked for, and with the loss that the rate brings."""

import struct

import numpy as np
import pytest
from conftest import RATE, tune

from offkey import perturbations
from offkey.core.errors import BadInput
from offkey.perturbations import Source, codec, transcoding
from offkey.sound import audio

MUSIC = tune("codec", 4.0)
SETTINGS = [tuple(codec.draw(level, None).values()) for level in codec.LEVELS]


def _noise() -> np.ndarray:
    return 0.1 * np.random.default_rng(1).standard_normal(2 * RATE).astype(np.float32)


def _late_samples(before: np.ndarray, after: np.ndarray) -> float:
    """By how many samples `after` comes late, to a sixteenth: correlation on a finer grid."""
    size, fine = 2 * len(before), 16
    cross = np.fft.rfft(after, size) * np.conj(np.fft.rfft(before, size))
    fit = np.fft.irfft(cross, fine * size)
    top = int(np.argmax(fit))
    return (top if top < len(fit) // 2 else top - len(fit)) / fine


def _treble_db(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(10 * np.log10(power[hz > 6500].sum()))


@pytest.mark.parametrize(("name", "kbps"), SETTINGS)
def test_stays_in_time(name: str, kbps: int) -> None:
    for sound in (MUSIC, _noise()):
        again = codec.apply(Source(sound), None, name, kbps)
        assert len(again) == len(sound)
        assert abs(_late_samples(sound, again)) / RATE < 1e-4
    # as near to the original as a shift can bring it
    errors = [np.sum((np.roll(again, shift) - sound)[99:-99] ** 2) for shift in (-1, 0, 1)]
    assert np.argmin(errors) == 1


def test_the_way_without_loss_changes_nothing() -> None:
    again = codec.apply(Source(MUSIC), None, "flac", 0)
    assert _late_samples(MUSIC, again) == 0
    rest = (again - MUSIC)[200:-200]
    assert 20 * np.log10(np.std(rest) / np.std(MUSIC)) < -90


def test_a_decoder_that_comes_late_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    prompt = transcoding._decode
    monkeypatch.setattr(transcoding, "_decode", lambda *args: np.pad(prompt(*args), (777, 0)))
    transcoding.delay.cache_clear()
    assert _late_samples(MUSIC, codec.apply(Source(MUSIC), None, "mp3", 128)) == 0
    transcoding.delay.cache_clear()


@pytest.mark.parametrize(("name", "kbps"), SETTINGS)
def test_rate_is_the_one_asked_for(name: str, kbps: int) -> None:
    wide = codec.respectrum(MUSIC, RATE, transcoding.CODECS[name].sample_rate_hz)
    stream = transcoding.encode(wide, name, kbps)
    if name == "vorbis":  # by quality: the header names the rate meant
        header = stream.packets[0].split(b"\x01vorbis")[1]
        assert struct.unpack("<IBIiii", header[:21])[4] == 1000 * kbps
    else:
        spent = sum(len(bytes(packet)) for packet in stream.packets) * 8 / len(MUSIC) * RATE
        assert spent / 1000 == pytest.approx(kbps, rel=0.06)


def test_low_rates_lose_more_and_the_lowest_its_treble() -> None:
    noise = _noise()
    loss, treble = [], []
    for kbps in (320, 128, 64, 32):
        again = codec.apply(Source(noise), None, "mp3", kbps)
        again = audio.match_level(again, noise)
        loss.append(np.sum((again - noise) ** 2))
        treble.append(_treble_db(again) - _treble_db(noise))
    assert np.all(np.diff(loss) > 0)
    assert treble[0] == pytest.approx(0, abs=0.5)
    assert treble[-1] < -15


def test_a_missing_encoder_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = transcoding.Codec("libnowhere", "mp3float")
    monkeypatch.setitem(transcoding.CODECS, "mp3", nowhere)
    with pytest.raises(BadInput, match=r"'mp3' needs FFmpeg's 'libnowhere'.*pip install"):
        codec.apply(Source(MUSIC), None, "mp3", 128)
    monkeypatch.setattr(transcoding.sf, "check_format", lambda *_: False)
    (vorbis,) = perturbations.find(["codec_vorbis_64"])
    with pytest.raises(BadInput, match="'vorbis' needs a libsndfile built with Vorbis"):
        perturbations.apply(vorbis, Source(MUSIC), perturbations.draw(vorbis, 0, "clip"))


def test_a_long_clip_survives_vorbis() -> None:
    long = np.tile(MUSIC, 16)  # one write of more than 30 s crashes libsndfile
    assert len(codec.apply(Source(long), None, "vorbis", 64)) == len(long)
