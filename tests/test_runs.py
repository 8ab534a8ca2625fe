"""Studies executed for real: order, parameters, failures, resume, locks, signals."""

from __future__ import annotations

import html
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from offkey.core import code
from offkey.core.errors import BadInput, Busy
from offkey.core.workspace import Workspace
from offkey.runner import (
    notebook_job,
    notebook_process,
    pages,
    run_states,
    runs,
    scheduling,
    studies,
)
from offkey.runner.execution import Plan

CELL = 'n: int = 1\nlabels: list[str] = []\ndata_dir: str = ""\nout_dir: str = ""'
SHOW = """\
import json, os, sys
keys = ["OMP_NUM_THREADS", "OFFKEY_JOBS", "OFFKEY_SCHEDULER", "OFFKEY_DATA"]
environment = {key: os.environ[key] for key in keys}
facts = dict(n=n, labels=labels, data_dir=data_dir, python=sys.executable, **environment)
with open(os.path.join(out_dir, f"facts{n}.json"), "w") as stream:
    json.dump(facts, stream)
print("unique output", n)
"""
SHARE = """\
from offkey.core import cluster
cluster.run(abs, [1, -2, 3], label="numbers")
"""
SLEEP = """\
import os, pathlib, subprocess, time
child = subprocess.Popen(["sleep", "300"])
pathlib.Path(out_dir, "pids.partial").write_text(f"{os.getpid()} {child.pid}")
os.rename(pathlib.Path(out_dir, "pids.partial"), pathlib.Path(out_dir, "pids"))
time.sleep(300)
"""
KILL = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
STUDY = """\
study: small
title: Small
runs:
  - {notebook: a_first, parameters: {n: 2, labels: [é, '"q"']}}
  - {notebook: b_breaks, after: [a_first]}
  - {notebook: a_first, name: c_after_broken, after: [b_breaks], parameters: {n: 3}}
  - {notebook: d_killed}
  - {notebook: a_first, name: e_all_cores, cores: all, parameters: {n: 5}}
  - {notebook: f_shares, cores: all, after: [e_all_cores]}
"""
SLEEPY = """\
study: sleepy
runs: [{notebook: s_quick}, {notebook: s_sleeps, after: [s_quick]}]
"""
SLEEPS = "study: sleepy\nruns: [{notebook: s_sleeps}]\n"


def write_notebook(folder: Path, name: str, *cells: str) -> Path:
    parameters = nbformat.v4.new_code_cell(CELL, metadata={"tags": ["parameters"]})
    title = nbformat.v4.new_markdown_cell(f"# About {name}")
    code = [nbformat.v4.new_code_cell(cell) for cell in cells]
    # a kernel that exists nowhere: the runner uses its own interpreter
    kernel = {"name": "someone-elses", "display_name": "?", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[title, parameters, *code], metadata={"kernelspec": kernel}
    )
    nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder / f"{name}.ipynb"


@dataclass
class Place:
    """A folder with notebooks, study files, and what running them left behind."""

    root: Path

    def command(self, study: str, *more: str) -> list[str]:
        folders = [f"--{kind}={self.root / kind}" for kind in ("notebooks", "data", "out")]
        file = str(self.root / f"{study}.yaml")
        return [sys.executable, "-m", "offkey", "run", file, *folders, *more]

    def start(self, study: str, *more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(study, *more),
            cwd=self.root,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, study: str, *more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(study, *more), cwd=self.root, text=True, capture_output=True, timeout=120
        )

    def state(self, study: str, run: str) -> dict[str, Any]:
        return run_states.read(self.root / "data" / "runs" / study, run)

    def output(self, name: str) -> Path:
        return self.root / "out" / "notebooks" / name


def make_place(root: Path) -> Place:
    root.mkdir(exist_ok=True)
    notebooks = root / "notebooks"
    notebooks.mkdir()
    write_notebook(notebooks, "a_first", SHOW)
    write_notebook(notebooks, "b_breaks", "x = 1", "raise ValueError('no such luck\\nmore')")
    write_notebook(notebooks, "d_killed", KILL)
    write_notebook(notebooks, "f_shares", SHARE)
    write_notebook(notebooks, "s_quick", "print(n)")
    write_notebook(notebooks, "s_sleeps", SLEEP)
    (root / "small.yaml").write_text(STUDY)
    (root / "sleepy.yaml").write_text(SLEEPY)
    (root / "sleeps.yaml").write_text(SLEEPS)
    return Place(root)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    return make_place(tmp_path_factory.mktemp("runs") / "a {place} with é")


