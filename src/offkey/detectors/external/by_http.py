"""A detector behind a web address: one upload a clip, at a limited rate, never twice."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import requests

from offkey.core.errors import BadInput
from offkey.detectors.external import reading
from offkey.detectors.external.description import External
from offkey.detectors.external.reading import Said

BUSY = (429, 503)
"""Answers that ask to come again later; the call was not made."""
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class ByHttp(External):
    """Every clip is sent to an address (multipart form), which answers in JSON.

    Attributes
    ----------
    http : str
        The address.
    header : str
        Name of the header that says who asks, e.g. ``"Authorization"``.
    header_from : str
        Environment variable that holds its value; the value is neither stored nor shown.
    field : str
        Of the form, for the file.
    per_minute : float
        So many calls a minute at most.
    patience_s : float
        How long to come again, in all, where the address is busy.
    """

    KIND: ClassVar[str] = "http"
    COSTS: ClassVar[bool] = True
    LOGISTICS: ClassVar[tuple[str, ...]] = ("header", "header_from", "per_minute", "patience_s")

    http: str
    header: str = ""
    header_from: str = ""
    field: str = "file"
    per_minute: float = 60.0
    patience_s: float = 600.0

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = urlsplit(self.http)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise BadInput(f"detector: http '{self.http}': write https://HOST/PATH.")
        if parts.username or parts.password:
            raise BadInput("detector: http: put no password into the address: use header_from.")
        if bool(self.header) != bool(self.header_from):
            raise BadInput(
                "detector: give header and header_from together: a header's name, and the "
                "environment variable that holds its value."
            )
        if self.header and parts.scheme == "http" and parts.hostname not in LOCAL:
            raise BadInput(f"detector: http '{self.http}': a secret header needs https.")
        if self.per_minute <= 0:
            raise BadInput("detector: per_minute must be above 0.")

    @property
    def words(self) -> str:
        """The address, without what may stand behind a question mark."""
        return f"'{self.http.partition('?')[0]}'"

    def require(self) -> None:
        """Refuse to start without the header's value."""
        if self.header and not os.environ.get(self.header_from):
            raise BadInput(
                f"detector {self.words}: the environment variable {self.header_from}, which holds "
                f"the header '{self.header}', is not set: export it first."
            )

    def ask(self, sounds: Sequence[Path], place: Path, log: Path) -> Iterator[Said]:
        """Send one file after another; each answer is yielded before the next call."""
        with requests.Session() as session:
            session.auth = _as_it_is  # else a .netrc would replace the header
            if self.header:
                session.headers[self.header] = os.environ[self.header_from]
            last = -math.inf
            for sound in sounds:
                time.sleep(max(0.0, last + 60 / self.per_minute - time.monotonic()))
                last = time.monotonic()
                yield self._answer(self._sent(session, sound), sound)

    def _sent(self, session: requests.Session, sound: Path) -> requests.Response:
        """The reply to one clip, after as many attempts as the address asks for."""
        began = time.monotonic()
        pause = 1.0
        while True:
            try:
                reply = session.post(
                    self.http,
                    files={self.field: (sound.name, sound.read_bytes())},
                    timeout=self.timeout_s,
                    allow_redirects=False,  # the header is for this address alone
                )
            except requests.RequestException as error:
                why = type(error).__name__
                raise BadInput(f"detector {self.words} cannot be reached ({why}).") from error
            if reply.status_code not in BUSY:
                break
            wait = _retry_after(reply.headers.get("Retry-After", ""), pause)
            if time.monotonic() + wait - began > self.patience_s:
                raise BadInput(
                    f"detector {self.words} is busy ({reply.status_code}) and asks to come again "
                    f"in {wait:.0f} s: run again then, or give it more patience_s."
                )
            time.sleep(wait)
            pause = min(2 * pause, 60.0)
        if reply.status_code != 200:
            raise BadInput(
                f"detector {self.words} answered {reply.status_code} {reply.reason}: "
                f"{self._shown(reply)}."
            )
        return reply

    def _answer(self, reply: requests.Response, sound: Path) -> Said:
        try:
            value = reading.value_in(reply.json(), self.answer)
        except ValueError:
            return Said(sound.name, None, "", f"a reply is no JSON: {self._shown(reply)}")
        return Said(sound.name, value, "a reply")

    def _shown(self, reply: requests.Response) -> str:
        """The beginning of a reply, without the secret that it may repeat."""
        secret = os.environ.get(self.header_from, "") if self.header_from else ""
        return reading.short(reply.text.replace(secret, "…") if secret else reply.text)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _retry_after(text: str, otherwise: float) -> float:
    """Seconds that a ``Retry-After`` header asks for: a number, or a date."""
    if text.strip().isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return otherwise
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
