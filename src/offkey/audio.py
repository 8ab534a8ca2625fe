"""The only place that decodes, resamples and writes sound.

Samples are float32 arrays in [-1, 1], mono, of shape ``(n,)``. One decoder (libsndfile through
soundfile) reads everything it can, for all classes alike; PyAV reads what libsndfile cannot
(m4a, aac, wma). Resampling is soxr HQ. Errors name the file, the cause and the way out.
"""

from __future__ import annotations

import base64
import io
import stat
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from offkey import store
from offkey.errors import BadInput

SAMPLE_RATE_HZ = 16_000
MIN_RATE_HZ, MAX_RATE_HZ = 4_000, 384_000
MAX_DURATION_S = 3_600.0
SILENCE_DBFS = -70.0
_BLOCK = 1 << 16
_SIGNATURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"\x7fELF": "a program",
}


class AudioError(BadInput):
    """A sound file that cannot be used.

    Attributes
    ----------
    path : Path
        The file.
    reason : str
        Short machine-readable cause, e.g. ``"truncated"``; counted in summaries.
    """

    def __init__(self, path: Path | str, reason: str, detail: str) -> None:
        self.path, self.reason, self.detail = Path(path), reason, detail
        super().__init__(f"{path!s}: {detail}")

    def __reduce__(self) -> tuple[type, tuple[Path, str, str]]:
        return type(self), (self.path, self.reason, self.detail)


@dataclass(frozen=True)
class Info:
    """What the header of a sound file says."""

    duration_s: float
    sample_rate_hz: int
    channels: int
    codec: str
    bitrate_kbps: float


