"""Stems and what is left over: known mixes, known answers, nothing loaded that is not HTDemucs."""

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import RATE, tune

from offkey.core.errors import BadInput
from offkey.detectors import separation

TIME = np.arange(4 * RATE) / RATE
LOW = (0.3 * np.sin(2 * np.pi * 110 * TIME)).astype(np.float32)
HIGH = (0.3 * np.sin(2 * np.pi * 3000 * TIME) * (TIME % 1 < 0.5)).astype(np.float32)


def test_perfect_stems_leave_nothing() -> None:
    found = separation.residual_features(LOW + HIGH, np.stack([LOW, HIGH]), RATE)
    assert tuple(found) == separation.FEATURES
    assert found["residual_db"] < -90
    assert found["stem_overlap"] < 0.01


def test_a_missing_stem_is_the_residual() -> None:
    found = separation.residual_features(LOW + HIGH, np.stack([LOW, 0 * HIGH]), RATE)
    expected = 10 * np.log10(np.sum(HIGH**2) / np.sum((LOW + HIGH) ** 2))
    assert found["residual_db"] == pytest.approx(expected, abs=0.1)
    noise = np.random.default_rng(0).standard_normal(len(TIME)).astype(np.float32)
    flat = separation.residual_features(LOW + noise, np.stack([LOW, 0 * LOW]), RATE)
    assert flat["residual_flatness"] > 0.9 > 10 * found["residual_flatness"]


def test_a_stem_that_holds_the_other_overlaps() -> None:
    found = separation.residual_features(LOW + HIGH, np.stack([LOW + HIGH, LOW + HIGH]) / 2, RATE)
    assert found["stem_overlap"] == pytest.approx(1.0)
    assert found["stem_correlation"] == pytest.approx(1.0)


def test_silence_has_finite_measures() -> None:
    found = separation.residual_features(0 * LOW, np.zeros((3, len(LOW)), np.float32), RATE)
    assert all(np.isfinite(value) for value in found.values())


def test_drums_bass_and_the_rest_without_weights() -> None:
    separate = separation.separator("hpss_nmf")
    clicks = np.zeros_like(LOW)
    clicks[:: RATE // 2] = 0.9
    stems = separate(LOW + clicks, RATE)
    assert stems.shape == (3, len(LOW)) and stems.dtype == np.float32
    drums, bass, rest = (float(np.sum(stem**2)) for stem in stems)
    assert bass > 20 * rest
    peaks = np.abs(stems[0]).reshape(8, -1).max(axis=1)
    assert (peaks > 0.3).all() and drums > 0
    np.testing.assert_array_equal(stems, separate(LOW + clicks, RATE))


def test_unknown_separators_and_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="did you mean 'demucs'"):
        separation.separator("demuc")
    with pytest.raises(BadInput, match="takes no weights"):
        separation.separator("hpss_nmf", "some.safetensors")
    for weights in ("", "htdemucs.th", str(tmp_path / "none.safetensors")):
        with pytest.raises(BadInput, match=r"needs the path of a \.safetensors file"):
            separation.separator("demucs", weights)
    (tmp_path / "bad.safetensors").write_bytes(b"no tensors")
    with pytest.raises(BadInput, match="is no safetensors file"):
        separation.separator("demucs", str(tmp_path / "bad.safetensors"))


def test_a_file_that_names_another_class_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "evil.safetensors"
    about = {"klass": "os.system", "args": '["touch canary"]', "kwargs": "{}"}
    safetensors.torch.save_file({"a": torch.zeros(1)}, str(path), metadata=about)
    with pytest.raises(BadInput, match=r"holds 'os\.system'"):
        separation.separator("demucs", str(path))
    assert not Path("canary").exists()


def test_demucs_loads_the_file_that_was_checked_and_pads_with_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a library in the place of demucs that notes what it is given and gives short stems."""
    opened: list[str] = []

    class Model:
        samplerate = RATE

        def eval(self) -> None:
            pass

    def load_safetensors_model(path: str) -> Model:
        opened.append(path)
        return Model()

    def apply_model(model: Model, mix: torch.Tensor, shifts: int) -> torch.Tensor:
        return mix[:, None, :, :-100].expand(-1, 4, -1, -1)

    for name, function in (("hf", load_safetensors_model), ("apply", apply_model)):
        module = types.ModuleType(f"demucs.{name}")
        setattr(module, function.__name__, function)
        monkeypatch.setitem(sys.modules, f"demucs.{name}", module)
    monkeypatch.setitem(sys.modules, "demucs", types.ModuleType("demucs"))
    about = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": "{}"}
    file = tmp_path / "h.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(1)}, str(file), metadata=about)
    monkeypatch.setenv("HOME", str(tmp_path))
    separate = separation.separator("demucs", "~/h.safetensors")
    assert opened == [str(file)]
    stems = separate(HIGH, RATE)
    assert stems.shape == (4, len(HIGH))
    np.testing.assert_array_equal(stems[:, -100:], 0)
    np.testing.assert_allclose(stems[0, :-100], HIGH[:-100], atol=1e-5)


def test_demucs_with_small_random_weights(tmp_path: Path) -> None:
    pytest.importorskip("demucs", reason='the extra "demucs" is not installed')
    import json

    from demucs.htdemucs import HTDemucs

    sources = ["drums", "bass", "other", "vocals"]
    small = {"sources": sources, "channels": 8, "t_layers": 1, "t_heads": 2, "segment": 2}
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    about = {"klass": "demucs.htdemucs.HTDemucs", "args": "[]", "kwargs": json.dumps(small)}
    state = {name: value.contiguous() for name, value in HTDemucs(**small).state_dict().items()}
    safetensors.torch.save_file(state, str(path), metadata=about)
    separate = separation.separator("demucs", str(path))
    sound = tune("stems", 3.0)
    stems = separate(sound, RATE)
    assert stems.shape == (4, len(sound)) and np.isfinite(stems).all()
    np.testing.assert_array_equal(stems, separate(sound, RATE))
