"""Whole files that do not say how long they are, or say it wrongly: read to the end, or refused."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile as sf
from conftest import tune

from offkey.sound import audio

RATE = 44_100


def music(name: str, duration_s: float = 6.0) -> np.ndarray:
    """A tune at 44.1 kHz, shape (n,)."""
    return audio.resample(tune(name, duration_s), audio.SAMPLE_RATE_HZ, RATE)


def encoded(path: Path, samples: np.ndarray, kind: str, codec: str, picture_s: float = 0) -> Path:
    """Write mono sound, with a picture in its file where that lasts longer than 0 s."""
    options = {"write_xing": "0"} if kind == "mp3" else {}
    with av.open(str(path), "w", format=kind, options=options) as out:
        stream = out.add_stream(codec, rate=RATE, layout="mono")
        if codec == "libmp3lame":
            stream.codec_context.options = {"compression_level": "4", "abr": "0", "q": "4"}
            stream.codec_context.qscale = True
            stream.codec_context.global_quality = 4 * 118
        video = out.add_stream("mpeg4", rate=10, width=32, height=32) if picture_s else None
        if video is not None:
            video.pix_fmt = "yuv420p"
            for _ in range(round(10 * picture_s)):
                out.mux(video.encode(av.VideoFrame(32, 32, "yuv420p")))
            out.mux(video.encode(None))
        sixteen = np.round(32_000 * samples).astype(np.int16)
        convert = av.AudioResampler(stream.format.name, "mono", RATE, frame_size=1024)
        frame = av.AudioFrame.from_ndarray(sixteen[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        for part in (*convert.resample(frame), *convert.resample(None)):
            out.mux(stream.encode(part))
        out.mux(stream.encode(None))
    return path


def stored(path: Path, samples: np.ndarray, **how: str) -> Path:
    sf.write(path, samples, RATE, **how)
    return path


def streamed_mp3(path: Path) -> Path:
    """As written to a pipe: a variable bit rate, and no count of the frames."""
    quiet_then_loud = np.concatenate([1e-4 * music("quiet"), music("a")])
    return encoded(path, quiet_then_loud, "mp3", "libmp3lame")


def streamed_flac(path: Path) -> Path:
    """As written to a pipe: the number of samples is 0."""
    data = bytearray(stored(path, music("a", 12.0)[: round(11.3 * RATE)]).read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    return path


def joined(kind: str) -> Callable[[Path], Path]:
    """Two whole files, one behind the other."""

    def build(path: Path) -> Path:
        first = stored(path.with_name(f"a.{kind}"), music("a")).read_bytes()
        path.write_bytes(first + stored(path.with_name(f"b.{kind}"), music("b")).read_bytes())
        return path

    return build


def same_twice(path: Path) -> Path:
    data = stored(path, music("a")).read_bytes()
    path.write_bytes(data + data)
    return path


def junk_first(path: Path) -> Path:
    path.write_bytes(bytes(100_000) + stored(path, music("a", 12.0)).read_bytes())
    return path


def unfinished_wav(path: Path) -> Path:
    """As a recorder leaves it that was killed: the size of the sound was never filled in."""
    data = bytearray(stored(path, music("a", 12.0), subtype="PCM_16").read_bytes())
    place = data.index(b"data") + 4
    data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    return path


def long_picture(path: Path) -> Path:
    return encoded(path, music("a", 12.0), "matroska", "aac", picture_s=15.0)


WHOLE: dict[str, tuple[str, Callable[[Path], Path], float]] = {
    "mp3 from a pipe": ("x.mp3", streamed_mp3, 12.0),
    "flac from a pipe": ("x.flac", streamed_flac, 11.3),
    "joined ogg": ("x.ogg", joined("ogg"), 12.0),
    "joined mp3": ("x.mp3", joined("mp3"), 12.0),
    "joined flac": ("x.flac", joined("flac"), 12.0),
    "the same ogg twice": ("x.ogg", same_twice, 12.0),
    "picture longer than the sound": ("x.mkv", long_picture, 12.0),
    "junk before the first frame": ("x.mp3", junk_first, 12.0),
    "wav of size 0": ("x.wav", unfinished_wav, 12.0),
}


@pytest.mark.parametrize("case", WHOLE)
def test_a_whole_file_is_read_to_its_end(case: str, tmp_path: Path) -> None:
    name, build, duration_s = WHOLE[case]
    path = build(tmp_path / name)
    whole = audio.load(path, RATE)
    assert len(whole) / RATE == pytest.approx(duration_s, abs=0.08)  # encoders add 3 frames
    assert audio.rms_dbfs(whole[-RATE:]) > -40
    said = audio.probe(path).duration_s
    assert said == 0 or said == pytest.approx(duration_s, abs=0.08)
    part = audio.load(path, RATE, offset_s=duration_s - 2, duration_s=1.5)
    start = round((duration_s - 2) * RATE)
    np.testing.assert_array_equal(part, whole[start : start + round(1.5 * RATE)])
    with pytest.raises(audio.AudioError, match=r"ends .*before 20 s") as caught:
        audio.load(path, offset_s=20)
    assert caught.value.reason == "too_short"


REAL = {
    "mp3_pipe.mp3": 20.0,
    "flacpipe_5.5.flac": 5.5,
    "ogg_chain.ogg": 20.0,
    "mp3_concat.mp3": 20.0,
    "vid_longer.mkv": 10.0,
    "mp3_junk100k_front.mp3": 10.0,
    "wav_data0.wav": 6.0,
    "real_music-metadata_issue-2574.mp3": 22.6,
    "real_music-metadata_unknown-duration.flac": 5.0,
    "test__samples__mp3__layer3__he_44khz.mp3": 10.7,
    "test__samples__mp3__layer3__he_mode.mp3": 3.3,
    "real_tinytag_id3_frames.mp3": 4.5,
}


@pytest.mark.parametrize("name", REAL)
def test_public_samples_are_read_to_their_end(name: str, shared: Path) -> None:
    loaded = audio.load(shared / "failing" / name)
    assert len(loaded) / audio.SAMPLE_RATE_HZ == pytest.approx(REAL[name], abs=0.05)


def test_a_streamed_flac_that_ends_within_a_frame_is_refused(tmp_path: Path) -> None:
    path = streamed_flac(tmp_path / "x.flac")
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(audio.AudioError, match=r"truncated or damaged after 1\d\.\d\d s") as caught:
        audio.load(path)
    assert caught.value.reason == "truncated"
    assert len(audio.load(path, duration_s=5.0)) == 5 * audio.SAMPLE_RATE_HZ


@pytest.mark.parametrize("frames", [6 * RATE, 6 * RATE - 1])  # an odd size is padded
def test_joined_wavs_are_refused(frames: int, tmp_path: Path) -> None:
    first = stored(tmp_path / "a.wav", music("a")[:frames], subtype="PCM_U8")
    assert len(audio.load(first, RATE)) == frames
    path = tmp_path / "x.wav"
    path.write_bytes(first.read_bytes() + stored(tmp_path / "b.wav", music("b")).read_bytes())
    with pytest.raises(audio.AudioError, match=r"x\.wav: holds WAV files one behind") as caught:
        audio.load(path)
    assert caught.value.reason == "joined"


def test_both_decoders_give_the_same_sound(tmp_path: Path) -> None:
    """libsndfile reads the counted MP3, FFmpeg the same frames without the count."""
    counted = stored(tmp_path / "counted.mp3", music("a"))
    data = counted.read_bytes()
    second = data.index(data[:2], 4)
    (tmp_path / "bare.mp3").write_bytes(data[second:])
    a, b = audio.load(counted, RATE), audio.load(tmp_path / "bare.mp3", RATE)
    delay = len(b) - len(a)
    assert 0 < delay < 3 * 1152
    errors = [audio.rms_dbfs(b[lag : lag + len(a)] - a) for lag in range(delay + 1)]
    assert min(errors) - audio.rms_dbfs(a) < -100


def test_ordinary_files_stay_with_libsndfile(tmp_path: Path) -> None:
    sound = np.stack([music("a"), music("b")], axis=1)
    for kind in ("wav", "flac", "ogg", "mp3", "aiff"):
        path = stored(tmp_path / f"x.{kind}", sound)
        read, _ = sf.read(path, dtype="float32")
        np.testing.assert_array_equal(audio.load(path, RATE), (read[:, 0] + read[:, 1]) / 2)
        assert audio.probe(path).duration_s == pytest.approx(6.0, abs=1e-6)


def test_tags_behind_the_last_frame_are_no_sound(tmp_path: Path) -> None:
    path = stored(tmp_path / "x.mp3", music("a"))
    plain = audio.load(path)
    path.write_bytes(path.read_bytes() + b"APETAGEX" + bytes(50_000))
    np.testing.assert_array_equal(audio.load(path), plain)


def with_cover(path: Path, size: int = 3_000_000) -> Path:
    """A big picture in the tags in front of the sound."""
    data = stored(path, music("a")).read_bytes()
    if path.suffix == ".flac":
        block = bytes([0x06]) + size.to_bytes(3, "big") + struct.pack(">III", 3, 0, 0) + bytes(size)
        path.write_bytes(data[:42] + block[: 4 + size] + data[42:])
    else:
        syncsafe = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
        body = b"APIC" + (size - 10).to_bytes(4, "big") + bytes(size - 8)
        path.write_bytes(b"ID3\x03\0\0" + syncsafe + body[:size] + data)
    return path


@pytest.mark.parametrize("kind", ["mp3", "flac"])
def test_a_cover_picture_is_no_music(kind: str, tmp_path: Path) -> None:
    plain = audio.facts(stored(tmp_path / f"plain.{kind}", music("a")))
    facts = audio.facts(with_cover(tmp_path / f"x.{kind}"))
    assert facts["source_bitrate_kbps"] == pytest.approx(plain["source_bitrate_kbps"], rel=0.02)
    assert 20 < facts["source_bitrate_kbps"] < 800


def test_the_bit_rate_is_that_of_the_whole_sound(tmp_path: Path) -> None:
    path = streamed_mp3(tmp_path / "x.mp3")
    expected = path.stat().st_size * 8 / 1000 / 12.0
    assert audio.facts(path)["source_bitrate_kbps"] == pytest.approx(expected, rel=0.02)
    facts = audio.facts(junk_first(tmp_path / "junk.mp3"))
    plain = audio.facts(stored(tmp_path / "plain.mp3", music("a", 12.0)))
    assert facts["source_bitrate_kbps"] == pytest.approx(plain["source_bitrate_kbps"], rel=0.02)
    assert (facts["source_codec"], facts["source_container"]) == ("mp3", "mp3")


def test_channels_that_cancel_are_not_silence(tmp_path: Path) -> None:
    left = music("a")
    path = stored(tmp_path / "x.wav", np.stack([left, -left], axis=1), subtype="FLOAT")
    with pytest.warns(audio.ChannelsCancel, match=r"x\.wav: its channels cancel .* channel 1 of 2"):
        loaded = audio.load(path, RATE)
    np.testing.assert_array_equal(loaded, left)
    with pytest.warns(audio.ChannelsCancel):
        part = audio.load(path, RATE, offset_s=2, duration_s=1)
    np.testing.assert_array_equal(part, left[2 * RATE : 3 * RATE])
    for other in (0 * left, 0.1 * left, music("b"), -0.7 * left):
        ordinary = stored(tmp_path / "y.wav", np.stack([left, other], axis=1), subtype="FLOAT")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            np.testing.assert_array_equal(
                audio.load(ordinary, RATE), (left + other) * np.float32(0.5)
            )
