"""Waveform → numbers: log-mels for networks, named features for forests, mean spectra for peaks.

Features of one kind say which part of a clip they hear (:mod:`~offkey.features.window`), name what
they are for a fingerprint, and turn samples into rows: ``features(samples)`` has shape
``(n_rows, n_values)`` and is kept as ``DTYPE``.
"""

from offkey.features.line_spectra import LineSpectra
from offkey.features.log_mel import LogMel
from offkey.features.mean_spectrum import MeanSpectrum
from offkey.features.named import NamedFeatures
from offkey.features.window import Window

__all__ = ["LineSpectra", "LogMel", "MeanSpectrum", "NamedFeatures", "Window"]
