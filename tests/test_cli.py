"""The command as a user types it, and the files around the package that start it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import tune
from typer.testing import CliRunner

from offkey import __version__, detectors
from offkey.__main__ import app
from offkey.core import manifest, store
from offkey.runner import pages
from offkey.sound import audio

ROOT = Path(__file__).parents[1]


def offkey(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "offkey", *words],
        text=True,
        capture_output=True,
        cwd=cwd,
        timeout=60,
    )


def test_help_needs_nothing_heavy() -> None:
    code = "import sys, offkey.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    heavy = {"numpy", "pandas", "torch", "papermill", "matplotlib", "distributed", "pydantic"}
    assert not heavy & set(done.stdout.split())
    shown = offkey("--help")
    assert shown.returncode == 0
    assert all(command in shown.stdout for command in ("run", "data", "detect"))


def test_after_warming_up_nothing_is_compiled() -> None:
    warmed = offkey("warm-up")
    assert warmed.returncode == 0 and "done in" in warmed.stdout, warmed.stderr
    code = """
import numpy as np
from offkey.perturbations import vocoder
vocoder.shift_and_stretch(vocoder.analyse(np.ones(9000, np.float32)), 2.0, 1.1)
kernels = (vocoder._polar, vocoder._advance, vocoder._overlap_add)
print([sum(kernel.stats.cache_misses.values()) for kernel in kernels])
print([sum(kernel.stats.cache_hits.values()) for kernel in kernels])
"""
    done = subprocess.run([sys.executable, "-c", code], text=True, capture_output=True, check=True)
    assert done.stdout == "[0, 0, 0]\n[1, 1, 1]\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "demmo"], "unknown study 'demmo'"),
        (["run", "study.yaml", "--set", "x"], "write key=value"),
        (["run", "study.yaml", "--set", "nn=1"], "unknown parameter 'nn': did you mean 'n'"),
        (["run", "study.yaml", "--set", "n=a"], "run 'one', parameter 'n': expected int, got str"),
        (["run", "study.yaml", "--only", "two"], "unknown run or notebook 'two'"),
        (["data", "make", "dmo"], "unknown data set 'dmo': did you mean 'demo'"),
        (["data", "verify", "demo"], "make it with 'offkey data make' first"),
        (["detect", "x.wav", "--model", "nowhere"], "no trained detector in nowhere"),
    ],
)
def test_mistakes_get_one_line_and_exit_code_2(
    tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "notebooks").mkdir()
    for place in (tmp_path, tmp_path / "studies"):
        (place / "study.yaml").write_text("study: tiny\nruns: [{notebook: one}]\n")
    cell = {
        "cell_type": "code",
        "source": "n: int = 1",
        "metadata": {"tags": ["parameters"]},
        "outputs": [],
        "execution_count": None,
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
    (tmp_path / "notebooks" / "one.ipynb").write_text(json.dumps(notebook))
    done = offkey(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("offkey: error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "data" / "explored").exists()


def test_data_verify_names_every_bad_file(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    folder = tmp_path / "datasets" / "demo-0123456789"
    folder.mkdir(parents=True)
    receipt = {"fingerprint": "0123456789abcdef", "name": "demo", "seed": 0, "options": {}}
    store.write_json(folder / "recipe.json", receipt)
    clips = tiny_clips.head(4).copy()
    for path in clips["path"]:
        (folder / Path(path).name).write_bytes(Path(path).read_bytes())
    manifest.write(clips.assign(path=[Path(path).name for path in clips["path"]]), folder)
    words = ["data", "verify", "demo", "--data", str(tmp_path)]
    assert CliRunner().invoke(app, words).exit_code == 0

    damaged, lost, *_ = (folder / Path(path).name for path in clips["path"])
    data = bytearray(damaged.read_bytes())
    data[len(data) // 2] ^= 1
    damaged.write_bytes(data)
    lost.unlink()
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert f"{damaged}: changed" in result.stderr
    assert f"{lost}: missing" in result.stderr
    assert "2 files" in result.stderr


def test_data_list_shows_licences() -> None:
    result = CliRunner().invoke(app, ["data", "list"])
    assert result.exit_code == 0, result.exception
    assert "licence" in result.stdout.splitlines()[0]
    assert any(line.startswith("demo ") for line in result.stdout.splitlines())


def test_detect_answers_for_good_files_and_names_bad_ones(tmp_path: Path) -> None:
    model = tmp_path / "model"
    detectors.create("resnet").save(model)
    good = audio.write(tmp_path / "good.wav", tune("good"))
    bad = tmp_path / "bad.mp3"
    bad.write_text("no sound")
    words = ["detect", str(good), str(bad), "--model", str(model)]

    table = CliRunner().invoke(app, words)
    assert table.exit_code == 2
    assert str(good) in table.stdout and "threshold" in table.stdout
    note, error = table.stderr.splitlines()
    assert "does not say what it was trained for" in note
    assert str(bad) in error

    assert "4.0 of 6.0 s" in table.stdout and "not calibrated" in table.stdout

    answers = json.loads(CliRunner().invoke(app, [*words, "--json"]).stdout)
    assert 0 <= answers[0]["score"] <= 1 and "verdict" in answers[0]
    assert answers[0]["probability"] is None and answers[0]["seconds_heard"] == 4.0
    assert str(bad) in answers[1]["error"]
    assert CliRunner().invoke(app, ["detect", str(good), "--model", str(model)]).exit_code == 0


def test_detect_takes_names_that_are_no_text_and_imports_nothing_it_does_not_need(
    tmp_path: Path,
) -> None:
    """Half of the time went into torchvision's sixty models, librosa and numba."""
    detectors.create("resnet").save(tmp_path / "model")
    named = audio.write(tmp_path / "plain.wav", tune("plain")).rename(
        os.fsdecode(os.fsencode(tmp_path) + b"/Bj\xf6rk.wav")
    )
    code = """
import sys
from offkey.__main__ import main
try:
    main()
except SystemExit as done:
    heavy = "torchvision librosa numba accelerate sklearn matplotlib dask distributed captum"
    print("HEAVY", *{name.partition('.')[0] for name in sys.modules} & set(heavy.split()))
    sys.exit(done.code)
"""
    for words in ([], ["--json"]):
        done = subprocess.run(
            [
                sys.executable,
                "-c",
                code,
                "detect",
                str(named),
                "--model",
                tmp_path / "model",
                *words,
            ],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "utf-8:strict"},
        )
        assert done.returncode == 0, done.stderr
        assert b"Bj\\xf6rk.wav" in done.stdout.replace(b"\\\\", b"\\")
        assert done.stdout.splitlines()[-1] == b"HEAVY"


