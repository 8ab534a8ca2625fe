"""Files are whole or absent; folders are held by one; disks fill up politely."""

import errno
import multiprocessing
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from offkey.core import store
from offkey.core.errors import BadInput, Busy, DiskFull


def test_fingerprint_follows_content_and_ignores_order_of_keys() -> None:
    assert store.fingerprint({"a": 1, "b": 2}) == store.fingerprint({"b": 2, "a": 1})
    assert store.fingerprint({"a": 1}) != store.fingerprint({"a": 2})
    assert len(store.fingerprint("x")) == 16


def test_interrupted_write_leaves_what_stood_there(tmp_path: Path) -> None:
    path = store.write_text(tmp_path / "deep" / "a.txt", "first")
    with pytest.raises(RuntimeError), store.writing(path) as partial:
        partial.write_text("half")
        raise RuntimeError
    assert path.read_text() == "first"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_writers_of_one_name_have_partial_files_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # another machine that shares the folder may give its process the same number
    with store.writing(tmp_path / "a.txt") as one, store.writing(tmp_path / "a.txt") as two:
        assert one != two and one.suffix == two.suffix == ".txt"
        one.write_text("one")
        two.write_text("two")
    assert (tmp_path / "a.txt").read_text() == "one"
    monkeypatch.setattr(socket, "gethostname", lambda: "far-away")
    with store.writing(tmp_path / "a.txt") as there:
        assert "far-away" in there.name
        there.touch()


def test_leftovers_of_dead_writers_go_after_a_day(tmp_path: Path) -> None:
    old, young = tmp_path / ".a.txt.9.partial.txt", tmp_path / ".a.txt.8.partial.txt"
    for path, age_s in ((old, 25 * 3600), (young, 3600)):
        path.write_text("half")
        os.utime(path, (time.time() - age_s,) * 2)
    store.write_text(tmp_path / "b.txt", "whole")
    assert not old.exists() and young.exists()


def test_a_process_that_waits_gets_the_folder_next(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib\nfrom offkey.core import store\n"
        "with store.waiting(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with store.locked(tmp_path), store.locked(tmp_path / "other"):
        process = subprocess.Popen(command, **pipes)
        assert process.stderr.readline() == f"waiting for another process, which makes {tmp_path}\n"
        assert process.poll() is None
    assert process.communicate(timeout=60)[0] == "held\n"


def test_table_has_a_csv_twin_and_reads_back(tmp_path: Path) -> None:
    table = pd.DataFrame({"name": ["a,b", 'c"d\n'], "value": [1.5, float("nan")]})
    store.write_table(table, tmp_path / "t", csv=True)
    pd.testing.assert_frame_equal(store.read_table(tmp_path / "t.parquet"), table)
    pd.testing.assert_frame_equal(store.read_table(tmp_path / "t.csv"), table)


def test_missing_or_broken_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nope\.parquet does not exist"):
        store.read_table(tmp_path / "nope.parquet")
    (tmp_path / "bad.parquet").write_text("not a table")
    with pytest.raises(BadInput, match=r"bad\.parquet cannot be read"):
        store.read_table(tmp_path / "bad.parquet")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(BadInput, match="not valid JSON"):
        store.read_json(tmp_path / "bad.json")


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot write"):
        store.write_text(tmp_path / "file" / "a.txt", "x")


def _write_too_much(path: Path, answer: multiprocessing.Queue) -> None:
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        store.write_text(path, "x" * 1_000_000)
    except DiskFull as error:
        answer.put(str(error))


def test_full_disk_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    answer = context.Queue()
    process = context.Process(target=_write_too_much, args=(tmp_path / "big", answer))
    process.start()
    message = answer.get(timeout=20)
    process.join()
    assert "no space left to write" in message
    assert not list(tmp_path.iterdir())


def test_a_folder_is_held_by_one_and_freed_by_death(tmp_path: Path) -> None:
    program = (
        "import sys, time, pathlib\nfrom offkey.core import store\n"
        "with store.locked(pathlib.Path(sys.argv[1])):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        busy = pytest.raises(Busy, match=f"in use by process {holder.pid} since")
        with busy, store.locked(tmp_path):
            pass
        holder.kill()
    with store.locked(tmp_path):
        assert store.read_json(tmp_path / ".lock.json")["pid"] == os.getpid()


NO_FLOCK = """
#include <errno.h>
#include <stdlib.h>
int flock(int file, int how) { errno = atoi(getenv("FLOCK_ERRNO")); return -1; }
"""
HOLDS = """
import pathlib, sys, time
from offkey.core import store
with store.locked(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
@pytest.mark.skipif(sys.platform != "linux", reason="needs LD_PRELOAD")
@pytest.mark.parametrize("name", ["ENOLCK", "ENOTSUP", "ENOSYS"])
def test_a_folder_is_held_by_one_where_the_file_system_cannot_lock(
    name: str, tmp_path: Path
) -> None:
    library = tmp_path / "noflock.so"
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-"]
    subprocess.run(command, input=NO_FLOCK, text=True, check=True)
    environment = {
        **os.environ,
        "LD_PRELOAD": str(library),
        "FLOCK_ERRNO": str(getattr(errno, name)),
    }
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / ".lock").touch()  # of a time when it could
    program = [sys.executable, "-W", "error", "-c", HOLDS, str(folder)]
    how = {"env": environment, "text": True, "stdout": subprocess.PIPE}
    with subprocess.Popen([*program, "60"], **how) as holder:
        assert holder.stdout.readline() == "held\n"
        second = subprocess.run([*program, "0"], **how, stderr=subprocess.PIPE, timeout=60)
        assert f"Busy: {folder} is in use by process {holder.pid} since" in second.stderr
        assert f"remove {folder}/.lock.held." in second.stderr
        holder.kill()
    after = subprocess.run([*program, "0"], **how, stderr=subprocess.PIPE, timeout=60)
    assert after.stdout == "held\n" and not after.returncode, after.stderr
