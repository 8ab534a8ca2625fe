"""Waveform → numbers: the log-mel that networks hear, the named features that forests count.

Features of one kind say which part of a clip they hear (:mod:`~offkey.features.window`), name what
they are for a fingerprint, and turn samples into rows: ``features(samples)`` has shape
``(n_rows, n_values)`` and is kept as ``DTYPE``.
"""

from offkey.features.log_mel import LogMel
from offkey.features.named import NamedFeatures
from offkey.features.window import Window

__all__ = ["LogMel", "NamedFeatures", "Window"]
