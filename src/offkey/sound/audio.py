"""The only door to sound on disk: decodes, resamples, measures and writes it.

Samples are float32 arrays in [-1, 1], mono, of shape ``(n,)``. Resampling is soxr HQ; what a file
holds is found out in ``decoding.py``. Errors name the file, the cause and the way out.
"""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import soundfile as sf
import soxr

from offkey.core import store
from offkey.sound import decoding, ffmpeg
from offkey.sound.soundfiles import AudioError, ChannelsCancel, Info

__all__ = [
    "SAMPLE_RATE_HZ",
    "SILENCE_DBFS",
    "AudioError",
    "ChannelsCancel",
    "Info",
    "at_rate",
    "check",
    "fix_length",
    "is_silent",
    "load",
    "match_level",
    "player",
    "probe",
    "read",
    "resample",
    "rms_dbfs",
    "write",
]

SAMPLE_RATE_HZ = 16_000
SILENCE_DBFS = -70.0


def probe(path: Path | str) -> Info:
    """Read the header only; a duration of 0 where it promises none.

    Raises
    ------
    AudioError
        The file is missing, not audio, or outside the limits of this module.
    """
    return decoding.probe(Path(path))


def facts(path: Path | str) -> dict[str, Any]:
    """What a file says of itself, as the manifest's ``source_…`` columns have it.

    Returns
    -------
    dict
        ``source_container``, ``source_codec``, ``source_encoder`` (the program that wrote it, as
        its tags say; empty where they do not), ``source_bitrate_kbps`` (of the sound alone, without
        tags and pictures; NaN where FFmpeg does not know the format) and
        ``source_sample_rate_hz``.

    Raises
    ------
    AudioError
        As :func:`probe`.
    """
    about = probe(path)
    try:
        encoder, bitrate_kbps = ffmpeg.encoder_and_bitrate(Path(path))
    except AudioError:  # of a file that libsndfile alone can read
        encoder, bitrate_kbps = "", np.nan
    return {
        "source_container": about.container,
        "source_codec": about.codec,
        "source_encoder": encoder,
        "source_bitrate_kbps": bitrate_kbps,
        "source_sample_rate_hz": about.sample_rate_hz,
    }


def load(
    path: Path | str,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    *,
    offset_s: float = 0.0,
    duration_s: float | None = None,
) -> np.ndarray:
    """Decode a file to mono at one sample rate.

    Parameters
    ----------
    path : Path or str
        Any format libsndfile or FFmpeg reads; the content decides, not the extension. Channels
        are averaged; where they cancel (one is the other upside down), a loud one is taken, with
        a :class:`ChannelsCancel` warning.
    sample_rate_hz : int
        Rate of the result.
    offset_s, duration_s : float
        Part to read, in seconds of the file; by default all of it.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    AudioError
        Missing, unreadable, empty, not audio, no samples, truncated, shorter than `offset_s`, too
        long, not finite, silent.
    """
    mono, rate = read(path, offset_s=offset_s, duration_s=duration_s)
    return at_rate(mono, rate, sample_rate_hz)


def read(
    path: Path | str, *, offset_s: float = 0.0, duration_s: float | None = None
) -> tuple[np.ndarray, int]:
    """Decode a file to mono at its own sample rate; parameters and errors as :func:`load`.

    Returns
    -------
    samples : ndarray of float32, shape (n,)
    sample_rate_hz : int
    """
    mono, rate = decoding.read(Path(path), offset_s, duration_s)
    check(mono, path)
    return mono, rate


def at_rate(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Resample to exactly ``ceil(n * to_hz / from_hz)`` samples, as librosa does."""
    # where soxr rounds down, one zero more
    n = math.ceil(len(samples) * (to_hz / from_hz))
    return fix_length(resample(samples, from_hz, to_hz), n)


def check(samples: np.ndarray, path: Path | str) -> None:
    """Refuse samples that no detector should judge: not finite, or silent."""
    if not np.isfinite(samples).all():
        raise AudioError(path, "non_finite", "holds NaN or infinite samples.")
    if is_silent(samples):
        raise AudioError(path, "silent", f"is silent (below {SILENCE_DBFS:.0f} dBFS).")


def is_silent(samples: np.ndarray) -> bool:
    """Whether nothing is to be heard: below ``SILENCE_DBFS`` beside a constant offset."""
    return rms_dbfs(samples - samples.mean()) < SILENCE_DBFS


def resample(samples: np.ndarray, from_hz: float, to_hz: float) -> np.ndarray:
    """Resample mono float32 with soxr HQ; rates may be fractional."""
    if from_hz == to_hz:
        return samples
    return np.asarray(soxr.resample(samples, from_hz, to_hz, quality="HQ"), dtype=np.float32)


def rms_dbfs(samples: np.ndarray) -> float:
    """Root-mean-square level in dB relative to full scale (1.0)."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) if len(samples) else 0.0
    return 10 * float(np.log10(max(power, 1e-20)))


def match_level(samples: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Scale `samples` to the RMS level of `reference`."""
    gain = 10 ** ((rms_dbfs(reference) - rms_dbfs(samples)) / 20)
    return (samples * np.float32(gain)).astype(np.float32)


def fix_length(samples: np.ndarray, n: int) -> np.ndarray:
    """Cut or zero-pad at the end to exactly `n` samples."""
    if len(samples) >= n:
        return samples[:n]
    return np.pad(samples, (0, n - len(samples)))


def write(
    path: Path | str, samples: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ, **how: str
) -> Path:
    """Write a sound file atomically; the extension names the format (FLAC: 16 bit).

    Samples beyond full scale are clipped. Written in blocks, since libsndfile crashes on long
    Vorbis writes.
    """
    path = Path(path)
    with store.writing(path) as partial:
        _encode(partial, np.clip(samples, -1, 1), sample_rate_hz, **how)
    return path


def player(samples: np.ndarray, sample_rate_hz: int = SAMPLE_RATE_HZ, caption: str = "") -> str:
    """An HTML audio player with the sound inside it (MP3), for notebooks and their pages."""
    buffer = io.BytesIO()
    _encode(buffer, np.clip(samples, -1, 1), sample_rate_hz, format="MP3")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure class="sound"><figcaption>{caption}</figcaption>'
        f'<audio controls preload="none" src="data:audio/mpeg;base64,{data}"></audio></figure>'
    )


def _encode(target: Path | io.BytesIO, samples: np.ndarray, rate: int, **how: str) -> None:
    name = target if isinstance(target, io.BytesIO) else str(target)
    try:
        with sf.SoundFile(name, "w", samplerate=rate, channels=1, **how) as out:
            for start in range(0, len(samples), decoding.BLOCK):
                out.write(samples[start : start + decoding.BLOCK])
    except sf.LibsndfileError as error:
        # libsndfile says only "System error" when the disk is full
        raise OSError(28, f"libsndfile: {error}") from error