@pytest.fixture(scope="module")
def first(place: Place) -> subprocess.CompletedProcess[str]:
    """The whole study, two runs at once."""
    return place.run("small", "--jobs=2")


def test_failures_stay_with_their_dependents(
    place: Place, first: subprocess.CompletedProcess[str]
) -> None:
    assert first.returncode == 1, first.stderr
    statuses = {run.name: place.state("small", run.name)["status"] for run in load(place).runs}
    assert statuses == {
        "a_first": "complete",
        "b_breaks": "failed",
        "c_after_broken": "skipped",
        "d_killed": "failed",
        "e_all_cores": "complete",
        "f_shares": "complete",
    }
    assert "b_breaks: failed" in first.stdout
    assert "cell [4]: ValueError: no such luck" in first.stdout
    assert "c_after_broken: skipped, needs 'b_breaks'" in first.stdout
    assert "kernel was killed (probably out of memory)" in first.stdout
    assert "3 complete, 3 failed or skipped" in first.stdout
    assert str(place.root / "out" / "index.html") in first.stdout
    assert "Traceback" not in first.stderr


def test_only_complete_notebooks_get_their_name(
    place: Place, first: subprocess.CompletedProcess[str]
) -> None:
    found = {path.name for path in (place.root / "out" / "notebooks").glob("*.ipynb")}
    assert found == {
        "a_first.ipynb",
        "b_breaks.failed.ipynb",
        "d_killed.failed.ipynb",
        "e_all_cores.ipynb",
        "f_shares.ipynb",
    }
    assert "unique output 2" in place.output("a_first.ipynb").read_text()
    assert "no such luck" in place.output("b_breaks.failed.ipynb").read_text()
    assert place.output("a_first.html").is_file()
    index = (place.root / "out" / "index.html").read_text()
    assert "About a_first" in index


def test_notebooks_get_typed_parameters_and_their_share_of_the_machine(
    place: Place, first: subprocess.CompletedProcess[str]
) -> None:
    one = json.loads((place.root / "out" / "facts2.json").read_text())
    assert one["labels"] == ["é", '"q"']
    assert one["data_dir"] == one["OFFKEY_DATA"] == str(place.root / "data")
    assert Path(one["python"]).samefile(sys.executable)
    assert (one["OMP_NUM_THREADS"], one["OFFKEY_JOBS"], one["OFFKEY_SCHEDULER"]) == ("1", "1", "")
    every = json.loads((place.root / "out" / "facts5.json").read_text())
    assert (every["OMP_NUM_THREADS"], every["OFFKEY_JOBS"]) == ("2", "2")
    assert every["OFFKEY_SCHEDULER"].startswith("tcp://127.0.0.1")
    assert "[1, 2, 3]" in place.output("f_shares.ipynb").read_text()
    state = place.state("small", "a_first")
    assert state["seconds"] > 0 and 20 < state["peak_rss_mb"] < 4000
    assert state["parameters"] == {"n": 2, "labels": ["é", '"q"']}


def test_second_time_keeps_what_is_unchanged(
    place: Place, first: subprocess.CompletedProcess[str]
) -> None:
    before = place.output("f_shares.ipynb").stat().st_mtime_ns
    lines: list[str] = []
    say = lines.append
    space = Workspace.open(place.root / "data", place.root / "out")
    arguments: dict[str, Any] = {"notebooks": place.root / "notebooks", "say": say}
    assert runs.run_study(load(place), space, only=["e_all_cores", "f_shares"], **arguments) == 0
    assert lines == ["e_all_cores: unchanged, kept", "f_shares: unchanged, kept"]
    assert place.output("f_shares.ipynb").stat().st_mtime_ns == before


def plan(place: Place, settings: dict[str, Any] | None = None, name: str = "small") -> Plan:
    study, notebooks = load(place, name), place.root / "notebooks"
    parameters = studies.parameters(study, notebooks, settings)
    space = Workspace.open(place.root / "data", place.root / "out")
    names = run_states.fingerprints(study, parameters, notebooks, space.datasets)
    return Plan(study, space, notebooks, parameters, names, settings or {})


def load(place: Place, name: str = "small") -> studies.Study:
    return studies.load(str(place.root / f"{name}.yaml"))


