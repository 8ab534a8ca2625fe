"""Models of scikit-learn on disk: skops files whose hash and types are checked before loading."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offkey import store
from offkey.errors import BadInput

TRUSTED = ("sklearn.tree._tree.Tree",)
"""Types beyond those skops trusts by itself: arrays of a decision tree, no code."""


def dump(model: Any, path: Path) -> str:
    """Write a model; returns the SHA-256 of its file."""
    import skops.io

    with store.writing(path) as partial:
        skops.io.dump(model, partial)
    return store.file_sha256(path)


def load(path: Path, sha256: str) -> Any:
    """Read a model of known types.

    Raises
    ------
    BadInput
        The file is missing, was changed, or holds types that are not trusted; nothing in it runs.
    """
    import skops.io

    if not path.is_file() or store.file_sha256(path) != sha256:
        raise BadInput(
            f"{path} is missing or does not match the hash in model.json: "
            "delete the folder and train again."
        )
    unknown = sorted(set(skops.io.get_untrusted_types(file=path)) - set(TRUSTED))
    if unknown:
        raise BadInput(f"{path} holds types that are not trusted ({', '.join(unknown)}).")
    return skops.io.load(path, trusted=list(TRUSTED))
