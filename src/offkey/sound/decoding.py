"""A sound file becomes mono samples: what the header promises, what the file holds.

One decoder (libsndfile through soundfile) reads everything it can, for all classes alike; FFmpeg
(through PyAV) reads what libsndfile cannot: m4a, aac, wma, webm. The content decides, never the
extension. ``audio.py`` is the door to this module.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf

from offkey.sound.soundfiles import AudioError, Info, not_audio, regular_file_size

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
MAX_DURATION_S = 3_600.0
MAX_CHANNELS = 64
BLOCK = 1 << 16
_TOLERANCE_S = 0.05  # what a file may lack of the length in its header
_STREAMED = 0x7FFF0000  # programs that write to a pipe put such a size, or more, into a WAV header
_WRITTEN_BY = ("encoder", "encoded_by", "encoder_settings", "software")
_EXACT_SEEK = ("WAV", "WAVEX", "RF64", "FLAC", "AIFF")
# FFmpeg would follow a playlist to other files and hosts; these formats hold sound themselves
_FFMPEG_FORMATS = "aac,ac3,amr,ape,asf,matroska,webm,mov,mp4,m4a,mp3,tta,wv,wav,ogg,flac,aiff,caf"


def probe(path: Path) -> Info:
    """Read the header only; see ``audio.probe``."""
    size = regular_file_size(path)
    try:
        info = _probe_sndfile(path)
    except (sf.LibsndfileError, TypeError):  # TypeError: soundfile takes *.raw for headerless
        info = _probe_ffmpeg(path)
    if not MIN_RATE_HZ <= info.sample_rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            path,
            "sample_rate",
            f"sample rate {info.sample_rate_hz} Hz is outside {MIN_RATE_HZ}–{MAX_RATE_HZ} Hz.",
        )
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise AudioError(path, "channels", f"has {info.channels} channels: give 1–{MAX_CHANNELS}.")
    bitrate = round(size * 8 / info.duration_s / 1000, 1) if info.duration_s else 0.0
    return replace(info, bitrate_kbps=bitrate)


def encoder(path: Path) -> str:
    """The program a file says it was written by, e.g. ``LAME3.100``; empty where it says none."""
    import av

    regular_file_size(path)
    try:
        with open(path, "rb") as file, _open_ffmpeg(file) as container:
            said = [container.metadata, *(stream.metadata for stream in container.streams.audio)]
    except (av.FFmpegError, ValueError):
        return ""  # of a file that libsndfile alone can read, there is nothing to be known
    tags = {key.lower(): value for part in said for key, value in part.items()}
    found = next((tags[name] for name in _WRITTEN_BY if tags.get(name)), "")
    return "".join(c for c in found if c.isprintable())[:60]


def read(path: Path, offset_s: float, duration_s: float | None) -> tuple[np.ndarray, int]:
    """Decode a file, or a part of it, to mono at its own rate.

    Returns
    -------
    samples : ndarray of float32, shape (n,)
        Mean of the channels.
    sample_rate_hz : int

    Raises
    ------
    AudioError
        As ``audio.load``, except for what the samples themselves show.
    """
    info = probe(path)
    if min(duration_s or np.inf, info.duration_s) > MAX_DURATION_S:
        raise _too_long(path, info.duration_s)
    rate = info.sample_rate_hz
    start = round(offset_s * rate)
    asked = round(duration_s * rate) if duration_s is not None else None
    try:
        promised = round(_promised_s(path, info) * rate)
        samples = _collect(path, _sndfile_blocks(path, start), rate, asked)
    except (sf.LibsndfileError, TypeError):
        promised = round(info.duration_s * rate)
        samples = _collect(path, _ffmpeg_blocks(path, rate, start), rate, asked)
    wanted = promised - start if asked is None else min(asked, promised - start)
    if promised and wanted <= 0:
        raise AudioError(
            path, "too_short", f"ends after {promised / rate:.2f} s, before {offset_s:g} s."
        )
    if len(samples) < wanted - _TOLERANCE_S * rate:
        raise AudioError(
            path,
            "truncated",
            f"is truncated after {(start + len(samples)) / rate:.2f} s "
            f"of {promised / rate:.2f} s: get a whole copy.",
        )
    if not len(samples):
        raise AudioError(path, "no_samples", "holds no samples (header only?).")
    return samples, rate


def _too_long(path: Path, duration_s: float) -> AudioError:
    return AudioError(
        path,
        "too_long",
        f"lasts {duration_s / 60:.0f} min, more than the {MAX_DURATION_S / 60:.0f} min "
        "that are read at once: cut it first.",
    )


def _collect(path: Path, blocks: Iterator[np.ndarray], rate: int, asked: int | None) -> np.ndarray:
    """Mix block by block, so that memory holds one channel; stop at what was asked for."""
    parts, have = [np.zeros(0, np.float32)], 0
    for block in blocks:
        parts.append(_mix(block))
        have += len(block)
        if asked is not None and have >= asked:
            break
        if have > (MAX_DURATION_S + 1) * rate:
            raise _too_long(path, have / rate)
    return np.concatenate(parts)[:asked]


def _mix(frames: np.ndarray) -> np.ndarray:
    """Mean over the channels of frames of shape (n, channels)."""
    if frames.shape[1] == 2:
        return np.asarray((frames[:, 0] + frames[:, 1]) * np.float32(0.5))
    return frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)


def _probe_sndfile(path: Path) -> Info:
    # bytes, since soundfile cannot encode a name that is not valid UTF-8
    header = sf.info(os.fsencode(path))
    codec = {"MPEG_LAYER_III": "mp3"}.get(header.subtype, header.subtype).lower()
    codec = "flac" if header.format == "FLAC" else codec
    codec = "pcm" if codec.startswith(("pcm", "float", "double")) else codec
    known = header.frames < 1 << 40  # a FLAC written to a pipe names no length
    duration_s = header.duration if known else 0.0
    kind = header.format.lower()
    return Info(duration_s, header.samplerate, header.channels, kind, codec, 0.0)


def _sndfile_blocks(path: Path, start: int) -> Iterator[np.ndarray]:
    with sf.SoundFile(os.fsencode(path)) as stream:
        # after a seek MP3 starts with a damaged frame, and even a seek to 0 changes last bits
        skip = start
        if start and stream.format in _EXACT_SEEK:
            stream.seek(min(start, stream.frames))
            skip = 0
        while True:
            try:
                block = stream.read(BLOCK, dtype="float32", always_2d=True)
            except sf.LibsndfileError:
                return  # a damaged tail: what was read is compared with what was promised
            if not len(block):
                return
            if len(block) > skip:
                yield block[skip:]
            skip = max(skip - len(block), 0)


def _promised_s(path: Path, info: Info) -> float:
    """Length by the header, for WAV also where the file is cut short (libsndfile hides that)."""
    with open(path, "rb") as stream:
        kind, _, form = struct.unpack("<4sI4s", stream.read(12).ljust(12, b"\0"))
        if kind != b"RIFF" or form != b"WAVE":
            return info.duration_s
        file_size = os.fstat(stream.fileno()).st_size
        while len(head := stream.read(8)) == 8:
            chunk, size = struct.unpack("<4sI", head)
            if chunk == b"data":
                there = file_size - stream.tell()
                if not 0 < there < size < _STREAMED:
                    return info.duration_s
                return info.duration_s * size / there
            stream.seek(size + size % 2, os.SEEK_CUR)
    return info.duration_s


def _probe_ffmpeg(path: Path) -> Info:
    import av

    try:
        with open(path, "rb") as file, _open_ffmpeg(file) as container:
            stream = next(iter(container.streams.audio), None)
            if stream is None or stream.codec_context is None:  # no sound, or no decoder for it
                raise not_audio(path)
            if container.format.name == "aac":
                duration_s = 0.0  # FFmpeg only guesses it from the bit rate
            elif stream.duration is not None and stream.time_base is not None:
                duration_s = float(stream.duration * stream.time_base)
            else:
                duration_s = (container.duration or 0) / av.time_base
            codec = stream.codec_context.name
            kind = container.format.name.split(",")[0]
            return Info(max(duration_s, 0.0), stream.rate or 0, stream.channels, kind, codec, 0.0)
    except (av.FFmpegError, ValueError) as error:
        raise not_audio(path) from error


def _open_ffmpeg(file: Any) -> Any:
    import av

    return av.open(file, options={"format_whitelist": _FFMPEG_FORMATS})


def _ffmpeg_blocks(path: Path, rate: int, start: int) -> Iterator[np.ndarray]:
    import av

    try:
        with open(path, "rb") as file, _open_ffmpeg(file) as container:
            yield from _resampled_frames(container, rate, start)
    except av.FFmpegError as error:
        raise not_audio(path) from error


def _resampled_frames(container: Any, rate: int, skip: int) -> Iterator[np.ndarray]:
    import av

    stream = container.streams.audio[0]
    # float planes in one layout whatever the stream does; the mixing stays ours
    convert = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
    frames = container.decode(stream)
    frame: Any = True
    while frame is not None:
        try:
            frame = next(frames, None)  # the last one, None, empties the resampler
        except av.FFmpegError:
            return  # a damaged tail: what was read is compared with what was promised
        for part in convert.resample(frame):
            block = part.to_ndarray().T[skip:]
            skip = max(skip - part.samples, 0)
            if len(block):
                yield block