def due(
    place: Place, only: list[str], settings: dict[str, Any] | None = None, force: bool = False
) -> tuple[list[str], list[str]]:
    lines: list[str] = []
    ready = plan(place, settings)
    found = runs.due(ready, runs.select(ready.study, only), force, lines.append)
    return [run.name for run in found], lines


def test_what_is_due(place: Place, first: subprocess.CompletedProcess[str]) -> None:
    assert due(place, [])[0] == ["b_breaks", "c_after_broken", "d_killed"]
    names, lines = due(place, ["c_after_broken"])
    assert names == ["b_breaks", "c_after_broken"]
    assert lines == ["b_breaks: not complete, run too because 'c_after_broken' needs it"]
    # a changed parameter makes the run and what comes after it new, and nothing else
    assert due(place, ["f"], {"e_all_cores.n": 6})[0] == ["e_all_cores", "f_shares"]
    assert due(place, ["d"], {"e_all_cores.n": 6})[0] == ["d_killed"]
    assert due(place, ["f"], force=True)[0] == ["f_shares"]


def test_the_index_says_what_the_command_line_set(
    place: Place, first: subprocess.CompletedProcess[str]
) -> None:
    pages.render(plan(place), {"a_first"})
    index = place.root / "out" / "index.html"
    assert "Not as the study says" not in index.read_text()
    pages.render(plan(place, {"n": 7, "e_all_cores.labels": ["/home/me/x"]}), {"a_first"})
    said = 'Not as the study says: n = 7, e_all_cores.labels = ["…/x"].'
    assert said in html.unescape(index.read_text())
    assert "Not as the study says: n = 7" in (place.root / "out" / "README.md").read_text()


def test_changed_source_or_damaged_output_is_due(
    place: Place, first: subprocess.CompletedProcess[str]
) -> None:
    source, output = place.root / "notebooks" / "f_shares.ipynb", place.output("f_shares.ipynb")
    text = source.read_text()
    source.write_text(text.replace("numbers", "values"))
    assert due(place, ["f"])[0] == ["f_shares"]
    # outputs and metadata of the source do not count
    source.write_text(text.replace("someone-elses", "python3"))
    assert due(place, ["f"])[0] == []
    source.write_text(text)
    result = output.read_text()
    output.write_text(result + " ")
    assert due(place, ["f"])[0] == ["f_shares"]
    output.write_text(result)
    assert due(place, ["f"])[0] == []


def test_a_comment_is_no_change_of_the_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "offkey"
    package.mkdir()
    module, table = package / "module.py", package / "facts.csv"
    module.write_text(
        '"""A module."""\n\n\ndef twice(x):\n    """Double it."""\n    return 2 * x\n'
    )
    table.write_text("a\n1\n")
    monkeypatch.setattr(code, "PACKAGE", package)
    first = run_states.code_fingerprint()
    text = "# why\n\ndef twice(x):\n    # better said\n    return (2 *\n        x)\n"
    module.write_text('"""Another."""\n' + text)
    assert run_states.code_fingerprint() == first
    module.write_text(text.replace("2", "3"))
    assert run_states.code_fingerprint() != first
    module.write_text(text)
    table.write_text("a\n2\n")
    assert run_states.code_fingerprint() != first


def test_select_takes_names_and_their_beginnings(place: Place) -> None:
    study = load(place)
    assert runs.select(study, ["d"]) == {"d_killed"}
    assert runs.select(study, ["a_first"]) == {"a_first", "c_after_broken", "e_all_cores"}
    assert len(runs.select(study, [])) == 6
    with pytest.raises(BadInput, match="did you mean 'd_killed'"):
        runs.select(study, ["d_kiled"])


