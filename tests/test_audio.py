"""The loader: what it refuses and why, and that what it reads is right."""

from __future__ import annotations

import multiprocessing
import os
import resource
import struct
from collections.abc import Callable
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile as sf

from offkey.core import seeding
from offkey.core.errors import BadInput, DiskFull
from offkey.sound import audio

RATE = 44_100


def sound(duration_s: float = 2.0, rate: int = RATE, channels: int = 1) -> np.ndarray:
    """Band-limited noise that beats, shape (n, channels): no two moments are alike."""
    rng = seeding.rng(0, "test sound", str(rate), str(channels))
    n = round(duration_s * rate)
    spectrum = np.fft.rfft(rng.standard_normal((n, channels)), axis=0)
    spectrum[np.fft.rfftfreq(n, 1 / rate) > min(3_000, 0.4 * rate)] = 0
    wave = np.fft.irfft(spectrum, n, axis=0)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


def cut(path: Path, share: float) -> Path:
    """Keep the first part of a file only."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    return path


def written(path: Path, samples: np.ndarray | None = None, rate: int = RATE, **how: str) -> Path:
    with open(path, "wb") as stream:
        data = sound() if samples is None else samples
        sf.write(stream, data, rate, format=how.pop("format", path.suffix[1:].upper()), **how)
    return path


def m4a(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    """Encode (n, channels) to AAC in MP4."""
    with av.open(str(path), "w", format="mp4") as out:
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        stream = out.add_stream("aac", rate=rate, layout=layout)
        planes = np.ascontiguousarray(samples.T)
        for start in range(0, planes.shape[1], 1024):
            part = np.ascontiguousarray(planes[:, start : start + 1024])
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, start
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def wav_header_only(path: Path, rate: int = RATE) -> Path:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    path.write_bytes(b"RIFF" + struct.pack("<I", 36) + b"WAVE" + form + b"data" + bytes(4))
    return path


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def loop(path: Path) -> Path:
    path.symlink_to(path)
    return path


def directory(path: Path) -> Path:
    path.mkdir()
    return path


def raw(data: bytes) -> Callable[[Path], Path]:
    def build(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return build


def with_nan(path: Path) -> Path:
    samples = sound()
    samples[1000] = np.nan
    return written(path, samples, subtype="FLOAT")


BAD: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "missing": ("x.wav", lambda path: path, "missing"),
    "empty": ("x.mp3", raw(b""), "empty"),
    "truncated wav": ("x.wav", lambda path: cut(written(path), 0.6), "truncated"),
    "truncated flac": ("x.flac", lambda path: cut(written(path), 0.6), "truncated"),
    "truncated mp3": ("x.mp3", lambda path: cut(written(path), 0.6), "truncated"),
    "truncated ogg": ("x.ogg", lambda path: cut(written(path), 0.6), "truncated"),
    "truncated m4a": ("x.m4a", lambda path: cut(m4a(path, sound()), 0.6), "not_audio"),
    "png named mp3": ("x.mp3", raw(b"\x89PNG\r\n\x1a\n" + bytes(400)), "not_audio"),
    "text named mp3": ("x.mp3", raw(b"la la la\n" * 60), "not_audio"),
    "page named mp3": ("x.mp3", raw(b"<!doctype html><p>404"), "not_audio"),
    "git lfs pointer": ("x.wav", raw(b"version https://git-lfs.github.com/spec/v1\n"), "not_audio"),
    "playlist named wav": ("x.wav", raw(b"#EXTM3U\n#EXTINF:1,\n/dev/zero\n"), "not_audio"),
    "random bytes": ("x.wav", raw(seeding.rng(0, "bytes").bytes(5000)), "not_audio"),
    "header without samples": ("x.wav", wav_header_only, "no_samples"),
    "nan": ("x.wav", with_nan, "non_finite"),
    "silent": ("x.wav", lambda path: written(path, np.zeros((RATE, 1))), "silent"),
    "constant": ("x.wav", lambda path: written(path, np.full((RATE, 1), 0.4)), "silent"),
    "rate of 1 Hz": ("x.wav", lambda path: written(path, rate=1), "sample_rate"),
    "fifo": ("x.wav", fifo, "not_a_file"),
    "device": ("x.wav", lambda path: Path("/dev/zero"), "not_a_file"),
    "folder": ("x.wav", directory, "not_a_file"),
    "symlink loop": ("x.wav", loop, "unreadable"),
    "name too long": ("x" * 300 + ".wav", lambda path: path, "unreadable"),
    "nul in name": ("x\0.wav", lambda path: path, "unreadable"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses_bad_input_in_one_clear_sentence(case: str, tmp_path: Path) -> None:
    name, build, reason = BAD[case]
    path = build(tmp_path / name)
    with pytest.raises(audio.AudioError) as caught:
        audio.load(path)
    assert caught.value.reason == reason
    assert isinstance(caught.value, BadInput) and caught.value.exit_code == 2
    assert str(path).replace("\0", r"\x00") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_says_what_a_wrong_file_is(tmp_path: Path) -> None:
    with pytest.raises(audio.AudioError, match="is a PNG picture"):
        audio.load(BAD["png named mp3"][1](tmp_path / "a.mp3"))
    with pytest.raises(audio.AudioError, match="looks like text"):
        audio.load(BAD["text named mp3"][1](tmp_path / "b.mp3"))
    with pytest.raises(audio.AudioError, match=r"truncated after 1\.\d\d s of 2\.00 s"):
        audio.load(BAD["truncated wav"][1](tmp_path / "c.wav"))


def test_error_survives_the_way_back_from_a_worker(tmp_path: Path) -> None:
    with (
        multiprocessing.get_context("spawn").Pool(1) as pool,
        pytest.raises(audio.AudioError) as caught,
    ):
        pool.apply(audio.load, (tmp_path / "absent.wav",))
    assert caught.value.reason == "missing" and caught.value.path == tmp_path / "absent.wav"


NAMES = ["müzik 音楽.wav", "two  words.wav", "line\nbreak.wav", 'it\'s "quoted".wav', "-x.wav"]


@pytest.mark.parametrize("name", [*NAMES, b"not-utf8-\xff.wav", "é" * 120 + ".wav"])
def test_odd_names_load_and_are_shown_on_one_line(name: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(name)
    try:
        written(path)
    except OSError:
        pytest.skip("this file system does not allow the name")
    assert len(audio.load(path)) == 2 * audio.SAMPLE_RATE_HZ
    with pytest.raises(audio.AudioError) as caught:
        audio.load(path, offset_s=5)
    assert caught.value.reason == "too_short"
    assert "\n" not in str(caught.value)
    str(caught.value).encode("utf-8")


@pytest.mark.parametrize("actual", ["WAV", "FLAC", "MP3", "OGG"])
@pytest.mark.parametrize("extension", ["wav", "mp3", "raw", "txt"])
def test_content_decides_not_the_extension(actual: str, extension: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"x.{extension}", format=actual)
    assert len(audio.load(path)) == pytest.approx(2 * audio.SAMPLE_RATE_HZ, abs=1)


@pytest.mark.parametrize(
    ("rate", "channels", "subtype", "tolerance_db"),
    [
        (192_000, 1, "PCM_16", -50),
        (11_025, 1, "PCM_16", -50),
        (RATE, 8, "PCM_16", -50),
        (RATE, 1, "PCM_U8", -20),
        (RATE, 1, "PCM_24", -50),
        (RATE, 1, "DOUBLE", -50),
    ],
)
def test_any_rate_depth_and_channel_count_gives_the_same_music(
    rate: int, channels: int, subtype: str, tolerance_db: float, tmp_path: Path
) -> None:
    reference = audio.load(written(tmp_path / "reference.wav"))
    samples = audio.resample(sound()[:, 0], RATE, rate)
    many = np.repeat(samples[:, None], channels, axis=1)
    loaded = audio.load(written(tmp_path / "other.wav", many, rate, subtype=subtype))
    n = min(len(loaded), len(reference))
    error = (loaded[:n] - reference[:n])[400:-400]  # resamplers differ at the very ends
    assert audio.rms_dbfs(error) - audio.rms_dbfs(reference) < tolerance_db


@pytest.mark.parametrize("extension", ["wav", "mp3"])
@pytest.mark.parametrize("rate", [16_000, 22_050, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_load_is_bit_identical_to_librosa(
    extension: str, rate: int, channels: int, tmp_path: Path
) -> None:
    for extra in (0, 1, 7):  # lengths that do not divide
        samples = np.concatenate([sound(1.0, rate, channels), sound(1.0, rate, channels)[:extra]])
        path = written(tmp_path / f"{extra}.{extension}", samples, rate)
        expected, _ = librosa.load(path, sr=audio.SAMPLE_RATE_HZ, res_type="soxr_hq")
        np.testing.assert_array_equal(audio.load(path), expected)


def lag(a: np.ndarray, b: np.ndarray) -> int:
    """By how many samples `b` comes after `a`."""
    n = min(len(a), len(b))
    size = 2 * n
    product = np.fft.irfft(np.fft.rfft(b[:n], size) * np.conj(np.fft.rfft(a[:n], size)), size)
    peak = int(np.argmax(product))
    return peak if peak < n else peak - size


def test_decoders_agree_in_time(tmp_path: Path) -> None:
    samples = np.round(sound() * 32_767).astype(np.int16)  # WAV would truncate, FLAC round
    reference = audio.load(written(tmp_path / "x.wav", samples), RATE)
    np.testing.assert_array_equal(
        audio.load(written(tmp_path / "x.flac", samples), RATE), reference
    )
    for extension in ("mp3", "ogg"):
        other = audio.load(written(tmp_path / f"x.{extension}", samples), RATE)
        assert lag(reference, other) == 0, extension
    assert lag(reference, np.roll(reference, 5)) == 5  # the measure itself sees a shift


@pytest.mark.parametrize("channels", [1, 2])
def test_reads_m4a_at_the_level_of_the_original(channels: int, tmp_path: Path) -> None:
    samples = sound(2.0, channels=channels)
    path = m4a(tmp_path / "x.m4a", samples)
    about = audio.probe(path)
    assert (about.codec, about.sample_rate_hz, about.channels) == ("aac", RATE, channels)
    loaded, mean = audio.load(path, RATE), samples.mean(axis=1)
    assert lag(mean, loaded) in (0, 1024)  # a bare MP4 may keep the encoder's first frame
    assert audio.rms_dbfs(loaded) == pytest.approx(audio.rms_dbfs(mean), abs=0.3)
    np.testing.assert_array_equal(
        audio.load(path, RATE, offset_s=0.5, duration_s=0.7),
        loaded[RATE // 2 : RATE // 2 + round(0.7 * RATE)],
    )


@pytest.mark.parametrize("extension", ["wav", "flac", "mp3", "ogg"])
def test_a_part_equals_the_same_part_of_the_whole(extension: str, tmp_path: Path) -> None:
    path = written(tmp_path / f"x.{extension}")
    whole = audio.load(path, RATE)
    part = audio.load(path, RATE, offset_s=0.8, duration_s=0.5)
    np.testing.assert_array_equal(part, whole[round(0.8 * RATE) : round(1.3 * RATE)])


def test_a_wav_from_a_pipe_is_not_called_truncated(tmp_path: Path) -> None:
    path = written(tmp_path / "x.wav", subtype="PCM_16")
    data = bytearray(path.read_bytes())
    position = data.index(b"data") + 4
    data[position : position + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(data)
    assert len(audio.load(path)) == 2 * audio.SAMPLE_RATE_HZ


def test_a_day_in_the_header_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = written(tmp_path / "x.wav", subtype="PCM_16")
    data = bytearray(path.read_bytes())
    position = data.index(b"data") + 4
    data[position : position + 4] = struct.pack("<I", 20_000 * RATE)
    path.write_bytes(data)
    with pytest.raises(audio.AudioError, match="truncated"):
        audio.load(path)


def test_probe_reads_the_header(tmp_path: Path) -> None:
    about = audio.probe(written(tmp_path / "x.wav", sound(channels=2), subtype="PCM_16"))
    assert about.duration_s == 2.0 and about.sample_rate_hz == RATE and about.channels == 2
    facts = audio.facts(tmp_path / "x.wav")
    assert about.codec == "pcm"
    assert facts["source_bitrate_kbps"] == pytest.approx(1411.4, abs=0.5)
    assert audio.probe(written(tmp_path / "x.mp3")).codec == "mp3"
    assert audio.probe(written(tmp_path / "x.flac")).codec == "flac"
    assert audio.probe(written(tmp_path / "x.ogg")).codec == "vorbis"


def test_writes_two_minutes_of_ogg(tmp_path: Path) -> None:
    samples = np.tile(sound(4.0)[:, 0], 30)
    path = audio.write(tmp_path / "long.ogg", samples, RATE)
    assert audio.probe(path).duration_s == pytest.approx(120.0, abs=0.01)
    middle = audio.load(path, RATE, offset_s=60, duration_s=2)
    assert lag(samples[60 * RATE : 62 * RATE], middle) == 0


def test_write_clips_to_full_scale(tmp_path: Path) -> None:
    loud = audio.write(tmp_path / "loud.flac", 10 * sound()[:, 0], RATE)
    assert 0.99 < np.abs(audio.load(loud, RATE)).max() <= 1.0


def test_a_full_disk_leaves_what_was_there(tmp_path: Path) -> None:
    path = audio.write(tmp_path / "x.flac", sound(0.5)[:, 0], RATE)
    before, limits = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
    try:
        with pytest.raises(DiskFull, match="no space left"):
            audio.write(path, sound(20)[:, 0], RATE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["x.flac"]


def test_flac_round_trip_is_exact_to_16_bit(tmp_path: Path) -> None:
    samples = sound(1.0, audio.SAMPLE_RATE_HZ)[:, 0]
    again = audio.load(audio.write(tmp_path / "x.flac", samples))
    assert np.abs(again - samples).max() <= 1 / 2**15


def test_level_and_length_helpers() -> None:
    tone = np.sin(2 * np.pi * np.arange(16_000) / 16).astype(np.float32)
    assert audio.rms_dbfs(tone) == pytest.approx(-3.01, abs=0.01)
    assert audio.rms_dbfs(audio.match_level(0.01 * tone, tone)) == pytest.approx(-3.01, abs=0.01)
    assert len(audio.fix_length(tone, 10)) == 10
    assert audio.fix_length(tone, 16_010)[-10:].tolist() == [0.0] * 10
    assert "data:audio/mpeg;base64," in audio.player(tone, caption="a tone")
