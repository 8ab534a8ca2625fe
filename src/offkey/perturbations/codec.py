"""Re-encoding: MP3, AAC, Opus and Vorbis at fixed bit rates, in time with the original.

The clip goes to 44.1 kHz (Opus: 48 kHz), is encoded as two equal channels, decoded and brought
back to its own rate; a bit rate is that of the whole file, as a listener would name it. Vorbis is
encoded by quality: the one with a nominal 64 kbps. Both resamplings are exact to the edge of
the band, so that no resampling filter is mistaken for the codec (what such a filter does:
``resample_only``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.fft

from offkey.perturbations import transcoding
from offkey.perturbations.engines import Engine
from offkey.perturbations.source import Source
from offkey.sound import audio

UNIT = ""
NEUTRAL = None
USES_ENGINE = False
LEVELS = (
    "mp3_320", "mp3_128", "mp3_64", "mp3_32", "aac_128", "aac_64", "opus_64", "vorbis_64"
)  # fmt: skip
SEVERITIES = (1, 2, 3, 4, 2, 3, 3, 3)  # by bit rate, the same in every family
_PAD_S = 0.05  # silence between the end of the clip and its beginning, where spectra join them
_NAMES = {"mp3": "MP3", "aac": "AAC", "opus": "Opus", "vorbis": "Vorbis"}


def label(level: str) -> str:
    """Short text for figures."""
    family, rate = level.split("_")
    return f"{_NAMES[family]} {rate} kbps"


def draw(level: str, rng: None) -> dict[str, Any]:
    """Fixed by the level; nothing is drawn."""
    family, rate = level.split("_")
    return {"codec": family, "bitrate_kbps": int(rate)}


def apply(source: Source, engine: Engine | None, codec: str, bitrate_kbps: int) -> np.ndarray:
    """Encode at `bitrate_kbps` and decode again."""
    rate = transcoding.CODECS[codec].sample_rate_hz
    # clipped, as it would be in the 16-bit file that is encoded
    wide = respectrum(np.clip(source.samples, -1, 1), source.sample_rate_hz, rate)
    back = respectrum(transcoding.through(wide, codec, bitrate_kbps), rate, source.sample_rate_hz)
    return audio.fix_length(back, len(source.samples))


def respectrum(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Change the sample rate by lengthening or cutting the spectrum: no filter, no delay.

    Returns
    -------
    ndarray of float32, shape (ceil(n * to_hz / from_hz),)
    """
    if from_hz == to_hz:
        return np.asarray(samples, np.float32)
    n, common = len(samples), math.gcd(from_hz, to_hz)
    step = from_hz // common
    blocks = scipy.fft.next_fast_len(math.ceil((n + _PAD_S * from_hz) / step), real=True)
    size = blocks * to_hz // common
    values = scipy.fft.irfft(scipy.fft.rfft(samples, blocks * step), size) * (to_hz / from_hz)
    return np.asarray(values[: math.ceil(n * to_hz / from_hz)], np.float32)
