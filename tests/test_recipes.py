"""The recipes of docs/detectors do what they say, with stand-ins for what they import."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from offkey import perturbations
from offkey.detectors import external
from offkey.detectors.external import asking, questions

DOCS = Path(__file__).parents[1] / "docs" / "detectors"

SONICS = """
import torch
class HFAudioClassifier(torch.nn.Module):
    @classmethod
    def from_pretrained(cls, name):
        assert name == "awsaf49/sonics-spectttra-alpha-5s"
        return cls()
    def forward(self, samples):
        assert samples.shape[1] == 80_000
        return samples.abs().mean(dim=1, keepdim=True)
"""
MY_DETECTOR = """
import soundfile
def load_model(path):
    return open(path).read()
def p_ai(model, path):
    assert model == "weights"
    return abs(soundfile.read(path)[0]).mean()
"""
THEIR_CODE = """
import numpy as np
def fakeprint(samples, rate):
    return np.abs(np.fft.rfft(samples, 8192))[:3585] / 1000
"""


def code(name: str, language: str) -> str:
    text = (DOCS / name).read_text(encoding="utf-8")
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)[0]


def asked(clips: pd.DataFrame) -> list[questions.Question]:
    return questions.questions(clips.iloc[:3], perturbations.find(["clean"]), seed=0, sound="wav")


def described(name: str, folder: Path, **instead: Any) -> external.External:
    """The recipe's own YAML, but for paths of an environment that is not here."""
    about = {**yaml.safe_load(code(name, "yaml")), **instead, "folder": str(folder)}
    external.check_name(about.pop("name"), ["resnet"])
    return external.described({key: value for key, value in about.items() if value is not None})


def test_sonics(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "sonics.py").write_text(SONICS)
    (tmp_path / "spectttra.py").write_text(code("sonics.md", "python"))
    found = asking.ask(
        described("sonics.md", tmp_path, interpreter=None), asked(tiny_clips), tmp_path / "answers"
    )
    assert len(found.found) == 3 and all(0.5 < value < 0.6 for value in found.found.values())


def test_deezer(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "my_detector.py").write_text(MY_DETECTOR)
    (tmp_path / "weights.h5").write_text("weights")
    (tmp_path / "judge.py").write_text(code("deezer.md", "python"))
    command = "{python} judge.py {list} {scores}"
    mine = described("deezer.md", tmp_path, command=command)
    assert set(mine.identity()["files"]) == {"weights.h5", "judge.py"}
    assert len(asking.ask(mine, asked(tiny_clips), tmp_path / "answers").found) == 3


def test_lofcz(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    from test_external_onnx import model

    (tmp_path / "ai_music_detector.onnx").write_bytes(model(2))
    (tmp_path / "their_code.py").write_text(THEIR_CODE)
    (tmp_path / "fakeprints.py").write_text(code("lofcz.md", "python"))
    found = asking.ask(described("lofcz.md", tmp_path), asked(tiny_clips), tmp_path / "answers")
    assert len(found.found) == 3


def test_http_and_links(tmp_path: Path) -> None:
    assert described("http.md", tmp_path).words == "'https://api.example.com/v1/detect'"
    for page in DOCS.glob("*.md"):
        for name in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text(encoding="utf-8")):
            assert (DOCS / name).exists(), f"{page.name} names {name}"
