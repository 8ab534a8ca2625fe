"""``offkey benchmark`` as a user types it: a detector that is not ours, through the whole bench."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from offkey.__main__ import app
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.runner import benchmarking, notebook_parameters, studies

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "your_detector"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the study's notebooks alone, without 01, and the example."""
    place = tmp_path / "checkout"
    plan = yaml.safe_load((ROOT / "studies" / "your-detector.yaml").read_text(encoding="utf-8"))
    plan["runs"] = plan["runs"][1:]
    plan["runs"][0]["after"] = []
    for folder in ("studies", "notebooks"):
        (place / folder).mkdir(parents=True)
    for run in plan["runs"]:
        shutil.copy(ROOT / "notebooks" / f"{run['notebook']}.ipynb", place / "notebooks")
    (place / "studies" / "your-detector.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    shutil.copytree(EXAMPLE, place / "examples" / "your_detector")
    return place


@pytest.fixture
def music(tiny_clips: pd.DataFrame, tmp_path: Path) -> Path:
    for clip in tiny_clips.itertuples():
        folder = tmp_path / "music" / ("ai" if clip.target else "human")
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(str(clip.path), folder)
    return tmp_path / "music"


def run(checkout: Path, music: Path) -> subprocess.CompletedProcess[str]:
    words = ["--data", str(music), "--edits", "noise30", "--edits", "gain+6"]
    description = "examples/your_detector/detector.yaml"
    environment = {k: v for k, v in os.environ.items() if k != "OFFKEY_DATA"}
    return subprocess.run(
        [sys.executable, "-m", "offkey", "benchmark", "--detector", description, *words],
        cwd=checkout,
        env={**environment, "OFFKEY_JOBS": "1"},
        text=True,
        capture_output=True,
        timeout=900,
    )


def test_the_example_goes_through_the_whole_bench(checkout: Path, music: Path) -> None:
    # at first it dies at its seventh clip; what it said before is kept
    script = checkout / "examples" / "your_detector" / "flatness.py"
    broken, asked = checkout / "broken", checkout / "asked"
    text = script.read_text(encoding="utf-8")
    loop = "        for path in lines.read().splitlines():\n"
    assert loop in text
    fault = (
        "            import os\n"
        f"            open({str(asked)!r}, 'a').write(path + '\\n')\n"
        f"            if path.endswith('000006.wav') and os.path.exists({str(broken)!r}):\n"
        "                sys.exit('no memory left')\n"
    )
    script.write_text(text.replace(loop, loop + fault), encoding="utf-8")
    broken.touch()
    first = run(checkout, music)
    assert first.returncode == 1, first.stdout + first.stderr
    assert "saying 'no memory left'. Its standard error is in" in first.stdout
    assert "The first clip without an answer is clip 'tune" in first.stdout
    assert "10_severity_and_controls: skipped, needs '21_your_detector'" in first.stdout
    once = len(asked.read_text().splitlines())
    broken.unlink()
    done = run(checkout, music)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "balanced accuracy, threshold from clean clips, tested on clean" in done.stdout
    out = checkout / "runs" / "flatness"
    predictions = store.read_table(out / "tables" / "predictions_flatness_own.parquet")
    assert set(predictions["variant"]) == {"clean", "noise30", "gain+6"}
    kept = list((checkout / "data" / "answers").glob("command-*/answers.jsonl"))
    total = len(kept[0].read_text().splitlines())
    assert once == 7 and len(asked.read_text().splitlines()) == total + 1
    for page in ("21_your_detector", "10_severity_and_controls", "11_threshold_or_separability"):
        html = (out / "notebooks" / f"{page}.html").read_text(encoding="utf-8")
        assert str(checkout) not in html
        # the baselines on the first page are trained, the detector is not
        assert page == "21_your_detector" or "trained on clean" not in html
    index = (out / "index.html").read_text(encoding="utf-8")
    assert "How far can 'flatness' be trusted after an edit?" in index
    assert store.read_table(out / "tables" / "losses.parquet")["drop"].notna().any()


def test_a_study_file_and_the_notebook_say_the_same() -> None:
    study = studies.load("your-detector")
    effective = studies.parameters(study, ROOT / "notebooks")[benchmarking.NOTEBOOK]
    declared = notebook_parameters.inspect(ROOT / "notebooks" / f"{benchmarking.NOTEBOOK}.ipynb")
    assert {name: declared[name].default for name in effective} == effective
    example = yaml.safe_load((EXAMPLE / "detector.yaml").read_text(encoding="utf-8"))
    assert effective["detector"]["command"] == example["command"]
    assert effective["detector_name"] == example["name"]


def test_what_the_command_line_says_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    good = "command: 'judge {list}'"
    (tmp_path / "mine.yaml").write_text(f"{good}\nname: mine\nfolder: deep\n")
    found = benchmarking.bench(str(tmp_path / "mine.yaml"), "public-clips", edits=["noise30"])
    assert (found.name, found.settings["dataset"]) == ("mine", "public_clips")
    assert found.settings["detector"]["folder"] == str(tmp_path / "deep")
    assert found.settings["test_variants"] == ["noise30"]
    assert benchmarking.bench(good, "demo", name="other", keep=True).detector.keep
    for description, music, edits, why in (
        ("none.yaml", "demo", [], "the file cannot be read"),
        ("a: [", "demo", [], "not valid YAML"),
        ("judge", "demo", [], "give a YAML file"),
        (f"{good}\nname: resnet", "demo", [], "is one of offkey's own"),
        (f"{good}\nbach: 3", "demo", [], "did you mean 'batch'"),
        (good, "dmo", [], "--data dmo: no such folder"),
        (good, "demo", ["nois30"], "did you mean 'noise30'"),
    ):
        with pytest.raises(BadInput, match=why):
            benchmarking.bench(description, music, edits=edits)


def test_calls_that_may_cost_money_are_counted_first(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    words = ["--detector", "http: https://127.0.0.1:9/x", "--data", str(music)]
    work = ["--work", str(tmp_path / "data"), "--out", str(tmp_path / "out"), "--edits", "noise30"]
    done = CliRunner().invoke(app, ["benchmark", *words, *work])
    assert done.exit_code == 2
    assert "calls of 'https://127.0.0.1:9/x', 0 are answered already" in done.output
    assert "calls may cost money: agree with --yes" in done.output
    assert not (tmp_path / "out").exists()


def test_clips_are_exported_and_scored(music: Path, tmp_path: Path) -> None:
    words = ["--data", str(music), "--out", str(tmp_path / "clips"), "--work", str(tmp_path / "d")]
    done = CliRunner().invoke(app, ["export", "clean", "noise30", *words])
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "clips" / "manifest.csv")
    assert len(table) == 40 and set(table["condition"]) == {"clean", "noise30"}
    assert all((tmp_path / "clips" / path).is_file() for path in table["path"])
    assert not table["path"].str.contains("tune|ai|human").any()
    first = tmp_path / "clips" / table["path"][0]
    before = first.stat().st_mtime_ns
    assert CliRunner().invoke(app, ["export", "clean", *words]).exit_code == 0
    assert first.stat().st_mtime_ns == before
    answered = tmp_path / "answers.csv"
    table.assign(probability=0.3 + 0.4 * table["label"]).to_csv(answered, index=False)
    scored = CliRunner().invoke(app, ["score", str(answered), "--resamples", "20"])
    assert scored.exit_code == 0 and "noise30" in scored.output, scored.output
