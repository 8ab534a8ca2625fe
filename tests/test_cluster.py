"""Parallel work: as many processes as allowed, stopped by hand, never left behind."""

import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from offkey.core import cluster, errors

TASKS = """
import os, signal, time
from pathlib import Path
from offkey.core import cluster

def pid_after(seconds):
    time.sleep(seconds)
    return os.getpid()
"""


@pytest.fixture(autouse=True)
def _nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    for name in ("OFFKEY_SCHEDULER", "SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"):
        monkeypatch.delenv(name, raising=False)
    yield
    cluster.close()


def _double(number: int) -> tuple[int, int]:
    if number < 0:
        raise errors.BadInput(f"{number} is negative")
    return 2 * number, os.getpid()


def _threads(_: int) -> list[str | None]:
    return [os.environ.get(name) for name in (*cluster.THREADS, *cluster.MEMORY)]


def _die_once(item: tuple[int, Path]) -> int:
    number, mark = item
    if number == 2 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


class _Counted:
    """Something a task needs; says how often it was taken apart to be sent."""

    sent = 0

    def __getstate__(self) -> dict[str, int]:
        _Counted.sent += 1
        return {"nothing": 0}


def _beside(number: int, _thing: _Counted) -> int:
    return number


def test_a_process_counts_the_cores_it_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OFFKEY_JOBS")
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert cluster.jobs() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    assert cluster.jobs() <= len(allowed)


@pytest.mark.parametrize("name", ["SLURM_CPUS_PER_TASK", "SLURM_CPUS_ON_NODE"])
def test_slurm_says_how_many_cores_a_job_has(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv("OFFKEY_JOBS")
    monkeypatch.setenv(name, "1")
    assert cluster.jobs() == 1
    monkeypatch.setenv(name, "4096")
    assert cluster.jobs() <= len(os.sched_getaffinity(0))
    monkeypatch.setenv("OFFKEY_JOBS", "5")
    assert cluster.jobs() == 5


@pytest.mark.parametrize("wish", ["0", "-1", "two", "1.5"])
def test_a_number_of_jobs_that_is_none_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, wish: str
) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", wish)
    with pytest.raises(errors.BadInput, match=f"OFFKEY_JOBS={wish} is not a number of processes"):
        cluster.run(_double, range(2), label="test")
    places = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "offkey", "run", "demo", *places]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr and "OFFKEY_JOBS" in done.stderr


def test_one_job_works_in_this_process_and_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", "1")
    results = cluster.run(_double, range(5), label="test")
    assert results == [(2 * i, os.getpid()) for i in range(5)]


def test_a_scheduler_by_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster.start_local(2) as local:
        monkeypatch.setenv("OFFKEY_SCHEDULER", local.scheduler_address)
        results = cluster.run(_double, range(60), label="test")
        assert [value for value, _ in results] == list(range(0, 120, 2))
        assert os.getpid() not in {pid for _, pid in results}
        with pytest.raises(errors.BadInput, match="-1 is negative"):
            cluster.run(_double, [1, -1], label="test")
        # the same function again, at once: what was sent for one call is no longer there
        for _ in range(20):
            assert len(cluster.run(_double, range(3), label="test")) == 3
        cluster.close()


def test_a_scheduler_that_does_not_answer_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster, "PATIENCE", "1s")
    monkeypatch.setenv("OFFKEY_SCHEDULER", "tcp://127.0.0.1:9")
    with pytest.raises(errors.BadInput, match="no Dask scheduler answers"):
        cluster.run(_double, range(2), label="test")


def test_workers_take_one_thread_each_and_keep_what_they_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", "2")
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    found = cluster.run(_threads, range(4), label="threads")
    assert found == [[*["1"] * len(cluster.THREADS), *cluster.MEMORY.values()]] * 4
    assert os.environ["OMP_NUM_THREADS"] == "2" and "MKL_NUM_THREADS" not in os.environ


def test_what_all_tasks_share_is_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", "2")
    _Counted.sent = 0
    work = partial(_beside, _thing=_Counted())
    assert cluster.run(work, range(30), label="test") == list(range(30))
    assert _Counted.sent == 1


