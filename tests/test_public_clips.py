"""Public clips: the facts shipped, a local copy, and fetching from a host that misbehaves."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, unquote

import pandas as pd
import pytest
from conftest import RATE, tune

from offkey import datasets
from offkey.core import manifest, store
from offkey.core.errors import BadInput
from offkey.datasets import fetching, public_clips
from offkey.sound import audio

FILES = 24
Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


class Host:
    """A local stand-in for the public host: real HTTP, with misbehaviour per path."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.hits = files, Counter[str]()
        self.misbehave: dict[str, list[Answer]] = {}
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = unquote(self.path)
                host.hits[path] += 1
                data = host.files.get(path)
                if host.misbehave.get(path):
                    host.misbehave[path].pop(0)(self, data or b"")
                elif data is None:
                    send(404)(self, b"")
                else:
                    send(200)(self, data)

            def log_message(self, *_: object) -> None:
                """Keep the test output quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def send(status: int, body: bytes | None = None, **headers: str) -> Answer:
    def answer(request: BaseHTTPRequestHandler, data: bytes) -> None:
        content = data if body is None else body
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    return answer


def cut_line(request: BaseHTTPRequestHandler, data: bytes) -> None:
    request.send_response(200)
    request.send_header("Content-Length", str(len(data)))
    request.end_headers()
    request.wfile.write(data[: len(data) // 2])


def hang(request: BaseHTTPRequestHandler, data: bytes) -> None:
    threading.Event().wait(1.5)  # longer than the patience given in the test


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, dict[str, bytes], Path]:
    """A small table with the sound behind it: 12 AI and 12 human files, one pair, odd names."""
    root = tmp_path_factory.mktemp("world")
    rows, files = [], {}
    for number in range(FILES):
        label = "ai" if number % 2 else "human"
        maker = f"{label}{number // 4}"
        name = f"sounds/a #{number} é, 100%.wav"
        whole = audio.write(root / "whole" / f"{number}.wav", tune(f"w{number}", 8.0), RATE)
        offset_s, duration_s = 1.5, 5.5
        clip = root / "local" / label / f"{maker}__{number}__0.flac"
        audio.write(clip, audio.load(whole, offset_s=offset_s, duration_s=duration_s))
        files[f"/some/{maker}/c0ffee/{name}"] = whole.read_bytes()
        rows.append(
            {
                "file": f"{label}/{clip.name}",
                "label": label,
                "generator": maker,
                "family": maker,
                "track_id": f"track{number}",
                "prompt": "",
                "label_confidence": "medium" if number in (5, 6) else "high",
                "label_note": "",
                "repo": f"some/{maker}",
                "commit": "c0ffee",
                "path_in_repo": name,
                "source_codec": "pcm",
                "source_bitrate_kbps": 256,
                "source_sample_rate_hz": RATE,
                "offset_s": offset_s,
                "duration_s": duration_s,
                "sha256_of_source_file": store.file_sha256(whole),
                "sha256_of_clip": store.file_sha256(clip),
                "licence": "CC0",
            }
        )
    return pd.DataFrame(rows), files, root / "local"


@pytest.fixture
def table(
    world: tuple[pd.DataFrame, dict[str, bytes], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> pd.DataFrame:
    path = tmp_path / "table.csv"
    world[0].to_csv(path, index=False)
    monkeypatch.setattr(public_clips, "TABLE", path)
    monkeypatch.setattr(fetching, "time", SimpleNamespace(sleep=lambda seconds: None))
    return world[0]


@pytest.fixture
def host(world: tuple[pd.DataFrame, dict[str, bytes], Path]) -> Iterator[Host]:
    host = Host(dict(world[1]))
    yield host
    host.server.shutdown()
    host.server.server_close()


def test_the_shipped_table_keeps_its_promises() -> None:
    table = public_clips.read_table()
    assert table["label"].value_counts().to_dict() == {"ai": 199, "human": 172, "recon": 50}
    assert table.loc[table["label"] == "ai", "generator"].nunique() == 30
    assert table.loc[table["label"] == "ai", "family"].nunique() == 21
    assert table.loc[table["label"] == "human", "generator"].nunique() == 25
    assert table["commit"].str.fullmatch("[0-9a-f]{40}").all()
    assert table["sha256_of_clip"].str.fullmatch("[0-9a-f]{64}").all()
    assert not table["sha256_of_clip"].duplicated().any()
    names = [Path(file).stem for file in table["file"]]
    assert len(set(names)) == 421 and not any(set(name) & set('/\\:*?"<>|') for name in names)
    recon = table[table["label"] == "recon"]
    assert set(recon["track_id"]) <= set(table.loc[table["label"] == "human", "track_id"])
    assert table[table["generator"] == "presto"]["track_id"].nunique() == 1
    small = public_clips.read_table("recon")
    assert small["label"].value_counts().to_dict() == {"recon": 50, "human": 22}


@pytest.mark.parametrize("split_by", public_clips.SPLITS_BY)
@pytest.mark.parametrize("seed", [0, 1])
def test_splits_of_the_real_table_hold_together(split_by: str, seed: int) -> None:
    rows = public_clips.read_table("all")
    split = public_clips._splits(rows, split_by, seed)
    rows = rows.assign(split=split)
    assert rows.groupby("track_id")["split"].nunique().max() == 1
    main = rows[rows["label"] != "recon"]
    if split_by == "repository":
        assert main.groupby("repo")["split"].nunique().max() == 1
    elif split_by == "source":
        assert main[main["label"] == "ai"].groupby("family")["split"].nunique().max() == 1
        assert main[main["label"] == "human"].groupby("generator")["split"].nunique().max() == 1
    else:
        prompts = main[main["prompt"] != ""]
        assert prompts.groupby("prompt")["split"].nunique().max() == 1
    shares = pd.crosstab(main["label"], main["split"], normalize="index")
    for part, share in zip(manifest.SPLITS, public_clips.SHARES, strict=True):
        assert (abs(shares[part] - share) < 0.03).all(), shares


def test_the_developers_copy_builds_in_full(shared: Path, tmp_path: Path) -> None:
    if not (shared / "clips" / "manifest.csv").is_file():
        pytest.skip("needs ../shared/clips, absent here")
    clips = datasets.make("public_clips", tmp_path, source=str(shared / "clips"), subset="all")
    assert len(clips) == 421 and clips["target"].sum() == 249
    assert (clips["duration_s"] >= 5.0).all() and (clips["duration_s"] <= 10.001).all()
    assert datasets.verify(tmp_path).empty
    assert not list(tmp_path.rglob("*.flac"))  # used where they lie


def test_says_the_two_ways(tmp_path: Path, table: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match=r"source=FOLDER.*fetch=true"):
        datasets.make("public_clips", tmp_path / "a")
    with pytest.raises(BadInput, match="either"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path), fetch=True)
    with pytest.raises(BadInput, match="is no folder"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path / "absent"))
    with pytest.raises(BadInput, match="did you mean 'source'"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path), split_by="sources")
    with pytest.raises(BadInput, match="did you mean 'recon'"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path), subset="rekon")


def test_local_copy_is_checked(
    table: pd.DataFrame, world: tuple[pd.DataFrame, dict[str, bytes], Path], tmp_path: Path
) -> None:
    clips = datasets.make("public_clips", tmp_path / "ok", source=str(world[2]))
    assert len(clips) == FILES and datasets.verify(tmp_path / "ok").empty
    assert set(clips.loc[clips["target"] == 0, "family"]) == {"human"}
    fewer = datasets.make(
        "public_clips", tmp_path / "sure", source=str(world[2]), confident_only=True
    )
    assert len(fewer) == FILES - 2
    copy = tmp_path / "copy"
    for file in table["file"]:
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        (copy / file).write_bytes((world[2] / file).read_bytes())
    (copy / table["file"][0]).unlink()
    spoilt = bytearray((copy / table["file"][1]).read_bytes())
    spoilt[-100] ^= 1
    (copy / table["file"][1]).write_bytes(spoilt)
    with pytest.raises(BadInput, match="1 are missing and 1 are not the clips they should be"):
        datasets.make("public_clips", tmp_path / "bad", source=str(copy))
    assert not (tmp_path / "bad" / "clips.parquet").exists()


def test_fetches_the_same_clips_as_a_local_copy(
    table: pd.DataFrame,
    world: tuple[pd.DataFrame, dict[str, bytes], Path],
    host: Host,
    tmp_path: Path,
) -> None:
    local = datasets.make("public_clips", tmp_path / "local", source=str(world[2]))
    away = datasets.make("public_clips", tmp_path / "away", fetch=True, base_url=host.url)
    pd.testing.assert_frame_equal(away.drop(columns="path"), local.drop(columns="path"))
    assert set(host.hits.values()) == {1} and len(host.hits) == FILES
    names = {path.name for path in (tmp_path / "away").iterdir()}
    assert names == {"audio", "clips.csv", "clips.parquet", "recipe.json"} | {
        "skipped.csv",
        "skipped.parquet",
    }


def test_survives_a_host_that_misbehaves(
    table: pd.DataFrame, host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(host.files)
    host.misbehave = {
        paths[0]: [send(403, b"slow down"), send(429, b"", Retry_After="1")],
        paths[1]: [send(500, b""), send(503, b"")],
        paths[2]: [cut_line],
        paths[3]: [hang],
    }
    monkeypatch.setattr(fetching, "fetch", _quick(fetching.fetch))
    clips = datasets.make("public_clips", tmp_path, fetch=True, base_url=host.url)
    assert len(clips) == FILES and datasets.verify(tmp_path).empty
    assert [host.hits[path] for path in paths[:5]] == [3, 3, 2, 2, 1]


def _quick(fetch: Callable[..., Path]) -> Callable[..., Path]:
    def quick(url: str, path: Path, sha256: str) -> Path:
        return fetch(url, path, sha256, timeout_s=0.5)

    return quick


def test_an_interrupted_fetch_goes_on_where_it_stopped(
    table: pd.DataFrame, host: Host, tmp_path: Path
) -> None:
    last = sorted(host.files)[-1]
    host.misbehave[last] = [send(500, b"")] * 5
    with pytest.raises(fetching.FetchError, match="refuses for now") as caught:
        datasets.make("public_clips", tmp_path, fetch=True, base_url=host.url)
    assert caught.value.reason == "unreachable"
    assert not (tmp_path / "clips.parquet").exists()
    damaged = sorted((tmp_path / "audio").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:-2000])
    before = sum(host.hits.values())
    clips = datasets.make("public_clips", tmp_path, fetch=True, base_url=host.url)
    assert len(clips) == FILES
    assert sum(host.hits.values()) == before + 2  # the one that failed, and the damaged one
    assert datasets.verify(tmp_path).empty


def test_one_lost_file_is_reported_and_many_are_refused(
    table: pd.DataFrame, host: Host, tmp_path: Path
) -> None:
    paths = sorted(host.files)
    host.misbehave[paths[0]] = [send(200, b"<!doctype html><p>moved")]
    clips = datasets.make("public_clips", tmp_path / "one", fetch=True, base_url=host.url)
    assert len(clips) == FILES - 1
    skipped = pd.read_csv(tmp_path / "one" / "skipped.csv")
    assert skipped["reason"].tolist() == ["wrong_hash"]
    assert unquote(skipped["path"][0]).endswith(paths[0])
    for path in paths[:3]:
        host.misbehave[path] = [send(404, b"")]
    with pytest.raises(BadInput, match=r"3 of 24 files cannot be used \(3 gone\)"):
        datasets.make("public_clips", tmp_path / "many", fetch=True, base_url=host.url)


def test_fetch_leaves_nothing_wrong_behind(host: Host, table: pd.DataFrame, tmp_path: Path) -> None:
    path, (name, data) = tmp_path / "in" / "x.wav", next(iter(host.files.items()))
    url = host.url + quote(name)
    with pytest.raises(fetching.FetchError, match="wrong SHA-256"):
        fetching.fetch(url, path, "0" * 64)
    assert list(path.parent.iterdir()) == []
    host.misbehave[name] = [cut_line] * 3
    with pytest.raises(fetching.FetchError, match="the line broke"):
        fetching.fetch(url, path, "0" * 64, attempts=3)
    assert list(path.parent.iterdir()) == []
    sha256 = table.loc[0, "sha256_of_source_file"]
    path.write_bytes(b"an older file")
    assert fetching.fetch(url, path, sha256).read_bytes() == data
    hits = sum(host.hits.values())
    fetching.fetch(url, path, sha256)
    assert sum(host.hits.values()) == hits
    dead = "http://127.0.0.1:9/x"
    with pytest.raises(fetching.FetchError, match="check the network"):
        fetching.fetch(dead, tmp_path / "y", "0" * 64, attempts=2)


def test_waits_longer_each_time_and_as_long_as_the_host_asks(
    host: Host, table: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(fetching, "time", SimpleNamespace(sleep=waits.append))
    host.files["/x"] = b"x"
    host.misbehave["/x"] = [
        send(500, b""),
        send(500, b""),
        send(429, b"", Retry_After="7"),
        send(429, b"", Retry_After="86400"),
    ]
    sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
    fetching.fetch(f"{host.url}/x", tmp_path / "x", sha256, wait_s=1.0)
    assert waits == [1.0, 2.0, 7.0, 60.0]
