"""A sound file becomes mono samples: what the header promises, what the file holds.

libsndfile (through soundfile) reads every file whose length it can know, for all classes alike.
FFmpeg (through PyAV) reads the others: formats that libsndfile does not know (m4a, aac, wma, webm),
and files that do not say where they end (``promises.py``). The content decides, never the
extension. ``audio.py`` is the door to this module.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf

from offkey.sound import ffmpeg, promises
from offkey.sound.soundfiles import AudioError, ChannelsCancel, Info, regular_file_size, shown

MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
MAX_DURATION_S = 3_600.0
MAX_CHANNELS = 64
BLOCK = 1 << 16
CANCELLED = 0.01
"""Power of the mean of the channels over the mean of their powers: below, they cancel (-20 dB)."""
_TOLERANCE_S = 0.05  # what a file may lack of the length in its header
_EXACT_SEEK = ("WAV", "WAVEX", "RF64", "FLAC", "AIFF")
_MPEG = {"mpeg_layer_i": "mp1", "mpeg_layer_ii": "mp2", "mpeg_layer_iii": "mp3"}


def probe(path: Path) -> Info:
    """Read the header only; see ``audio.probe``."""
    return _probe(path)[0]


def _probe(path: Path) -> tuple[Info, bool]:
    """What the header says, and whether libsndfile is to decode the file."""
    regular_file_size(path)
    if promises.ends_within_a_page(path):
        raise AudioError(path, "truncated", "is truncated within an Ogg page: get a whole copy.")
    if promises.another_wav_follows(path):
        raise AudioError(path, "joined", "holds WAV files one behind the other: give each its own.")
    one_whole = promises.is_one_whole(path)
    known = _probe_sndfile(path) if one_whole else None
    info = known or ffmpeg.probe(path)
    if not one_whole:  # what FFmpeg says of its length is a guess
        info = replace(info, duration_s=0.0)
    if not MIN_RATE_HZ <= info.sample_rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            path,
            "sample_rate",
            f"sample rate {info.sample_rate_hz} Hz is outside {MIN_RATE_HZ}–{MAX_RATE_HZ} Hz.",
        )
    if not 1 <= info.channels <= MAX_CHANNELS:
        raise AudioError(path, "channels", f"has {info.channels} channels: give 1–{MAX_CHANNELS}.")
    return info, known is not None


def read(path: Path, offset_s: float, duration_s: float | None) -> tuple[np.ndarray, int]:
    """Decode a file, or a part of it, to mono at its own rate.

    Returns
    -------
    samples : ndarray of float32, shape (n,)
        Mean of the channels, or a loud one where they cancel.
    sample_rate_hz : int

    Raises
    ------
    AudioError
        As ``audio.load``, except for what the samples themselves show.
    """
    info, by_sndfile = _probe(path)
    if min(duration_s or np.inf, info.duration_s) > MAX_DURATION_S:
        raise _too_long(path, info.duration_s)
    rate = info.sample_rate_hz
    start = round(offset_s * rate)
    asked = round(duration_s * rate) if duration_s is not None else None
    promised = round(info.duration_s * rate / promises.wav_share_there(path))

    def blocks() -> Iterator[np.ndarray]:
        if by_sndfile:
            return _sndfile_blocks(path, start)
        return _ffmpeg_blocks(path, rate, start, must_be_whole=not promised)

    samples = _mono(path, blocks, rate, asked)
    wanted = promised - start if asked is None else min(asked, promised - start)
    if start and (wanted <= 0 if promised else not len(samples)):
        ends = f"after {promised / rate:.2f} s, " if promised else ""
        raise AudioError(path, "too_short", f"ends {ends}before {offset_s:g} s.")
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


def _mono(
    path: Path, blocks: Callable[[], Iterator[np.ndarray]], rate: int, asked: int | None
) -> np.ndarray:
    """The mean of the channels; where they cancel, the file is read again for a loud one."""
    mono, powers = _collect(path, blocks(), rate, asked, _mix)
    if not np.vdot(mono, mono) < CANCELLED * powers.mean():  # written so that NaN passes
        return mono
    loud = int(np.argmax(powers >= powers.max() / 2))  # the first of those that are not quiet
    warnings.warn(
        f"{shown(path)}: its channels cancel when they are mixed (one is the other upside down): "
        f"channel {loud + 1} of {len(powers)} was taken.",
        ChannelsCancel,
        stacklevel=2,
    )
    return _collect(path, blocks(), rate, asked, lambda frames: frames[:, loud])[0]


def _collect(
    path: Path,
    blocks: Iterator[np.ndarray],
    rate: int,
    asked: int | None,
    mix: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Mix block by block, so that memory holds one channel; stop at what was asked for.

    Returns
    -------
    mono : ndarray of float32, shape (n,)
    powers : ndarray, shape (channels,)
        Sum of the squares of each channel.
    """
    parts, have, powers = [np.zeros(0, np.float32)], 0, np.zeros(1)
    for block in blocks:
        block = block if asked is None else block[: asked - have]
        parts.append(mix(block))
        powers = powers + np.einsum("ij,ij->j", block, block)
        have += len(block)
        if asked is not None and have >= asked:
            break
        if have > (MAX_DURATION_S + 1) * rate:
            raise _too_long(path, have / rate)
    return np.concatenate(parts), powers


def _mix(frames: np.ndarray) -> np.ndarray:
    """Mean over the channels of frames of shape (n, channels)."""
    if frames.shape[1] == 2:
        return np.asarray((frames[:, 0] + frames[:, 1]) * np.float32(0.5))
    return frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)


def _probe_sndfile(path: Path) -> Info | None:
    """What libsndfile says, or None where it cannot read the file or does not know its length."""
    try:
        # bytes, since soundfile cannot encode a name that is not valid UTF-8
        header = sf.info(os.fsencode(path))
    except (sf.LibsndfileError, TypeError):  # TypeError: soundfile takes *.raw for headerless
        return None
    if not 0 < header.frames < 1 << 40:
        return None
    codec = header.subtype.lower()
    codec = "flac" if header.format == "FLAC" else _MPEG.get(codec, codec)
    codec = "pcm" if codec.startswith(("pcm", "float", "double")) else codec
    kind = header.format.lower()
    return Info(header.duration, header.samplerate, header.channels, kind, codec)


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


def _ffmpeg_blocks(
    path: Path, rate: int, start: int, *, must_be_whole: bool
) -> Iterator[np.ndarray]:
    """Blocks to the end, or to the first frame that does not decode."""
    read_s = start / rate
    try:
        for block in ffmpeg.blocks(path, rate, start):
            read_s += len(block) / rate
            yield block
    except ffmpeg.DamagedFrame as error:
        if must_be_whole:  # no promise to compare with
            raise AudioError(
                path,
                "truncated",
                f"is truncated or damaged after {read_s:.2f} s: get a whole copy.",
            ) from error
