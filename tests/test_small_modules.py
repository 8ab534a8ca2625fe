"""Seeding, errors, workspace, environment, listening: small rooms, kept promises."""

from pathlib import Path

import numpy as np
from conftest import tune

from offkey.core import environment, errors, seeding, workspace
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


def test_players_hold_their_sound_or_say_why_not(monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(listening, "display", lambda item: shown.append(item.data))
    listening.play({"a <b>": tune("play", 1.0)}, shared=True)
    listening.play({"a": np.zeros(10)}, shared=False)
    assert 'src="data:audio/mpeg;base64,' in shown[0]
    assert "a &lt;b&gt;" in shown[0]
    assert "audio" not in shown[1]
    assert "may not be passed on" in shown[1]
