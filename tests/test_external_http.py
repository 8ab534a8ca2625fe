"""A detector behind an address: a server on this machine that is busy, wrong, or honest."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from offkey import perturbations
from offkey.core.errors import BadInput
from offkey.detectors import external
from offkey.detectors.external import asking, by_http, questions

SECRET = "Bearer not-to-be-seen"
Reply = tuple[int, dict[str, str], str]


class Server:
    """Answers every call with what `reply(number of the call)` says; remembers the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, str, bytes]] = []
        self.reply: Callable[[int], Reply] = lambda number: (
            *(200, {}),
            json.dumps({"result": {"ai": number / 100}}),
        )
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                said = self.headers.get("Authorization", "")
                outer.calls.append((time.monotonic(), said, body))
                status, headers, text = outer.reply(len(outer.calls))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/detect?key=x"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("DETECTOR_KEY", SECRET)
    found = Server()
    thread = threading.Thread(target=found.http.serve_forever, args=(0.02,))
    thread.start()
    yield found
    found.http.shutdown()
    thread.join()
    found.http.server_close()


def described(server: Server, **settings: Any) -> external.External:
    about = {"header": "Authorization", "header_from": "DETECTOR_KEY", "answer": "result.ai"}
    about |= {"http": server.address, "per_minute": 6000.0, **settings}
    return external.described(about)


@pytest.fixture
def asked(tiny_clips: pd.DataFrame) -> list[questions.Question]:
    clean = perturbations.find(["clean"])
    return questions.questions(tiny_clips.iloc[:5], clean, seed=0, sound="flac")


def test_no_clip_is_sent_twice_and_the_header_is_kept_nowhere(
    server: Server, asked: list[questions.Question], tmp_path: Path
) -> None:
    mine = described(server, sound="flac")
    with pytest.raises(BadInput, match="would be called 5 times, 4 calls are agreed to"):
        asking.ask(mine, asked, tmp_path, may_call=4)
    assert not server.calls
    good = server.reply
    server.reply = lambda n: good(n) if n < 4 else (500, {}, f"no more for {SECRET}")
    with pytest.raises(BadInput, match=r"answered 500 .*: 'no more for …'\. The first clip") as bad:
        asking.ask(mine, asked, tmp_path, may_call=5)
    assert "3 of 5 answers" in str(bad.value) and "key=x" not in str(bad.value)
    server.reply = good
    answers = asking.ask(mine, asked, tmp_path, may_call=2)
    assert len(server.calls) == 4 + 2
    assert [answers.found[one.key] for one in asked] == [0.01, 0.02, 0.03, 0.05, 0.06]
    assert {said for _, said, _ in server.calls} == {SECRET}
    assert (
        b'name="file"; filename="000000.flac"' in server.calls[0][2]
        and b"fLaC" in (server.calls[0][2])
    )
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or SECRET.split()[1].encode() not in file.read_bytes()


def test_it_comes_again_when_it_is_asked_to_and_not_too_often(
    server: Server, asked: list[questions.Question], tmp_path: Path
) -> None:
    good = server.reply
    server.reply = lambda n: (429, {"Retry-After": "1"}, "") if n == 2 else good(n)
    asking.ask(described(server, per_minute=300.0), asked[:3], tmp_path, may_call=3)
    times = [at for at, _, _ in server.calls]
    assert len(times) == 4
    assert times[2] - times[1] >= 0.99
    assert times[1] - times[0] >= 0.1 and times[3] - times[2] < 5
    server.reply = lambda n: (503, {"Retry-After": "3600"}, "")
    with pytest.raises(BadInput, match=r"busy \(503\) and asks to come again in 3600 s"):
        asking.ask(described(server), asked[3:], tmp_path, may_call=2)
    assert by_http._retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 7.0) == 0.0
    assert by_http._retry_after("soon", 7.0) == 7.0


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        ((200, {}, "It sounds human to me."), "a reply is no JSON: 'It sounds human to me.'"),
        ((200, {}, '{"result": {"ai": 87.5}}'), r"a reply, on clip '\w+' under 'clean', is 87.5, "),
        ((200, {}, '{"result": {"suno": 1}}'), "has suno, and no setting says which mean AI"),
        ((200, {}, '{"result": {"ai": null}}'), "is 'null', which is no number"),
        ((302, {"Location": "http://127.0.0.1:9/"}, ""), "answered 302"),
        ((401, {}, "who are you"), "answered 401 .*'who are you'"),
    ],
)
def test_a_bad_reply_ends_it_at_once(
    reply: Reply,
    sentence: str,
    server: Server,
    asked: list[questions.Question],
    tmp_path: Path,
) -> None:
    server.reply = lambda n: reply
    with pytest.raises(BadInput, match=sentence):
        asking.ask(described(server), asked, tmp_path, may_call=5)
    assert len(server.calls) == 1


def test_an_address_that_is_not_there_or_not_to_be_trusted(
    asked: list[questions.Question], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = external.described({"http": "http://127.0.0.1:9/detect"})
    with pytest.raises(BadInput, match=r"cannot be reached \(ConnectionError\)"):
        asking.ask(nobody, asked, tmp_path, may_call=5)
    secret = {"header": "X-Key", "header_from": "NO_SUCH_KEY"}
    mine = external.described({"http": "https://example.org/detect", **secret})
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    with pytest.raises(BadInput, match="NO_SUCH_KEY, which holds the header 'X-Key', is not set"):
        asking.ask(mine, asked, tmp_path, may_call=5)
    for about, why in (
        ({"http": "ftp://example.org"}, "write https://HOST/PATH"),
        ({"http": "https://me:secret@example.org/"}, "no password into the address"),
        ({"http": "http://example.org/", **secret}, "a secret header needs https"),
        ({"http": "https://example.org/", "header": "X"}, "header and header_from together"),
        ({"http": "https://example.org/", "per_minute": 0.0}, "per_minute must be above 0"),
    ):
        with pytest.raises(BadInput, match=why):
            external.described(about)
