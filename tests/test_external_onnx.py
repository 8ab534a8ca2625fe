"""A detector as an ONNX model: its graph is written here, byte by byte, and needs no package."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from offkey import perturbations
from offkey.core.errors import BadInput
from offkey.detectors import external
from offkey.detectors.external import asking, by_onnx, questions
from offkey.sound import audio


def _field(number: int, value: bytes | int) -> bytes:
    """One field of a protocol buffer; all lengths here are below 128, or take two bytes."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    size = len(value)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([number << 3 | 2]) + length + value


def _value(name: str, axes: int) -> bytes:
    dims = b"".join(_field(1, _field(2, f"{name}{axis}".encode())) for axis in range(axes))
    tensor = _field(1, _field(1, 1) + _field(2, dims))  # float32
    return _field(1, name.encode()) + _field(2, tensor)


def model(axes: int) -> bytes:
    """Mean of the absolute values of an input with so many axes."""
    nodes = [("x", "a", "Abs"), ("a", "y", "ReduceMean")]
    graph = b"".join(
        _field(1, _field(1, source.encode()) + _field(2, to.encode()) + _field(4, kind.encode()))
        for source, to, kind in nodes
    )
    graph += _field(2, b"loudness") + _field(11, _value("x", axes)) + _field(12, _value("y", axes))
    return _field(1, 8) + _field(7, graph) + _field(8, _field(2, 13))


@pytest.fixture
def asked(tiny_clips: pd.DataFrame) -> list[questions.Question]:
    clean = perturbations.find(["clean"])
    return questions.questions(tiny_clips.iloc[:3], clean, seed=0, sound="wav")


def test_samples_and_log_mels(
    asked: list[questions.Question], tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    pytest.importorskip("onnxruntime")
    for axes in (2, 3):
        (tmp_path / f"loud{axes}.onnx").write_bytes(model(axes))
    about = {"folder": str(tmp_path), "sample_rate_hz": 8000, "seconds": 2.5}
    found = asking.ask(external.described({"onnx": "loud2.onnx", **about}), asked, tmp_path)
    for question in asked:
        samples = audio.load(question.path, 8000)[: 2 * 20_000]
        expected = np.mean(np.abs(samples))
        assert found.found[question.key] == pytest.approx(expected, abs=1e-4)
    whole = external.described({"onnx": "loud3.onnx", "folder": str(tmp_path)})
    loud = asking.ask(whole, asked, tmp_path)
    assert all(0 < value < 1 for value in loud.found.values())
    mels = {"input": "log_mel", "activation": "sigmoid", "folder": str(tmp_path)}
    heard = asking.ask(external.described({"onnx": "loud3.onnx", **mels}), asked, tmp_path)
    assert all(0.5 < value <= 1 for value in heard.found.values())


def test_what_is_missing_is_named(
    asked: list[questions.Question], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match=r"there is no model 'none\.onnx'"):
        external.described({"onnx": "none.onnx", "folder": str(tmp_path)})
    (tmp_path / "a.onnx").write_bytes(b"")
    mine = external.described({"onnx": "a.onnx", "folder": str(tmp_path)})
    monkeypatch.setattr(by_onnx.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"needs the package onnxruntime, .*: pip install"):
        asking.ask(mine, asked, tmp_path)