def probe(path: Path | str) -> Info:
    """Read the header only.

    Raises
    ------
    AudioError
        The file is missing, not audio, or outside the limits of this module.
    """
    path = Path(path)
    _require_regular_file(path)
    try:
        header = sf.info(str(path))
        codec = {"MPEG_LAYER_III": "mp3"}.get(header.subtype, header.subtype).lower()
        codec = "flac" if header.format == "FLAC" else codec
        codec = "pcm" if codec.startswith(("pcm", "float", "double")) else codec
        info = Info(header.duration, header.samplerate, header.channels, codec, 0.0)
    except sf.LibsndfileError:
        info = _probe_av(path)
    if not MIN_RATE_HZ <= info.sample_rate_hz <= MAX_RATE_HZ:
        raise AudioError(
            path,
            "sample_rate",
            f"sample rate {info.sample_rate_hz} Hz is outside {MIN_RATE_HZ}–{MAX_RATE_HZ} Hz.",
        )
    bitrate = path.stat().st_size * 8 / max(info.duration_s, 1e-3) / 1000
    return Info(
        info.duration_s, info.sample_rate_hz, info.channels, info.codec, round(bitrate, 1)
    )


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
        Any format libsndfile or FFmpeg reads; the content decides, not the extension.
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
        Missing, empty, not audio, no samples, truncated, not finite, silent, too long.
    """
    path = Path(path)
    info = probe(path)
    if (duration_s or info.duration_s) > MAX_DURATION_S:
        raise AudioError(
            path,
            "too_long",
            f"lasts {info.duration_s / 60:.0f} min, more than the {MAX_DURATION_S / 60:.0f} min "
            "that are read at once: cut it first.",
        )
    try:
        frames, wanted = _read_sndfile(path, info, offset_s, duration_s)
    except sf.LibsndfileError:
        frames, wanted = _read_av(path, info, offset_s, duration_s)
    if not len(frames):
        raise AudioError(path, "no_samples", "holds no samples (header only?).")
    rate = info.sample_rate_hz
    if len(frames) < wanted - 0.05 * rate:
        raise AudioError(
            path,
            "truncated",
            f"is truncated after {len(frames) / rate:.2f} s of {wanted / rate:.2f} s.",
        )
    mono = _mix(frames)
    check(mono, path)
    return resample(mono, rate, sample_rate_hz)


def check(samples: np.ndarray, path: Path | str) -> None:
    """Refuse samples that no detector should judge: not finite, or silent."""
    if not np.isfinite(samples).all():
        raise AudioError(path, "non_finite", "holds NaN or infinite samples.")
    if rms_dbfs(samples - samples.mean()) < SILENCE_DBFS:
        raise AudioError(path, "silent", f"is silent (below {SILENCE_DBFS:.0f} dBFS).")


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
            for start in range(0, len(samples), _BLOCK):
                out.write(samples[start : start + _BLOCK])
    except sf.LibsndfileError as error:
        # libsndfile says only "System error" when the disk is full
        raise OSError(28, f"libsndfile: {error}") from error


def _require_regular_file(path: Path) -> None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise AudioError(path, "missing", "does not exist.") from error
    except OSError as error:
        raise AudioError(path, "unreadable", f"cannot be opened ({error.strerror}).") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise AudioError(path, "not_a_file", f"is {kind}, not a sound file.")
    if status.st_size == 0:
        raise AudioError(path, "empty", "is empty (0 bytes).")


def _not_audio(path: Path) -> AudioError:
    with open(path, "rb") as stream:
        head = stream.read(512)
    for signature, kind in _SIGNATURES.items():
        if head.lower().startswith(signature.lower()):
            return AudioError(path, "not_audio", f"is {kind}, not a sound file.")
    text = not any(byte < 9 or 13 < byte < 32 for byte in head)
    kind = "looks like text" if text else "is not a sound file this program can decode"
    return AudioError(path, "not_audio", f"{kind}: give WAV, FLAC, MP3, OGG or M4A.")


def _mix(frames: np.ndarray) -> np.ndarray:
    if frames.shape[1] == 2:
        return (frames[:, 0] + frames[:, 1]) * np.float32(0.5)
    return frames[:, 0] if frames.shape[1] == 1 else frames.mean(axis=1, dtype=np.float32)


def _span(info: Info, offset_s: float, duration_s: float | None) -> tuple[int, int]:
    start = round(offset_s * info.sample_rate_hz)
    total = round(info.duration_s * info.sample_rate_hz)
    wanted = total - start
    if duration_s is not None:
        wanted = min(wanted, round(duration_s * info.sample_rate_hz))
    return start, max(wanted, 0)


def _read_sndfile(
    path: Path, info: Info, offset_s: float, duration_s: float | None
) -> tuple[np.ndarray, int]:
    start, wanted = _span(info, offset_s, duration_s)
    with sf.SoundFile(str(path)) as stream:
        stream.seek(min(start, stream.frames))
        blocks = []
        missing = wanted
        while missing > 0:
            try:
                block = stream.read(min(missing, _BLOCK), dtype="float32", always_2d=True)
            except sf.LibsndfileError:
                break  # a damaged tail: what was read is compared with what the header promised
            if not len(block):
                break
            blocks.append(block)
            missing -= len(block)
    empty = np.zeros((0, info.channels), np.float32)
    return np.concatenate([empty, *blocks]), wanted


def _probe_av(path: Path) -> Info:
    import av

    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise AudioError(path, "not_audio", "holds no audio stream.")
            stream = container.streams.audio[0]
            if stream.duration is not None and stream.time_base is not None:
                duration = float(stream.duration * stream.time_base)
            else:
                duration = (container.duration or 0) / 1_000_000
            return Info(duration, stream.rate, stream.channels, stream.codec_context.name, 0.0)
    except (av.FFmpegError, ValueError) as error:
        raise _not_audio(path) from error


def _read_av(
    path: Path, info: Info, offset_s: float, duration_s: float | None
) -> tuple[np.ndarray, int]:
    import av

    start, wanted = _span(info, offset_s, duration_s)
    blocks, have = [np.zeros((0, 1), np.float32)], 0
    try:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler(format="fltp", layout="mono", rate=info.sample_rate_hz)
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    block = part.to_ndarray().reshape(-1, 1)
                    blocks.append(block)
                    have += len(block)
                if have >= start + wanted:
                    break
    except av.FFmpegError as error:
        if not have:
            raise _not_audio(path) from error
    return np.concatenate(blocks)[start : start + wanted], wanted
