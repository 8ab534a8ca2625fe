"""Seeding, errors, workspace, environment, cluster, listening: small rooms, kept promises."""

import os
from pathlib import Path

import numpy as np
import pytest
from conftest import tune

from offkey.core import cluster, environment, errors, seeding, workspace
from offkey.core.workspace import Workspace
from offkey.sound import listening


def test_random_numbers_follow_from_names() -> None:
    assert seeding.rng(0, "a", "b").random() == seeding.rng(0, "a", "b").random()
    draws = {seeding.rng(0, *n).random() for n in (("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"))}
    assert len(draws) == 4
    assert seeding.rng(1, "a").random() != seeding.rng(0, "a").random()
    assert 0 <= seeding.integer(0, "a") < 2**31


def test_unknown_names_get_the_nearest() -> None:
    error = errors.unknown("edit", "pich", ["pitch", "tempo"])
    assert str(error) == "unknown edit 'pich': did you mean 'pitch'? Valid: pitch, tempo."
    assert error.exit_code == 2
    assert "none is close" in str(errors.unknown("edit", "xyz", ["pitch"]))


def test_workspace_defaults(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("OFFKEY_DATA", str(tmp_path / "d"))
    place = Workspace.open()
    assert place.data == tmp_path / "d"
    assert place.out == tmp_path / "d" / "explored" / "demo"
    assert Workspace.open(tmp_path / "x", tmp_path / "y").tables == tmp_path / "y" / "tables"
    monkeypatch.delenv("OFFKEY_DATA")
    monkeypatch.chdir(Path(__file__).parents[1] / "notebooks")
    assert workspace.default_data() == Path(__file__).parents[1] / "data"
    monkeypatch.chdir(tmp_path)
    assert workspace.default_data() == tmp_path / "data"


def test_environment_names_what_decides_the_numbers() -> None:
    table = environment.table().set_index("what")["version"]
    assert {"offkey", "python", "torch", "librosa", "commit"} <= set(table.index)


def _double(number: int) -> tuple[int, int]:
    if number < 0:
        raise errors.BadInput(f"{number} is negative")
    return 2 * number, os.getpid()


def test_one_job_works_in_this_process_and_in_order(monkeypatch) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", "1")
    monkeypatch.delenv("OFFKEY_SCHEDULER", raising=False)
    results = cluster.run(_double, range(5), label="test")
    assert results == [(2 * i, os.getpid()) for i in range(5)]


def test_a_scheduler_by_its_address(monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    with cluster.start_local(2) as local:
        monkeypatch.setenv("OFFKEY_SCHEDULER", local.scheduler_address)
        cluster._client.cache_clear()
        results = cluster.run(_double, range(6), label="test")
        assert [value for value, _ in results] == [0, 2, 4, 6, 8, 10]
        assert os.getpid() not in {pid for _, pid in results}
        with pytest.raises(errors.BadInput, match="-1 is negative"):
            cluster.run(_double, [1, -1], label="test")
        cluster._client().close()
    cluster._client.cache_clear()


def test_players_hold_their_sound_or_say_why_not(monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(listening, "display", lambda item: shown.append(item.data))
    listening.play({"a <b>": tune("play", 1.0)}, shared=True)
    listening.play({"a": np.zeros(10)}, shared=False)
    assert 'src="data:audio/mpeg;base64,' in shown[0]
    assert "a &lt;b&gt;" in shown[0]
    assert "audio" not in shown[1]
    assert "may not be passed on" in shown[1]


def _threads(_: int) -> list[str | None]:
    return [os.environ.get(name) for name in (*cluster.THREADS, *cluster.MEMORY)]


def test_workers_take_one_thread_each_and_keep_what_they_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    with cluster.start_local(2) as local:
        monkeypatch.setenv("OFFKEY_SCHEDULER", local.scheduler_address)
        cluster._client.cache_clear()
        found = cluster.run(_threads, range(4), label="threads")
        cluster._client().close()
        cluster._client.cache_clear()
    assert found == [[*["1"] * len(cluster.THREADS), *cluster.MEMORY.values()]] * 4
    assert os.environ["OMP_NUM_THREADS"] == "2" and "MKL_NUM_THREADS" not in os.environ
