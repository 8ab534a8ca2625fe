"""FFmpeg, through PyAV: what it says of a file, its samples, and the bytes of its sound."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from offkey.sound.soundfiles import Info, not_audio

# FFmpeg would follow a playlist to other files and hosts; these formats hold sound themselves
_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,caf,flac,m4a,matroska,mov,mp3,mp4,ogg,tta,w64,wav,webm,wma,wv"
)
_NO_LENGTH = ("aac", "ac3", "amr", "mp3", "ogg")
"""Formats whose length FFmpeg guesses from the size, or knows of the last stream only."""
_JUNK_WITHIN = ("aac", "ac3", "amr", "mp3")
"""Bare frames one after another: tags and broken frames between them are passed over."""
_LARGEST_FRAME = 1 << 13  # bytes of a bare frame of any of them
_WRITTEN_BY = ("encoder", "encoded_by", "encoder_settings", "software")


class DamagedFrame(Exception):
    """A frame does not decode, in a format where nothing but frames can stand."""


def probe(path: Path) -> Info:
    """What the headers say; a duration of 0 where they promise none."""
    with _opened(path) as (container, stream):
        codec = stream.codec_context.codec.canonical_name
        codec = "pcm" if codec.startswith("pcm") else codec
        kind = container.format.name.split(",")[0]
        duration_s = 0.0 if kind in _NO_LENGTH else _duration_s(container, stream)
        return Info(duration_s, stream.rate or 0, stream.channels, kind, codec)


def _duration_s(container: Any, stream: Any) -> float:
    """Length of the sound; a container with a picture may say only how long that is."""
    import av

    if stream.duration is not None and stream.time_base is not None:
        return max(float(stream.duration * stream.time_base), 0.0)
    if len(container.streams) == 1:
        return max((container.duration or 0) / av.time_base, 0.0)
    hours, minutes, seconds = (*stream.metadata.get("DURATION", "").split(":"), "", "")[:3]
    return 3600 * float(hours or 0) + 60 * float(minutes or 0) + float(seconds or 0)


def encoder_and_bitrate(path: Path) -> tuple[str, float]:
    """Who wrote a file, and the bits of its sound over its length.

    Returns
    -------
    encoder : str
        As the tags say, e.g. ``LAME3.100``; empty where they do not.
    bitrate_kbps : float
        Of the sound alone, without tags and pictures; NaN where no packet says how long it is.
    """
    with _opened(path) as (container, stream):
        said = [container.metadata, *(one.metadata for one in container.streams.audio)]
        junk_from = _LARGEST_FRAME if container.format.name in _JUNK_WITHIN else np.inf
        size, ticks = 0, 0
        for packet in container.demux(stream):
            if packet.size <= junk_from:
                size += packet.size
                ticks += packet.duration or 0
        seconds = float(ticks * stream.time_base)
    tags = {key.lower(): value for part in said for key, value in part.items()}
    found = next((tags[name] for name in _WRITTEN_BY if tags.get(name)), "")
    kbps = round(size * 8 / 1000 / seconds, 1) if seconds else np.nan
    return "".join(c for c in found if c.isprintable())[:60], kbps


def blocks(path: Path, rate: int, skip: int) -> Iterator[np.ndarray]:
    """Samples from `skip` on, in blocks of shape (n, channels), all at one rate.

    Raises
    ------
    DamagedFrame
        At the first frame that does not decode, except where tags may stand between frames.
    """
    with _opened(path) as (container, stream):
        pieces = _Converted(stream.layout, rate)
        for frame in _frames(container, stream):
            for block in pieces.of(frame):
                if len(block) > skip:
                    yield block[skip:]
                skip = max(skip - len(block), 0)


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """Decoded frames, then None."""
    import av

    tolerant = container.format.name in _JUNK_WITHIN
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            if not tolerant:
                raise DamagedFrame from error
    yield None


class _Converted:
    """Frames as float samples in one layout and rate, even where a stream changes within."""

    def __init__(self, layout: Any, rate: int) -> None:
        self.layout, self.rate = layout, rate
        self.kind: tuple[Any, ...] = ()
        self.convert: Any = None

    def of(self, frame: Any) -> Iterator[np.ndarray]:
        """Blocks of shape (n, channels) of the next frame; None empties what is held back."""
        import av

        kind = (frame.format.name, frame.layout.name, frame.sample_rate) if frame else ()
        if kind != self.kind:
            if self.convert:
                yield from (part.to_ndarray().T for part in self.convert.resample(None))
            self.convert = av.AudioResampler(format="fltp", layout=self.layout, rate=self.rate)
            self.kind = kind
        if frame:
            yield from (part.to_ndarray().T for part in self.convert.resample(frame))


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its first audio stream."""
    import av

    try:
        with (
            open(path, "rb") as file,
            av.open(file, options={"format_whitelist": _FORMATS}) as container,
        ):
            stream = next(iter(container.streams.audio), None)
            if stream is None or stream.codec_context is None:  # no sound, or no decoder for it
                raise not_audio(path)
            yield container, stream
    except (av.FFmpegError, ValueError) as error:
        raise not_audio(path) from error
