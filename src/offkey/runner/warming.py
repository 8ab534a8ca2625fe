"""What is compiled on first use, compiled at once: librosa's functions, the vocoder, the log-mel.

numba keeps the result on disk, so this is worth doing once, after the installation; else the first
notebooks wait for it, all of them at a time.
"""

from __future__ import annotations

import time

import numpy as np

from offkey import perturbations
from offkey.core import compiled
from offkey.datasets import decoders
from offkey.features import LogMel, NamedFeatures
from offkey.perturbations import Source
from offkey.sound import audio

_SECONDS = 5


def warm_up() -> float:
    """Compile, by doing a little of everything; a second time it is quick.

    Returns
    -------
    float
        Seconds it took.
    """
    begin = time.monotonic()
    compiled.librosa()
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, _SECONDS * audio.SAMPLE_RATE_HZ).astype(np.float32)
    decoders.twin(noise, "griffin_mel_80", seed=0, key="warm-up")
    (edit,) = perturbations.find(["pitch+2"])
    perturbations.apply(edit, Source(noise), perturbations.draw(edit, 0, "warm-up"))
    LogMel()(noise)
    NamedFeatures()(noise)
    return time.monotonic() - begin
