"""Downloads that are whole and right, or absent: hash checked, timed out, tried again."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NoReturn

from offkey.core import store
from offkey.core.errors import OffkeyError

TIMEOUT_S = 30.0
ATTEMPTS = 5
MAX_WAIT_S = 60.0
# "forbidden" is how some hosts say "too often"
_AGAIN = (403, 408, 425, 429, 500, 502, 503, 504)


class FetchError(OffkeyError):
    """A file that could not be fetched.

    Attributes
    ----------
    url : str
        Where it should have come from.
    reason : str
        ``"gone"`` (the host has no such file), ``"wrong_hash"`` (another content), or
        ``"unreachable"`` (no answer, or the host refuses for now; worth another run later).
    detail : str
        The cause in words, and the way out.
    """

    def __init__(self, url: str, reason: str, detail: str) -> None:
        self.url, self.reason, self.detail = url, reason, detail
        super().__init__(f"{url}: {detail}")


def fetch(
    url: str,
    path: Path,
    sha256: str,
    *,
    timeout_s: float = TIMEOUT_S,
    attempts: int = ATTEMPTS,
    wait_s: float = 2.0,
) -> Path:
    """Download one file, unless the right one is there already.

    Parameters
    ----------
    url : str
        HTTP or HTTPS address.
    path : Path
        Final name; it never holds a part of the file, or another file.
    sha256 : str
        What the content must hash to.
    timeout_s : float
        How long the host may stay silent.
    attempts : int
        How often to try where the host is silent, cuts the line, or answers "not now".
    wait_s : float
        Pause after the first failure; it doubles each time. ``Retry-After`` is honoured up to a
        minute.

    Raises
    ------
    FetchError
        See its ``reason``.
    DiskFull, BadInput
        The file cannot be written.
    """
    if path.is_file() and store.file_sha256(path) == sha256:
        return path
    with store.writing(path) as partial:
        for attempt in range(1, attempts + 1):
            pause_s = _try(url, partial, sha256, timeout_s, final=attempt == attempts)
            if pause_s is None:
                break
            time.sleep(min(max(pause_s, wait_s * 2 ** (attempt - 1)), MAX_WAIT_S))
    return path


def _try(url: str, partial: Path, sha256: str, timeout_s: float, *, final: bool) -> float | None:
    """Download once: None when done, else the pause that the host asks for, in seconds."""
    import pooch
    import requests

    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=partial.name,
            path=partial.parent,
            downloader=pooch.HTTPDownloader(timeout=timeout_s),
        )
    except requests.HTTPError as error:
        answer = error.response
        if answer.status_code not in _AGAIN:
            detail = f"the host has no such file (HTTP {answer.status_code})."
            raise FetchError(url, "gone", detail) from error
        if final:
            _give_up(url, f"the host refuses for now (HTTP {answer.status_code})", error)
        wait = answer.headers.get("Retry-After", "")
        return float(wait) if wait.isdigit() else 0.0
    except requests.RequestException as error:
        if final:
            cause = "no answer" if isinstance(error, requests.Timeout) else "the line broke"
            _give_up(url, f"{cause} ({type(error).__name__})", error)
        return 0.0
    except ValueError as error:
        detail = "the content is not the expected one (wrong SHA-256), so it was thrown away."
        raise FetchError(url, "wrong_hash", detail) from error
    return None


def _give_up(url: str, cause: str, error: Exception) -> NoReturn:
    detail = f"{cause}: check the network and run again later; what was fetched so far is kept."
    raise FetchError(url, "unreachable", detail) from error
