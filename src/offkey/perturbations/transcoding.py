"""A sound through a codec and back, in memory, and in time with what went in.

MP3, AAC, Opus and FLAC are FFmpeg's (through PyAV), Vorbis is libsndfile's, since PyAV's builds
hold only FFmpeg's experimental Vorbis encoder. The sound becomes two equal channels, as music is
published: encoders choose their low-pass by the rate and the number of channels (LAME: 5.5 kHz at
32 kbps, but 8.25 kHz if the same rate carries one channel).

Every codec answers late. What the decoder already takes off differs between codecs and builds, so
the delay that remains is measured: once per process and setting, on a burst of noise.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import scipy.signal
import soundfile as sf

from offkey.core.errors import BadInput
from offkey.sound import audio

CHANNELS = 2
_BLOCK = 1 << 14  # libsndfile crashes where much Vorbis is written at once
_BURST_S = 0.25


@dataclass(frozen=True)
class Codec:
    """An encoder with its decoder, by FFmpeg's names, and what they take.

    Attributes
    ----------
    sample_format : str
        FFmpeg's name of what the encoder reads.
    options : dict of str
        For the encoder.
    """

    encoder: str
    decoder: str
    sample_format: str = "fltp"
    sample_rate_hz: int = 44_100
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Stream:
    """Encoded sound: FFmpeg's packets and their header, or the bytes of one file."""

    packets: list[Any]
    header: bytes = b""


CODECS = {
    "mp3": Codec("libmp3lame", "mp3float"),
    "aac": Codec("aac", "aac"),
    # unconstrained, steady tones would take up to half as much again as the rate asked for
    "opus": Codec("libopus", "opus", "flt", 48_000, {"vbr": "constrained"}),
    "flac": Codec("flac", "flac", "s32"),
    "vorbis": Codec("", ""),
}
# libsndfile takes a quality, not a rate; 1.0 is Vorbis' quality 0, for which the encoder writes a
# nominal 64,000 bit/s into the header (two channels, 44.1 kHz). On music of 8 kHz it uses less.
VORBIS_LEVELS = {64: 1.0}


def through(samples: np.ndarray, codec: str, bitrate_kbps: int) -> np.ndarray:
    """Encode and decode mono samples.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        At the rate of the codec (``CODECS[codec].sample_rate_hz``).
    codec : str
        A key of ``CODECS``.
    bitrate_kbps : int
        Of both channels together; 0 for FLAC.

    Returns
    -------
    ndarray of float32, shape (n,)
        In time with `samples`, to the sample.

    Raises
    ------
    BadInput
        The encoder is missing here.
    """
    decoded = _decode(encode(samples, codec, bitrate_kbps), codec)
    return audio.fix_length(decoded[delay(codec, bitrate_kbps) :], len(samples))


@cache
def delay(codec: str, bitrate_kbps: int) -> int:
    """Samples by which the decoded sound comes late, where a burst of noise fits best."""
    rate = CODECS[codec].sample_rate_hz
    noise = 0.1 * np.random.default_rng(0).standard_normal(round(_BURST_S * audio.SAMPLE_RATE_HZ))
    burst = audio.resample(noise.astype(np.float32), audio.SAMPLE_RATE_HZ, rate)
    decoded = _decode(encode(burst, codec, bitrate_kbps), codec)
    fit = scipy.signal.correlate(decoded, burst, mode="full", method="fft")
    return max(0, int(np.argmax(fit)) - (len(burst) - 1))


def encode(samples: np.ndarray, codec: str, bitrate_kbps: int) -> Stream:
    """Encode mono samples as two equal channels; parameters as :func:`through`."""
    if codec == "vorbis":
        return Stream([_encode_vorbis(samples, VORBIS_LEVELS[bitrate_kbps])])
    encoder = _open(codec, "w")
    if bitrate_kbps:
        encoder.bit_rate = 1000 * bitrate_kbps
    encoder.open()
    packets = []
    for frame in _frames(samples, CODECS[codec], encoder.frame_size or 4096):
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    return Stream(packets, encoder.extradata or b"")


def _decode(stream: Stream, codec: str) -> np.ndarray:
    if codec == "vorbis":
        return _mono(sf.read(io.BytesIO(stream.packets[0]), dtype="float32")[0])
    decoder = _open(codec, "r")
    if stream.header:
        decoder.extradata = stream.header
    parts = []
    for packet in [*stream.packets, None]:
        for frame in decoder.decode(packet):
            values = frame.to_ndarray()
            pairs = values.T if frame.format.is_planar else values.reshape(-1, CHANNELS)
            parts.append(_mono(pairs))
    return np.concatenate(parts)


def _open(codec: str, mode: str) -> Any:
    import av

    what = CODECS[codec]
    name = what.encoder if mode == "w" else what.decoder
    create: Any = av.CodecContext.create
    try:
        context = create(name, mode)
    except ValueError as error:
        raise BadInput(
            f"codec '{codec}' needs FFmpeg's '{name}', which this build of PyAV lacks: install "
            "PyAV's own wheel (pip install --force-reinstall --only-binary av av), or leave the "
            f"codec_{codec} variants out."
        ) from error
    context.sample_rate, context.layout, context.thread_count = what.sample_rate_hz, "stereo", 1
    if mode == "w":
        context.format = what.sample_format
        context.time_base = Fraction(1, what.sample_rate_hz)
        context.options = what.options
    return context


def _frames(samples: np.ndarray, codec: Codec, size: int) -> Iterator[Any]:
    import av

    if codec.sample_format == "s32":
        samples = (samples.astype(np.float64) * 0x7FFFFFFF).astype(np.int32)
    for start in range(0, len(samples), size):
        block = samples[start : start + size]
        if codec.sample_format == "fltp":
            values = np.stack([block] * CHANNELS)
        else:
            values = np.repeat(block, CHANNELS)[np.newaxis]
        frame = av.AudioFrame.from_ndarray(values, codec.sample_format, "stereo")
        frame.sample_rate, frame.pts = codec.sample_rate_hz, start
        frame.time_base = Fraction(1, codec.sample_rate_hz)
        yield frame


def _encode_vorbis(samples: np.ndarray, compression_level: float) -> bytes:
    if not sf.check_format("OGG", "VORBIS"):
        raise BadInput(
            "codec 'vorbis' needs a libsndfile built with Vorbis: install soundfile's own wheel "
            "(pip install --force-reinstall --only-binary soundfile soundfile), or leave the "
            "codec_vorbis variants out."
        )
    rate, target = CODECS["vorbis"].sample_rate_hz, io.BytesIO()
    how = {"format": "OGG", "subtype": "VORBIS", "compression_level": compression_level}
    with sf.SoundFile(target, "w", rate, CHANNELS, **how) as out:
        for start in range(0, len(samples), _BLOCK):
            block = samples[start : start + _BLOCK]
            out.write(np.stack([block] * CHANNELS, axis=1))
    return target.getvalue()


def _mono(pairs: np.ndarray) -> np.ndarray:
    """Mean of two channels as float32, whole numbers scaled to full scale 1."""
    scale = 0.5 / 0x80000000 if pairs.dtype == np.int32 else 0.5
    return ((pairs[:, 0] * scale) + (pairs[:, 1] * scale)).astype(np.float32)