def test_clusters_side_by_side_say_nothing_about_ports() -> None:
    with (
        warnings.catch_warnings(),
        cluster.start_local(1),
    ):
        warnings.simplefilter("error")
        with cluster.start_local(1):
            pass


def test_a_dead_worker_and_a_dead_client_are_replaced(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", "2")
    items = [(number, tmp_path / "mark") for number in range(4)]
    assert cluster.run(_die_once, items, label="test") == [0, 1, 2, 3]
    assert (tmp_path / "mark").exists()
    cluster._open[0].client.close()
    assert [value for value, _ in cluster.run(_double, range(3), label="test")] == [0, 2, 4]
    cluster._open[0].local.close()
    assert [value for value, _ in cluster.run(_double, range(3), label="test")] == [0, 2, 4]


def _alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        stat = Path(f"/proc/{pid}/stat")
        if stat.is_file() and stat.read_text().rsplit(")")[1].split()[0] != "Z":
            found.append(pid)
    return found


def _program(text: str, tmp_path: Path) -> "subprocess.Popen[str]":
    (tmp_path / "tasks.py").write_text(TASKS)
    program = tmp_path / "program.py"
    program.write_text("from tasks import *\nif __name__ == '__main__':\n" + text)
    return subprocess.Popen(
        [sys.executable, str(program)],
        env={**os.environ, "OFFKEY_JOBS": "2", "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_ctrl_c_stops_the_work_and_not_the_workers(tmp_path: Path) -> None:
    text = """
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs
    before = set(cluster.run(pid_after, [1.0] * 4, label="first"))
    try:
        print("ready", flush=True)
        cluster.run(pid_after, [1.0] * 400, label="long")
    except KeyboardInterrupt as stop:
        print(stop)
    after = set(cluster.run(pid_after, [1.0] * 4, label="again"))
    print(before == after and len(after) == 2, os.getpid() in after)
"""
    process = _program(text, tmp_path)
    assert process.stdout and process.stdout.readline() == "ready\n"
    time.sleep(1.5)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does, and JupyterLab's Stop
    out, err = process.communicate(timeout=90)
    assert out == f"{cluster.STOPPED}\nTrue False\n"
    assert "Traceback" not in err and "distributed" not in err, err
    assert process.returncode == 0


def test_no_worker_stays_behind_when_its_owner_is_killed(tmp_path: Path) -> None:
    text = """
    pids = set(cluster.run(pid_after, [1.0] * 4, label="first"))
    print(*pids, flush=True)
    cluster.run(pid_after, [1000.0] * 4, label="long")
"""
    process = _program(text, tmp_path)
    assert process.stdout
    pids = [int(pid) for pid in process.stdout.readline().split()]
    assert len(_alive(pids)) == 2
    process.kill()
    process.wait()
    deadline = time.monotonic() + 30
    while _alive(pids) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert _alive(pids) == []


def test_stop_in_a_notebook_leaves_a_kernel_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from jupyter_client.manager import start_new_kernel

    (tmp_path / "tasks.py").write_text(TASKS)
    monkeypatch.setenv("OFFKEY_JOBS", "2")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    try:
        first = "from tasks import *; cluster.run(pid_after, [0.2] * 4, label='short')"
        assert client.execute_interactive(first, timeout=90)["content"]["status"] == "ok"
        long = client.execute("cluster.run(pid_after, [0.5] * 400, label='long')")
        time.sleep(3)
        manager.interrupt_kernel()
        reply = client.get_shell_msg(timeout=30)
        while reply["parent_header"].get("msg_id") != long:
            reply = client.get_shell_msg(timeout=30)
        content = reply["content"]
        assert (content["ename"], content["evalue"]) == ("KeyboardInterrupt", cluster.STOPPED)
        again = "print(len(set(cluster.run(pid_after, [0.5] * 6, label='again'))))"
        shown: list[str] = []

        def note(message: dict) -> None:
            shown.append(message["content"].get("text", ""))

        reply = client.execute_interactive(again, timeout=60, output_hook=note)
        assert reply["content"]["status"] == "ok" and "2\n" in "".join(shown), shown
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_no_more_workers_than_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "cores", lambda: 1)
    with cluster.start_local(8) as local:
        assert len(local.workers) == 1