def test_version_and_short_help() -> None:
    shown = CliRunner().invoke(app, ["--version"])
    assert (shown.exit_code, shown.stdout) == (0, f"offkey {__version__}\n")
    for words in ([], ["detect"], ["data", "make"]):
        short = CliRunner().invoke(app, [*words, "-h"])
        assert short.exit_code == 0
        assert short.stdout == CliRunner().invoke(app, [*words, "--help"]).stdout


def test_headline_is_printed_with_its_interval_and_n(tmp_path: Path) -> None:
    assert pages.headline_lines(tmp_path) == []
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "headline.csv").write_text(
        "label,value,low,high,n_clips,n_tracks\nclean,0.9512,0.9,0.98,120,60\nfloor,0.5,,,120,60\n"
    )
    assert pages.headline_lines(tmp_path) == [
        "clean: 0.951 [0.9, 0.98] (120 clips of 60 tracks)",
        "floor: 0.5 (120 clips of 60 tracks)",
    ]


def test_environment_file_lists_what_the_package_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["dependencies"][:2] == [f"python{project['requires-python']}", "pip"]
    assert environment["dependencies"][2] == {"pip": project["dependencies"]}


def test_make_lists_its_targets_and_ci_runs_the_tests() -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, text=True, capture_output=True, check=True, env=environment
    ).stdout
    for target in ("study", "test", "lab", "lint", "results", "shipped", "clean"):
        assert f"make {target} " in shown
    dry = subprocess.run(
        ["make", "-n", "test", "results", "OUT=o", "CLIPS=c"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=True,
        env=environment,
    ).stdout
    assert "-m pytest" in dry and f'OFFKEY_CLIPS="{ROOT / "c"}"' in dry
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
