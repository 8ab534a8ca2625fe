"""A trained detector's files: their hash is checked, and nothing in them is ever run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from offkey.core import store
from offkey.core.errors import BadInput

if TYPE_CHECKING:  # arrays are read without it
    import torch

TRUSTED = (
    "sklearn.tree._tree.Tree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
)
"""Types beyond those skops trusts by itself: arrays of a tree, moments of an optimiser; no code."""


def dump_weights(weights: dict[str, torch.Tensor], path: Path) -> str:
    """Write a network's weights as safetensors; returns the SHA-256 of the file."""
    import safetensors.torch

    with store.writing(path) as partial:
        tensors = {name: tensor.contiguous() for name, tensor in weights.items()}
        safetensors.torch.save_file(tensors, str(partial))
    return store.file_sha256(path)


def load_weights(path: Path, sha256: str) -> dict[str, torch.Tensor]:
    """Read a network's weights.

    Raises
    ------
    BadInput
        The file is missing, was changed, or is no safetensors file.
    """
    import safetensors.torch

    return _load(safetensors.torch.load_file, path, sha256)


def dump_arrays(arrays: dict[str, np.ndarray], path: Path) -> str:
    """Write arrays by name as safetensors; returns the SHA-256 of the file."""
    import safetensors.numpy

    with store.writing(path) as partial:
        kept = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        safetensors.numpy.save_file(kept, str(partial))
    return store.file_sha256(path)


def load_arrays(path: Path, sha256: str) -> dict[str, np.ndarray]:
    """Read what :func:`dump_arrays` wrote; see :func:`load_weights`."""
    import safetensors.numpy

    return _load(safetensors.numpy.load_file, path, sha256)


def _load(read: Callable[[str], dict[str, Any]], path: Path, sha256: str) -> dict[str, Any]:
    from safetensors import SafetensorError

    _check(path, sha256)
    try:
        return read(str(path))
    except SafetensorError as error:
        raise BadInput(f"{path} is no safetensors file ({error}): {_AGAIN}") from error


def dump_model(model: Any, path: Path) -> str:
    """Write a model of scikit-learn with skops; returns the SHA-256 of the file."""
    import skops.io

    with store.writing(path) as partial:
        skops.io.dump(model, partial)
    return store.file_sha256(path)


def load_model(path: Path, sha256: str) -> Any:
    """Read a model of scikit-learn.

    Raises
    ------
    BadInput
        The file is missing, was changed, is no skops file, or holds types that are not trusted.
    """
    import zipfile

    import skops.io

    _check(path, sha256)
    if not zipfile.is_zipfile(path):
        raise BadInput(f"{path} is no skops file: {_AGAIN}")
    unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
    if unknown:
        raise BadInput(f"{path} holds types that are not trusted ({', '.join(unknown)}): {_AGAIN}")
    return skops.io.load(path, trusted=list(TRUSTED))


_AGAIN = "delete the folder and train again."


def _check(path: Path, sha256: str) -> None:
    if not path.is_file() or store.file_sha256(path) != sha256:
        raise BadInput(f"{path} is missing or does not match the hash in model.json: {_AGAIN}")
