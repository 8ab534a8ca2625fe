"""Combs of teeth at multiples of latent rates, moved by every shift: what `comb` searches."""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.ndimage
import scipy.sparse

from offkey.features import LineSpectra
from offkey.features.mean_spectrum import residual

RATES_HZ = np.array(
    [
        *(12.5, 25.0, 50.0, 100.0, 200.0),
        *(44_100 / 2**power for power in (12, 11, 10, 9, 8)),
        *(15.625, 23.4375, 46.875, 62.5, 75.0, 93.75, 187.5),
    ]
)
"""Latent rates of codecs and of the stages of their decoders."""
STILL = 10
"""So many of them serve without a search. Of the others all but one are multiples of 7.8125 Hz, a
quarter of the rate of the vocoder's frames, whose own comb stands in every stretched clip."""
BANDS_HZ = ((500, 1500), (1500, 2750), (2750, 4250), (4250, 5900), (5900, 7900))
WIDEST_ST, STEP_ST = 2.4, 0.004
SHIFTS_ST = np.round(np.arange(-WIDEST_ST, WIDEST_ST + STEP_ST / 2, STEP_ST), 3)
ZERO = len(SHIFTS_ST) // 2
SMOOTH_HZ = 41.0
"""Width of the running mean that is taken off."""
HULL_BINS = 8
HIGHEST_DB = 5.0


def nearest(shifts_st: np.ndarray) -> np.ndarray:
    """Index of the nearest searched shift."""
    place = np.round((np.asarray(shifts_st) - SHIFTS_ST[0]) / STEP_ST).astype(int)
    return np.clip(place, 0, len(SHIFTS_ST) - 1)


def heights(spectra: np.ndarray) -> np.ndarray:
    """How far spectra (n, n_bins) stand above their lower hulls, float32 in dB."""
    return np.array([residual(one, HULL_BINS) for one in spectra], dtype=np.float32)


def whitened(above_db: np.ndarray, bins: int) -> np.ndarray:
    """Heights minus their running mean over so many bins, each row to deviation 1."""
    flat = above_db - scipy.ndimage.uniform_filter1d(above_db, bins, axis=1)
    return flat / (flat.std(axis=1, keepdims=True) + 1e-6)


def teeth(features: LineSpectra, size: int, above: np.ndarray) -> np.ndarray:
    """Strength of every comb in every band at every shift.

    Parameters
    ----------
    features : LineSpectra
    size : int
        Of the Fourier transform.
    above : ndarray of shape (n, n_bins)
        From :func:`whitened`.

    Returns
    -------
    ndarray of float16, shape (n, n_bands * n_rates, n_shifts)
        Sum over the teeth, by linear interpolation, over the root of their number.
    """
    found = _matrix(features, size) @ np.ascontiguousarray(above.T, dtype=np.float32)
    shape = len(above), len(BANDS_HZ) * len(RATES_HZ), len(SHIFTS_ST)
    return found.T.reshape(shape).astype(np.float16)


@cache
def _matrix(features: LineSpectra, size: int) -> scipy.sparse.csr_matrix:
    """Put together row by row: sorting nine million entries takes longer than judging a clip."""
    frequencies = features.frequencies_hz(size)
    spacing = features.sample_rate_hz / size
    moved = RATES_HZ[:, None] * 2 ** (SHIFTS_ST / 12)
    blocks = [_band(moved.ravel(), band, frequencies[0], spacing) for band in BANDS_HZ]
    counts, columns, values = (np.concatenate(part) for part in zip(*blocks, strict=True))
    ends = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    values[columns >= len(frequencies)] = 0
    np.minimum(columns, len(frequencies) - 1, out=columns)
    return scipy.sparse.csr_matrix((values, columns, ends), shape=(len(counts), len(frequencies)))


def _band(
    rates_hz: np.ndarray, band: tuple[int, int], first_hz: float, spacing: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of many combs in one band: how many each has, their columns and values in order."""
    low = np.ceil(band[0] / rates_hz).astype(np.int32)
    count = np.floor(band[1] / rates_hz).astype(np.int32) - low + 1
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count - low, count)
    place = (number * np.repeat(rates_hz, count) - first_hz) / spacing
    left = np.floor(place).astype(np.int32)
    height = np.repeat(1 / np.sqrt(count), count)
    share = (place - left) * height
    values = np.column_stack([height - share, share]).astype(np.float32)
    return 2 * count, np.column_stack([left, left + 1]).ravel(), values.ravel()


def at_no_shift(combs: np.ndarray) -> np.ndarray:
    """Strength of the first ``STILL`` rates where they stand, above 1.5 kHz, shape (n, STILL).

    Bands count by the root of the number of their teeth.
    """
    still = combs[:, :, ZERO].astype(np.float32).reshape(len(combs), len(BANDS_HZ), -1)
    low, high = (np.array(ends, dtype=float)[:, None] for ends in zip(*BANDS_HZ, strict=True))
    count = np.floor(high / RATES_HZ) - np.ceil(low / RATES_HZ) + 1
    weight = np.sqrt(np.maximum(count, 1)) * (low >= BANDS_HZ[1][0])
    weight /= np.sqrt((weight**2).sum(axis=0))
    return np.einsum("nbr,br->nr", still, weight)[:, :STILL]


def warped(weights: np.ndarray, features: LineSpectra, size: int) -> np.ndarray:
    """Weights of the bins of a spectrum at every shift, float32 of shape (n_shifts, n_bins)."""
    place = features.frequencies_hz(size) / features.sample_rate_hz * size
    source = place / 2 ** (SHIFTS_ST[:, None] / 12) - place[0]
    moved = np.array([np.interp(one, np.arange(len(weights)), weights, 0, 0) for one in source])
    return moved.astype(np.float32)
