"""Pre-trained weights: from torch's cache or the network, checked, never replaced in silence."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.error import URLError

import torch

from offkey.core import store
from offkey.core.errors import BadInput

ALLOW = "OFFKEY_ALLOW_DOWNLOAD"


def imagenet_state(weights: Any) -> dict[str, torch.Tensor]:
    """Torchvision weights of a backbone, without the classification layer.

    Taken from the torch hub cache; downloaded only where ``OFFKEY_ALLOW_DOWNLOAD=1`` asks for it.
    The hash in the file's name is compared with its content.

    Parameters
    ----------
    weights : torchvision.models.WeightsEnum

    Raises
    ------
    BadInput
        The file is missing, cannot be fetched, or is damaged; the message names address and place.
    """
    url = str(weights.url)
    name = url.rsplit("/", 1)[-1]
    path = Path(torch.hub.get_dir()) / "checkpoints" / name
    place = f"download {url} to {path}"
    if not path.is_file():
        if os.environ.get(ALLOW) != "1":
            raise BadInput(
                f"ImageNet weights are not at {path}: {place}, set {ALLOW}=1 to let this program "
                "fetch them, or train from scratch with weights: none."
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torch.hub.download_url_to_file(url, str(path), hash_prefix=_prefix(name))
        except (URLError, OSError, RuntimeError) as error:
            raise BadInput(f"ImageNet weights could not be fetched ({error}): {place}.") from error
    if not store.file_sha256(path).startswith(_prefix(name)):
        raise BadInput(f"{path} does not match the hash in its name: delete it, then {place}.")
    state: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return {key: value for key, value in state.items() if not key.startswith("fc.")}


def _prefix(name: str) -> str:
    return name.removesuffix(".pth").rsplit("-", 1)[-1]