def wait_for(what: Callable[[], Any], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    """Whether a process runs; a zombie that nobody in a container collects does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # it may end while its file is read
        return False


def assert_gone(place: Place) -> None:
    for pid in (place.root / "out" / "pids").read_text().split():
        wait_for(lambda pid=pid: not alive(int(pid)), 10)


def test_no_way_of_stopping_leaves_orphans_and_locks_hold(tmp_path: Path) -> None:
    ways = {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9, "time": 1}
    places = {way: make_place(tmp_path / way) for way in ways}
    started = {
        way: place.start(
            "sleepy" if way == "SIGINT" else "sleeps",
            *(["--max-minutes=0.25"] if way == "time" else []),
        )
        for way, place in places.items()
    }
    for place in places.values():
        wait_for((place.root / "out" / "pids").is_file)

    place, holder = places["SIGINT"], started["SIGINT"].pid
    space = Workspace.open(place.root / "data", place.root / "out")
    other = Workspace.open(place.root / "data", place.root / "elsewhere")
    arguments: dict[str, Any] = {"notebooks": place.root / "notebooks"}
    with pytest.raises(Busy, match=f"in use by process {holder} since"):
        runs.run_study(load(place, "sleepy"), space, **arguments)
    with pytest.raises(Busy, match="with the same data folder"):
        runs.run_study(load(place, "sleepy"), other, **arguments)

    for way in ("SIGINT", "SIGTERM", "SIGKILL"):
        started[way].send_signal(signal.Signals[way])
    for way, process in started.items():
        output, errors = process.communicate(timeout=40)
        assert process.returncode == ways[way], (way, output, errors)
        assert "Traceback" not in errors
        assert_gone(places[way])
        assert not places[way].output("s_sleeps.ipynb").exists()
        if way == "time":
            assert "s_sleeps: failed after" in output and "(--max-minutes)" in output
    for way in ("SIGINT", "SIGTERM"):
        assert places[way].state("sleepy", "s_sleeps")["status"] == "interrupted"

    # what was complete is kept, and the lock of a dead process is free
    again = place.run("sleepy", "--only=s_quick")
    assert again.returncode == 0, again.stderr
    assert again.stdout.splitlines()[0] == "s_quick: unchanged, kept"
    lost = plan(places["SIGKILL"], name="sleeps")
    assert lost.states.is_dir() and not lost.is_current(lost.study.run("s_sleeps"))


def quick_job(folder: Path, seconds: float) -> notebook_job.Job:
    """A job whose process only sleeps: scheduling needs no notebook."""
    answer = json.dumps({"error": "", "peak_rss_mb": 1})
    process = subprocess.Popen(
        ["sh", "-c", f"sleep {seconds}; echo '{answer}'"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    return notebook_job.Job(process, time.monotonic(), 60, folder / "log.txt")


def test_all_cores_means_alone_and_slots_are_filled_in_reading_order(tmp_path: Path) -> None:
    names = ["one", "two", "alone", "three"]
    todo = [
        studies.Run(notebook=name, cores="all" if name == "alone" else 1, after=after)
        for name, after in zip(names, [[], [], ["one"], ["two"]], strict=True)
    ]
    seconds = {"one": 0.3, "two": 0.6, "alone": 0.2, "three": 0.2}
    progress = scheduling.Progress(list(todo))
    log: list[tuple[str, set[str]]] = []

    def start(run: studies.Run) -> notebook_job.Job:
        log.append((run.name, set(progress.running) - {run.name}))
        return quick_job(tmp_path / run.name, seconds[run.name])

    scheduling.drain(
        progress,
        2,
        scheduling.Stop(),
        start=start,
        finish=lambda run, outcome: not outcome.error,
        skip=lambda run, why: None,
    )
    assert log == [("one", set()), ("two", {"one"}), ("alone", set()), ("three", set())]
    assert sorted(progress.complete) == sorted(names)


def test_the_longest_chain_starts_first(tmp_path: Path) -> None:
    listed = [
        studies.Run(notebook="short"),
        studies.Run(notebook="long"),
        studies.Run(notebook="base"),
        studies.Run(notebook="top", after=["base"]),
    ]
    usual = {"short": 1.0, "long": 5.0, "base": 4.0}  # "top" has never run: the mean, 10 / 3
    urgency = scheduling.urgencies(listed, usual)
    assert urgency == {"short": 1, "long": 5, "top": 10 / 3, "base": 4 + 10 / 3}
    assert scheduling.urgencies(listed, {}) == {"short": 1, "long": 1, "base": 2, "top": 1}
    order = []

    def start(run: studies.Run) -> notebook_job.Job:
        order.append(run.name)
        return quick_job(tmp_path / run.name, 0.2)

    scheduling.drain(
        scheduling.Progress(listed),
        1,
        scheduling.Stop(),
        start=start,
        finish=lambda run, outcome: not outcome.error,
        skip=lambda run, why: None,
        urgency=urgency,
    )
    assert order == ["base", "long", "top", "short"]


def test_a_long_temporary_folder_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = make_place(tmp_path / "place")
    deep = tmp_path / ("a" * 50) / ("b" * 50)
    deep.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", str(deep))
    result = place.run("small", "--only", "a_first", "--jobs", "1")
    assert "a_first: done" in result.stdout, result.stdout + result.stderr


def test_where_every_temporary_folder_is_too_long_it_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notebook_process.tempfile, "gettempdir", lambda: "/tmp/" + 90 * "x")
    monkeypatch.setattr(notebook_process, "SHORT_FOLDERS", ("/absent",))
    with pytest.raises(
        BadInput, match=r"too long for a kernel's sockets: set TMPDIR to one of at most"
    ):
        notebook_process.short_folder()


def test_remaining_time_counts_slots() -> None:
    waiting = [studies.Run(notebook="a"), studies.Run(notebook="b", cores="all")]
    progress = scheduling.Progress([*waiting, studies.Run(notebook="unknown")])
    left = scheduling.remaining_seconds(progress, 2, {"a": 10.0, "b": 20.0}, 0.0)
    assert left == 10 / 2 + 20 + 15 / 2
    assert scheduling.remaining_seconds(progress, 2, {}, 0.0) is None


MAKES = """\
from pathlib import Path
import pandas as pd
from offkey.core import store
store.write_table(pd.DataFrame({"n": [n]}), Path(out_dir) / "tables" / f"made{n}", csv=True)
"""
MADE = """\
study: made
runs:
  - {notebook: m_makes, name: one, parameters: {n: 1}}
  - {notebook: m_makes, name: two, parameters: {n: 2}}
"""


def test_results_hold_what_the_runs_of_the_study_make_and_nothing_older(tmp_path: Path) -> None:
    place = make_place(tmp_path / "place")
    write_notebook(place.root / "notebooks", "m_makes", MAKES)
    study, tables = place.root / "made.yaml", place.root / "out" / "tables"
    study.write_text(MADE)
    assert place.run("made").returncode == 0
    (tables / "of_the_reader.csv").write_text("mine")
    made = {f"made{n}.{kind}" for n in (1, 2) for kind in ("csv", "parquet")}
    assert {path.name for path in tables.iterdir()} == made | {"of_the_reader.csv"}
    # a table that somebody lost is made again
    (tables / "made1.csv").unlink()
    again = place.run("made")
    assert "two: unchanged, kept" in again.stdout and "one: unchanged" not in again.stdout
    assert (tables / "made1.csv").is_file()
    # the second run becomes another one: its files go, what offkey did not make stays
    study.write_text(MADE.replace("name: two, parameters: {n: 2}", "name: six, parameters: {n: 6}"))
    assert place.run("made").returncode == 0
    left = {f"made{n}.{kind}" for n in (1, 6) for kind in ("csv", "parquet")}
    assert {path.name for path in tables.iterdir()} == left | {"of_the_reader.csv"}
    assert {path.stem for path in (place.root / "out" / "notebooks").iterdir()} == {"one", "six"}
    # elsewhere nothing is known of this machine: the results say how long it takes
    shutil.rmtree(place.root / "data")
    assert re.match(r"about .* s for 2 notebooks, as it took before\n", place.run("made").stdout)


def test_bar_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    place = make_place(tmp_path / "place")
    (place.root / "quick.yaml").write_text("study: quick\nruns: [{notebook: s_quick}]\n")
    plain = place.run("quick", "--force")
    assert plain.returncode == 0 and plain.stderr == ""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    process = subprocess.Popen(
        place.command("quick", "--force"), cwd=place.root, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # how Linux says that the other end was closed
        pass
    os.close(ours)
    assert process.wait() == 0
    text = shown.decode()
    assert re.search(r"0/1 notebooks \|.*\| 00:0\d, about \d+\.\d s left", text), text
    assert "[1/1] s_quick: done in" in text


@pytest.mark.parametrize("kind", ["file", "read-only"])
def test_results_folder_that_cannot_be_written(place: Place, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    if kind == "file":
        out.write_text("")
    else:
        out.mkdir(mode=0o555)
        if os.access(out, os.W_OK):
            pytest.skip("this user may write read-only folders")
    done = place.run("sleepy", f"--out={out}")
    assert done.returncode == 2
    assert re.fullmatch(r"offkey: error: cannot write .*--out\.\n", done.stderr)
