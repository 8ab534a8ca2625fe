"""A small neural codec: convolutional autoencoders with strided transposed-convolution decoders.

Two layouts of strides, since the traces of a transposed convolution follow from its strides
(Afchar, Meseguer-Brocal, Akesbi and Hennequin, "A Fourier explanation of AI-music artifacts",
ISMIR 2025). The weights were trained by ``train_convcodec`` and come with the package.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.datasets.decoders import WEIGHTS
from offkey.sound import audio

DECODERS = {
    "convcodec_64": {"weights": "convcodec_64"},
    "convcodec_160": {"weights": "convcodec_160"},
}
LEVEL_DBFS = -20.0
PRE_EMPHASIS = 0.7
_SILENCE_DBFS = -100.0


def decode(samples: np.ndarray, rng: np.random.Generator, *, weights: str) -> np.ndarray:
    """Send a clip through a codec.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        Mono, at the decoders' rate.
    rng : numpy Generator
        Draws the quantisation noise of the latent.
    weights : str
        Stem of the files in ``weights/``.

    Returns
    -------
    ndarray of float32, shape (n,)

    Raises
    ------
    BadInput
        The weights are missing or damaged.
    """
    import torch
    from scipy.signal import lfilter

    net = load(weights)
    heard, gain = prepare(samples)
    frames = -(-len(samples) // net.hop)
    padded = torch.from_numpy(audio.fix_length(heard, frames * net.hop))
    noise = torch.from_numpy(quantisation_noise((1, net.latent, frames), rng))
    # With several threads the sums are split by thread, so the last bits would follow the machine.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            rebuilt = net(padded[None, None], noise)[0, 0, : len(samples)].numpy()
    finally:
        torch.set_num_threads(threads)
    return np.asarray(lfilter([1.0], [1.0, -PRE_EMPHASIS], rebuilt / gain), dtype=np.float32)


def prepare(samples: np.ndarray) -> tuple[np.ndarray, np.float32]:
    """What the network hears: treble raised, RMS at ``LEVEL_DBFS``; and the gain that took.

    Music falls off towards high frequencies; without pre-emphasis the network spends its latent on
    the low ones and leaves out the rest.
    """
    from scipy.signal import lfilter

    raised = lfilter([1.0, -PRE_EMPHASIS], [1.0], samples).astype(np.float32)
    gain = np.float32(10 ** ((LEVEL_DBFS - max(audio.rms_dbfs(raised), _SILENCE_DBFS)) / 20))
    return raised * gain, gain


def quantisation_noise(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Uniform in [-0.5, 0.5), float32: one quantisation step."""
    return rng.random(shape, dtype=np.float32) - np.float32(0.5)


@cache
def load(name: str, folder: Path = WEIGHTS) -> Any:
    """Read a trained network, once per process.

    Parameters
    ----------
    name : str
        Stem of ``<name>.safetensors`` and ``<name>.json``.
    folder : Path
        Where both lie.

    Returns
    -------
    ConvCodec
        Ready for use, on the CPU.

    Raises
    ------
    BadInput
        A file is missing, or its content is not what the card says.
    """
    from safetensors.torch import load as read_tensors

    from offkey.datasets.decoders.convcodec_net import ConvCodec

    card = store.read_json(folder / f"{name}.json")
    path = folder / f"{name}.safetensors"
    if not path.is_file():
        raise BadInput(f"weights {path} are missing: reinstall offkey, or train them again.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card["sha256"]:
        raise BadInput(
            f"weights {path} are not the ones their card names (sha256 differs): reinstall offkey."
        )
    net = ConvCodec(**card["network"])
    net.load_state_dict(read_tensors(content))
    return net.eval()
