"""Drums, bass, voice and the rest by HTDemucs, with weights that are on disk already.

Only safetensors are read, and only a file that names the class HTDemucs: Demucs' own loader would
import whatever class the file asks for. One pass without random shifts, so that the same clip gives
the same stems.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from offkey.core.errors import BadInput
from offkey.detectors.separation import Separator
from offkey.sound import audio

_KLASS = "demucs.htdemucs.HTDemucs"


def open_(weights: str) -> Separator:
    """Load the model; see :func:`offkey.detectors.separation.separator`."""
    path = _checked(weights)
    try:
        from demucs.hf import load_safetensors_model
    except ImportError as error:
        raise BadInput(
            "separator 'demucs' is not installed: pip install \"offkey[demucs]\", or take "
            "separator 'hpss_nmf'."
        ) from error
    model = load_safetensors_model(str(path))
    model.eval()

    def separate(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        return _apply(model, samples, sample_rate_hz)

    return separate


def _checked(weights: str) -> Path:
    import safetensors

    path = Path(weights).expanduser()
    if path.suffix != ".safetensors" or not path.is_file():
        raise BadInput(
            f"separator 'demucs' needs the path of a .safetensors file, not '{weights}': download "
            "HTDemucs' from https://huggingface.co/adefossez and give its path as "
            "separator_weights."
        )
    try:
        with safetensors.safe_open(str(path), "pt") as file:
            about = file.metadata() or {}
    except safetensors.SafetensorError as error:
        raise BadInput(f"{path} is no safetensors file ({error}): download it again.") from error
    if about.get("klass") != _KLASS or "structure" in about:
        raise BadInput(
            f"{path} holds '{about.get('klass', 'no named model')}', not a plain {_KLASS}: "
            "nothing in it was loaded."
        )
    return path


def _apply(model: Any, samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    import soxr
    import torch
    from demucs.apply import apply_model

    rate = int(model.samplerate)
    wide = soxr.resample(samples, sample_rate_hz, rate)
    level = float(wide.std()) or 1.0
    mix = torch.from_numpy(np.stack([wide, wide]) / level)[None].float()
    with torch.inference_mode():
        stems = apply_model(model, mix, shifts=0)[0].mean(dim=1).numpy() * level
    back = [soxr.resample(stem, rate, sample_rate_hz) for stem in stems]
    return np.stack([audio.fix_length(stem, len(samples)) for stem in back]).astype(np.float32)
