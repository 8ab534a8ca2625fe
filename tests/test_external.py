"""Detectors that are asked from outside: small scripts without torch, good ones and bad ones."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from offkey import evaluation, perturbations
from offkey.core.errors import BadInput
from offkey.detectors import external
from offkey.detectors.external import asking, questions, reading

CONDITIONS = perturbations.find(["clean", "noise30"])

# a script gets a list of files and where to write; BODY is run for each path
SCRIPT = """
import os, sys, time
import soundfile, numpy as np
listing, scores = sys.argv[1:]
paths = open(listing).read().splitlines()
with open(os.environ.get("CALLS", os.devnull), "a") as calls:
    calls.writelines(path + "\\n" for path in paths)

def highs(path):
    samples, rate = soundfile.read(path)
    return float(min(1, 40 * np.sqrt(np.mean(np.diff(samples, 4) ** 2))))

with open(scores, "w") as out:
    out.write("path,probability\\n")
    for number, path in enumerate(paths, 1):
        {body}
        out.flush()
"""
GOOD = 'out.write(f"{path},{highs(path):.6f}\\n")'


def detector(folder: Path, body: str = GOOD, **settings: Any) -> external.External:
    (folder / "infer.py").write_text(SCRIPT.replace("{body}", body))
    command = f"{sys.executable} infer.py {{list}} {{scores}}"
    return external.described({"command": command, "folder": str(folder), **settings})


def ask(asked: external.External, clips: pd.DataFrame, folder: Path, **how: Any) -> external.Judged:
    return external.judge("mine", asked, clips, CONDITIONS, folder / "answers", seed=0, **how)


def test_a_command_becomes_predictions_at_both_thresholds(
    tiny_clips: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    mine = detector(tmp_path, threshold=0.9, batch=5)
    judged = ask(mine, tiny_clips, tmp_path)
    table = evaluation.predictions.validate(judged.predictions)
    assert len(table) == 2 * 2 * (tiny_clips["split"] == "test").sum()
    thresholds = table.groupby("regime")["threshold"].unique()
    assert thresholds[external.OWN_THRESHOLD].tolist() == [0.9]
    assert thresholds[external.CLEAN_THRESHOLD][0] < 0.9
    clean = table[(table["variant"] == "clean") & (table["regime"] == external.CLEAN_THRESHOLD)]
    assert clean.groupby("target")["score"].mean().diff().iloc[-1] > 0
    assert evaluation.score(table, n_resamples=20)["value"].notna().any()
    assert set(judged.validation["split"]) == {"val"}
    assert judged.cost["ms_per_clip"].item() > 0
    calls = (tmp_path / "calls").read_text().splitlines()
    assert len(calls) == len(table) / 2 + len(judged.validation)
    # what it sees are files with names that say nothing, and they are gone
    assert not any("tune" in call or "noisy" in call for call in calls)
    home = asking.home(mine, tmp_path / "answers")
    names = {path.name for path in home.iterdir()}
    assert names <= {"answers.jsonl", "detector.json", "stderr.txt", ".lock"}
    again = ask(mine, tiny_clips, tmp_path)
    pd.testing.assert_frame_equal(again.predictions, judged.predictions)
    assert len((tmp_path / "calls").read_text().splitlines()) == len(calls)
    assert external.calls(mine, tiny_clips, CONDITIONS, tmp_path / "answers", seed=0)[1] == 0
    # another script, or another word for its version, is another detector
    assert asking.home(detector(tmp_path, version="2"), tmp_path) != asking.home(mine, tmp_path)
    changed = detector(tmp_path, body=GOOD + "; 1")
    assert external.calls(changed, tiny_clips, CONDITIONS, tmp_path / "answers", seed=0)[1] > 0


BAD = {
    "percent": (
        'out.write(f"{path},{100 * highs(path)}\\n")',
        r"line 2 of its answers, on clip 'tune\d+\w*' under 'clean', is [\d.]+, not between 0 and "
        r"1: .* 'scale: percent' \(\d such answers\)",
        0,
    ),
    "nan": (
        "out.write(f\"{path},{highs(path) if number != 3 else float('nan')}\\n\")",
        r"line 4 of its answers, on clip '\w+' under 'clean', is nan, which is no finite number",
        7,
    ),
    "word": (
        "out.write(f\"{path},{highs(path) if number != 3 else 'AI!'}\\n\")",
        "line 4 of its answers, .* is 'AI!', which is no number",
        7,
    ),
    "other": (
        'out.write(f"{path},{highs(path)}\\n/music/other.wav,0.5\\n")',
        r"line 3 of its answers names '/music/other.wav', which was not asked \(8 such answers\)",
        8,
    ),
    "missing": (
        'out.write(f"{path},{highs(path)}\\n" if number % 4 else "")',
        r"gave no answer for 2 of 8 clips. The first clip without an answer is clip '\w+' under",
        6,
    ),
    "twice": (
        'out.write(f"{path},{highs(path)}\\n{path},0.123\\n")',
        "line 3 of its answers, on clip .* is another one than before",
        8,
    ),
    "dies": (
        'out.write(f"{path},{highs(path)}\\n"); out.flush(); number < 6 or sys.exit("no memory")',
        r"exit code 1, saying 'no memory'\. Its standard error is in .*stderr\.txt\. The first "
        "clip without an answer is clip ",
        6,
    ),
    "half a line": (
        'out.write(f"{path},0.9"[:None if number < 6 else -1] + "\\n" * (number < 6)); '
        "out.flush(); number < 6 or os._exit(3)",
        r"ended with exit code 3\. Its standard error .* The first clip",
        5,
    ),
    "prose": (
        'number > 1 or out.seek(out.truncate(0) or 0); out.write("I think it is human.\\n")',
        "line 1 of its answers is neither JSON nor a CSV header with path and probability: "
        "'I think it is human.'",
        0,
    ),
    "cells": (
        "out.write(f\"{path},{highs(path)}{',1' * (number == 2)}\\n\")",
        "line 3 of its answers has 3 cells, the header 2",
        7,
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_used_is_one_sentence_and_the_rest_is_kept(
    kind: str, tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    body, sentence, kept = BAD[kind]
    clips = tiny_clips[tiny_clips["split"] != "train"]
    some = clips.iloc[:8]
    asked = questions.questions(some, perturbations.find(["clean"]), seed=0, sound="wav")
    bad = detector(tmp_path, body=body)
    with pytest.raises(BadInput, match=sentence) as error:
        asking.ask(bad, asked, tmp_path / "answers")
    assert "\n" not in str(error.value)
    assert f"{kept} of 8 answers of this call are kept" in str(error.value)
    assert len(asking.Answers(asking.home(bad, tmp_path / "answers")).found) == kept
    assert not list((tmp_path / "answers").rglob("*.wav"))


def test_a_detector_that_hangs_is_ended_with_what_it_started(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    child = tmp_path / "child"
    body = (
        f'out.write(f"{{path}},0.{{number}}\\n"); out.flush(); '
        f"number < 3 or (open({str(child)!r}, 'w').write(str(__import__('subprocess').Popen("
        "['sleep', '600']).pid)), time.sleep(600))"
    )
    asked = questions.questions(
        tiny_clips.iloc[:4], perturbations.find(["clean"]), seed=0, sound="wav"
    )
    slow = detector(tmp_path, body=body, timeout_s=15.0)
    with pytest.raises(BadInput, match=r"longer than 15 s and was stopped.* 3 of 4 answers"):
        asking.ask(slow, asked, tmp_path / "answers")
    _gone(int(child.read_text()))


def _gone(pid: int) -> None:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if "(sleep) Z" in Path(f"/proc/{pid}/stat").read_text():
            return
        time.sleep(0.05)
    pytest.fail(f"process {pid} lives on")


def test_a_constant_answer_is_refused(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"answered 0\.5 to all 12 questions"):
        ask(detector(tmp_path, body='out.write(f"{path},0.5\\n")'), tiny_clips, tmp_path)


def test_python_functions(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.py").write_text(
        "import numpy as np\n"
        "def one(samples, rate):\n"
        "    print('a line that is no answer')\n"
        "    assert samples.dtype == np.float32 and rate == 16_000\n"
        "    return np.float32(np.abs(np.diff(samples)).mean())\n"
        "def many(samples, rates):\n"
        "    assert len(rates) == len(samples) > 1\n"
        "    pairs = zip(samples, rates)\n"
        "    return [{'suno': one(*pair), 'udio': 0.01, 'people': 0} for pair in pairs]\n"
        "def broken(samples, rate):\n"
        "    raise ValueError('weights are missing')\n"
    )
    asked = questions.questions(
        tiny_clips.iloc[:4], perturbations.find(["clean"]), seed=0, sound="flac"
    )
    about = {"folder": str(tmp_path), "sound": "flac", "keep": True}
    one = external.described({"python": "mine.model:one", **about})
    found = asking.ask(one, asked, tmp_path / "answers")
    assert len(list(found.folder.glob("kept/clean/*.flac"))) == 4
    many = external.described(
        {"python": "mine.model:many", "batched": True, "ai": ["suno", "udio"], **about}
    )
    summed = asking.ask(many, asked, tmp_path / "answers")
    for key, value in found.found.items():
        assert summed.found[key] == pytest.approx(value + 0.01, abs=1e-6)
    broken = external.described({"python": "mine.model:broken", **about})
    with pytest.raises(BadInput, match="exit code 1, saying 'ValueError: weights are missing'"):
        asking.ask(broken, asked, tmp_path / "answers")


@pytest.mark.parametrize(
    ("about", "sentence"),
    [
        ({}, "say in one way how it is asked, command"),
        ({"comand": "x {list}"}, "found: comand"),
        ({"command": "x {list}", "python": "a:b"}, "found: command and python"),
        ({"command": "x {list}", "timeout": 3}, "did you mean 'timeout_s'"),
        ({"command": "x {list}", "batch": "many"}, "setting 'batch': .* not 'many'"),
        ({"command": "x {list}", "batch": 0}, "batch must be at least 1"),
        ({"command": "x {list}", "threshold": 50.0}, "threshold 50 is not between 0 and 1"),
        ({"command": "x {list}", "files": ["none.pt"]}, "there is no file 'none.pt'"),
        ({"command": "x {list}", "ai": ["a"], "human": ["b"]}, "or those that mean human"),
        ({"command": "x"}, "has no {list}"),
        ({"command": "x '{list}"}, "No closing quotation"),
        ({"python": "infer.py"}, "write package.module:function"),
    ],
)
def test_descriptions_are_checked(about: dict[str, Any], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        external.described(about)


def test_names_of_ours_are_taken() -> None:
    external.check_name("SpecTTTra-5s", ["resnet"])
    for name, why in (("resnet", "own"), ("a b", "only letters"), ("", "only letters")):
        with pytest.raises(BadInput, match=why):
            external.check_name(name, ["resnet"])


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("file,p\n/a/x.wav,0.25\nC:\\b\\y.wav,1\n", [0.25, 1.0]),
        ('{"path": "x.wav", "score": 0.25}\n\n{"path": "y.wav", "score": "1"}\n', [0.25, 1.0]),
        ('[{"clip": "x.wav", "score": 0.25}, {"clip": "y.wav", "score": 1}]', [0.25, 1.0]),
    ],
)
def test_answers_are_read_in_every_form(text: str, values: list[float]) -> None:
    said = list(reading.answers(text))
    assert [reading.file_name(one.name) for one in said] == ["x.wav", "y.wav"]
    assert [reading.probability(one.value) for one in said] == values
    assert not any(one.problem for one in said)


def test_classes_and_scales() -> None:
    (said,) = reading.answers("path,suno,udio,human\nx.wav,.5,.3,.2\n", classes=["suno", "udio"])
    assert reading.probability(said.value, ai=["suno", "udio"]) == pytest.approx(0.8)
    (said,) = reading.answers('{"path": "x", "out": {"y": {"human": 0.2}}}', answer="out.y")
    assert reading.probability(said.value, human=["human"]) == pytest.approx(0.8)
    assert reading.probability(80, scale="percent") == pytest.approx(0.8)
    assert reading.probability(0, scale="logit") == 0.5
    assert reading.probability(-1000, scale="logit") == 0.0
    with pytest.raises(ValueError, match="has suno, human, and no setting says which mean AI"):
        reading.probability({"suno": 0.5, "human": 0.5})
    with pytest.raises(ValueError, match="has suno, not 'udio'"):
        reading.probability({"suno": 0.5}, ai=["udio"])
    (said,) = reading.answers("{'path': 'x'}")
    assert "line 1 of its answers is no JSON" in said.problem


def test_a_line_that_was_not_finished_is_asked_again(tmp_path: Path) -> None:
    answers = asking.Answers(tmp_path)
    with answers.adding() as add:
        add("a", 0.1, 1.0)
        add("b", 0.2, 1.0)
    file = tmp_path / "answers.jsonl"
    shutil.copy(file, tmp_path / "whole")
    file.write_text(file.read_text()[:-20])
    again = asking.Answers(tmp_path)
    assert again.found == {"a": 0.1}
    with again.adding() as add:
        add("b", 0.2, 1.0)
    assert file.read_text() == (tmp_path / "whole").read_text()
    file.write_text("nonsense\n" + file.read_text())
    with pytest.raises(BadInput, match="line 1 is no answer"):
        asking.Answers(tmp_path)
