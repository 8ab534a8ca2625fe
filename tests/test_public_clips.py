"""Public clips: the facts shipped, a local copy, and fetching from a host that misbehaves."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

import pandas as pd
import pytest
from conftest import RATE, tune

from offkey import datasets, metrics
from offkey.audits import shortcuts
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
    assert table["label"].value_counts().to_dict() == {"ai": 545, "human": 530, "recon": 50}
    assert _counts(table) == (545, 45, 32, 530, 81)
    assert "545 AI clips of 45 generators in 32 families, 530 human clips of 81" in _header()
    assert table["commit"].str.fullmatch("[0-9a-f]{40}").all()
    assert table["sha256_of_clip"].str.fullmatch("[0-9a-f]{64}").all()
    assert not table["sha256_of_clip"].duplicated().any()
    assert (table["rolloff99_hz"] > 0).all() and table["source_channels"].isin([1, 2]).all()
    names = [Path(file).stem for file in table["file"]]
    assert len(set(names)) == 1125 and not any(set(name) & set('/\\:*?"<>|') for name in names)
    recon = table[table["label"] == "recon"]
    assert set(recon["track_id"]) <= set(table.loc[table["label"] == "human", "track_id"])
    assert table[table["generator"] == "presto"]["track_id"].nunique() == 1
    small = public_clips.read_table("recon")
    assert small["label"].value_counts().to_dict() == {"recon": 50, "human": 22}


def _counts(table: pd.DataFrame) -> tuple[int, ...]:
    """AI clips, generators and families, human clips and sources."""
    ai, human = (table[table["label"] == label] for label in ("ai", "human"))
    families = ai["family"].nunique()
    return len(ai), ai["generator"].nunique(), families, len(human), human["generator"].nunique()


def _header() -> str:
    return " ".join(str(public_clips.__doc__).split())


def test_matched_clips_came_the_same_way() -> None:
    table = public_clips.read_table("main", matched=True)
    assert _counts(table) == (217, 21, 17, 339, 55)
    assert "217 AI of 17 families and 339 human of 55 sources" in _header()
    assert set(table["source_codec"]) == {"mp3"}
    assert table["source_sample_rate_hz"].min() == 44_100


def test_what_the_page_says_plainly() -> None:
    table = public_clips.read_table("main", min_confidence="high")
    assert _counts(table) == (484, 37, 24, 480, 71)
    assert set(table["label_confidence"]) == {"high"}
    assert len(public_clips.read_table("main", matched=True, min_confidence="high")) == 500


@pytest.mark.parametrize("subset", public_clips.SUBSETS)
@pytest.mark.parametrize("matched", [False, True])
def test_a_reconstruction_has_its_original_beside_it(subset: str, matched: bool) -> None:
    for confidence in public_clips.CONFIDENCE:
        table = public_clips.read_table(subset, matched=matched, min_confidence=confidence)
        recon, human = (table["label"] == label for label in ("recon", "human"))
        assert recon.any() == (subset != "main")
        assert set(table.loc[recon, "track_id"]) <= set(table.loc[human, "track_id"])


def test_a_prompt_joins_generators_of_one_page() -> None:
    table = public_clips.read_table("main")
    prompts = table[table["prompt"] != ""].groupby("prompt")
    assert (prompts["repo"].nunique() == 1).all()
    assert (prompts["generator"].nunique() > 1).sum() == 37
    together = {
        "melodypage-grunge": {"melody", "musiclm"},
        "melodyflowpage-3": {"audioldm2", "musicgen", "stable-audio-2"},
        "prestopage-one-seed": {"presto", "presto-base"},
    }
    for prompt, generators in together.items():
        assert set(prompts.get_group(prompt)["generator"]) == generators


def _manifest(held_out: str, folds: int, seed: int, **which: Any) -> pd.DataFrame:
    """The real table with its groups, and where they were dealt."""
    rows = public_clips.read_table(**which)
    groups = public_clips._groups(rows, held_out)
    return rows.assign(group=groups, **public_clips._dealt(rows, groups, folds, seed))


@pytest.mark.parametrize("held_out", public_clips.HELD_OUT)
@pytest.mark.parametrize("folds", [0, 5])
@pytest.mark.parametrize("matched", [False, True])
def test_nothing_of_a_group_is_on_two_sides(held_out: str, folds: int, matched: bool) -> None:
    rows = _manifest(held_out, folds, 0, subset="all", matched=matched)
    place = "fold" if folds else "split"
    assert rows.groupby("group")[place].nunique().max() == 1
    assert rows.groupby("track_id")["group"].nunique().max() == 1
    main = rows[rows["label"] != "recon"]
    alike = {
        "family": main["label"] + main["family"].where(main["label"] == "ai", main["generator"]),
        "track": main["prompt"].where(main["prompt"] != "", main["track_id"]),
        "repository": main["repo"],
    }[held_out]
    assert main.groupby(alike)[place].nunique().max() == 1
    shares = pd.crosstab(main["label"], main[place], normalize="index")
    wanted = 1 / folds if folds else dict(zip(manifest.SPLITS, public_clips.SHARES, strict=True))
    # six repositories hold both classes
    loose = 0.05 if held_out == "repository" else 0.03
    assert (shares.sub(pd.Series(wanted) if not folds else wanted).abs() < loose).all(axis=None)
    assert set(rows["split"]) == ({"test"} if folds else set(manifest.SPLITS))
    assert set(rows["fold"]) == set(range(folds or 1))


@pytest.mark.parametrize("seed", [1, 2])
def test_families_hold_together_whatever_the_seed(seed: int) -> None:
    rows = _manifest("family", 0, seed, subset="main")
    assert rows.groupby("group")["split"].nunique().max() == 1
    assert set(rows["split"]) == set(manifest.SPLITS)


def test_families_that_share_a_track_are_one_group() -> None:
    rows = _manifest("family", 0, 0, subset="main")
    edits = rows[rows["repo"] == "musicedit/musicedit.github.io"]
    assert edits["family"].nunique() == 2 and edits["group"].nunique() == 1
    groups = pd.Series(["d", "c", "b", "b", "a", "e"])
    tracks = pd.Series(["1", "1", "2", "3", "3", "4"])
    joined = public_clips._joined(groups, tracks)
    assert joined.tolist() == ["c", "c", "a", "a", "a", "e"]
    chain = public_clips._joined(pd.Series(["c", "b", "b", "a"]), pd.Series(["1", "1", "2", "2"]))
    assert set(chain) == {"a"}


def test_every_clip_is_tested_once() -> None:
    rows = _manifest("family", 5, 0, subset="main", matched=True)
    clips = rows.assign(target=(rows["label"] == "ai").astype(int))
    tested: list[str] = []
    for view in manifest.views(clips):
        known = view.loc[view["split"] != "test", "group"]
        assert not set(known) & set(view.loc[view["split"] == "test", "group"])
        assert (pd.crosstab(view["split"], view["target"]) > 0).all(axis=None)
        tested += view.loc[view["split"] == "test", "file"].tolist()
    assert sorted(tested) == sorted(rows["file"])


@pytest.fixture
def clips_folder(shared: Path) -> Path:
    folder = shared / "clips"
    if not (folder / "manifest.csv").is_file():
        pytest.skip("needs the developers' folder of real clips (../shared/clips), absent here")
    return folder


def test_the_developers_copy_builds_in_full(clips_folder: Path, tmp_path: Path) -> None:
    clips = datasets.make("public_clips", tmp_path, source=str(clips_folder), subset="all")
    assert len(clips) == 1125 and clips["target"].sum() == 595
    assert set(clips.loc[clips["target"] == 0, "family"]) == {"human"}
    assert (clips["duration_s"] >= 5.0).all() and (clips["duration_s"] <= 10.001).all()
    assert datasets.verify(tmp_path).empty
    assert not list(tmp_path.rglob("*.flac"))  # used where they lie


def test_the_floors_of_the_matched_clips(clips_folder: Path, tmp_path: Path) -> None:
    found = {}
    for held_out in public_clips.HELD_OUT:
        how: dict[str, Any] = {"matched": True, "held_out": held_out, "folds": 5}
        source = str(clips_folder)
        clips = datasets.make("public_clips", tmp_path / held_out, source=source, **how)
        assert len(clips) == 556 and clips["fold"].nunique() == 5
        # the codec floor looks at no sound
        deaf = clips.assign(**{name: 0.0 for name in set(shortcuts.NUMBERS) - set(clips)})
        floor = shortcuts.floor(deaf)
        floor = floor[floor["detector"] == "codec_floor"]
        assert sorted(floor["clip_id"]) == sorted(clips["clip_id"])
        found[held_out] = metrics.auc(floor["target"], floor["score"])
    assert 0.5 < found["family"] < 0.7 and 0.5 < found["repository"] < 0.7
    assert 0.75 < found["track"] < 0.9


def test_what_is_measured_is_what_the_table_says(clips_folder: Path) -> None:
    table = public_clips.read_table().iloc[::100]
    places = [(str(file), str(clips_folder / str(file))) for file in table["file"]]
    clips = pd.DataFrame(places, columns=["clip_id", "path"])
    measured = shortcuts.measure(clips)
    for ours, theirs in (("rolloff_hz", "rolloff99_hz"), ("band_edge_hz", "band_edge_hz")):
        assert measured[ours].to_numpy() == pytest.approx(table[theirs].to_numpy(), abs=8)
    flat = table["flatness_median"].to_numpy()
    assert measured["flatness"].to_numpy() == pytest.approx(flat, abs=2e-4)


def test_says_the_two_ways(tmp_path: Path, table: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match=r"source=FOLDER.*fetch=true"):
        datasets.make("public_clips", tmp_path / "a")
    with pytest.raises(BadInput, match="either"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path), fetch=True)
    with pytest.raises(BadInput, match="is no folder"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path / "absent"))
    with pytest.raises(BadInput, match="did you mean 'family'"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path), held_out="families")
    with pytest.raises(BadInput, match="unknown confidence of public_clips 'low'"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path), min_confidence="low")
    with pytest.raises(BadInput, match="did you mean 'recon'"):
        datasets.make("public_clips", tmp_path / "a", source=str(tmp_path), subset="rekon")


def test_local_copy_is_checked(
    table: pd.DataFrame, world: tuple[pd.DataFrame, dict[str, bytes], Path], tmp_path: Path
) -> None:
    clips = datasets.make("public_clips", tmp_path / "ok", source=str(world[2]))
    assert len(clips) == FILES and datasets.verify(tmp_path / "ok").empty
    assert set(clips.loc[clips["target"] == 0, "family"]) == {"human"}
    fewer = datasets.make(
        "public_clips", tmp_path / "sure", source=str(world[2]), min_confidence="high"
    )
    assert len(fewer) == FILES - 2
    dealt = datasets.make("public_clips", tmp_path / "dealt", source=str(world[2]), folds=3)
    assert set(dealt["split"]) == {"test"} and set(dealt["fold"]) == {0, 1, 2}
    assert dealt.groupby("group")["fold"].nunique().max() == 1
    with pytest.raises(BadInput, match="2 folds: at least 3"):
        datasets.make("public_clips", tmp_path / "two", source=str(world[2]), folds=2)
    with pytest.raises(BadInput, match="no clips of public_clips"):
        datasets.make("public_clips", tmp_path / "none", source=str(world[2]), matched=True)
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
