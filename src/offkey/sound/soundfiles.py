"""Files that claim to be sound: what is known of one, and why one is refused."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from offkey.core.errors import BadInput

_SIGNATURES = {
    b"\x89PNG": "a PNG picture",
    b"\xff\xd8\xff": "a JPEG picture",
    b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself and",
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
    detail : str
        The cause in words, and the way out.
    """

    def __init__(self, path: Path | str, reason: str, detail: str) -> None:
        self.path, self.reason, self.detail = Path(path), reason, detail
        super().__init__(f"{shown(path)}: {detail}")

    def __reduce__(self) -> tuple[type, tuple[Path, str, str]]:
        return type(self), (self.path, self.reason, self.detail)


class ChannelsCancel(UserWarning):
    """The mean of a file's channels is next to nothing, so one of them was taken instead."""


@dataclass(frozen=True)
class Info:
    """What the header of a sound file says; a duration of 0 where it says nothing."""

    duration_s: float
    sample_rate_hz: int
    channels: int
    container: str
    codec: str


def shown(path: Path | str) -> str:
    """A path on one line of valid UTF-8: line breaks and undecodable bytes as escapes."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def regular_file_size(path: Path) -> int:
    """Size in bytes; refuses what would hang or cannot be read."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise AudioError(path, "missing", "does not exist.") from error
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        raise AudioError(path, "unreadable", f"cannot be opened ({cause}).") from error
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise AudioError(path, "not_a_file", f"is {kind}, not a sound file.")
    if status.st_size == 0:
        raise AudioError(path, "empty", "is empty (0 bytes).")
    if not os.access(path, os.R_OK):
        raise AudioError(path, "unreadable", "cannot be opened (Permission denied).")
    return status.st_size


def not_audio(path: Path) -> AudioError:
    """The error for a file that no decoder takes, by what its first bytes look like."""
    with open(path, "rb") as stream:
        head = stream.read(512)
    for signature, kind in _SIGNATURES.items():
        if head.lower().startswith(signature.lower()):
            return AudioError(path, "not_audio", f"is {kind}, not a sound file.")
    text = not any(byte < 9 or 13 < byte < 32 for byte in head)
    kind = "looks like text" if text else "is damaged, or no sound file that can be decoded"
    return AudioError(path, "not_audio", f"{kind}: give WAV, FLAC, MP3, OGG or M4A.")
