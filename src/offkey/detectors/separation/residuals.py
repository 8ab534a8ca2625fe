"""Numbers on a mix and its stems: what is left over, and how much one stem holds of another."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import scipy.signal

FEATURES = (
    "residual_db",
    "high_residual_db",
    "residual_flatness",
    "stem_overlap",
    "stem_correlation",
)
HIGH_HZ = 4_000
_QUIET = 1e-10


def residual_features(
    samples: np.ndarray, stems: np.ndarray, sample_rate_hz: int
) -> dict[str, float]:
    """Compare a mix with the sum of its stems, and the stems with each other.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
    stems : ndarray of float32, shape (n_stems, n)
    sample_rate_hz : int

    Returns
    -------
    dict of str to float
        By the names of ``FEATURES``. ``residual_db``: energy of mix minus sum of stems, relative
        to the mix; ``high_residual_db``: the same above 4 kHz; ``residual_flatness``: geometric
        over arithmetic mean of the residual's power spectrum, 1 for white noise;
        ``stem_overlap``: mean cosine between the stems' magnitude spectrograms;
        ``stem_correlation``: mean absolute correlation between their levels over time.
    """
    frequency, _, mix = _stft(samples, sample_rate_hz)
    _, _, rest = _stft(samples - stems.sum(axis=0), sample_rate_hz)
    parts = [np.abs(_stft(stem, sample_rate_hz)[2]) for stem in stems]
    power, left = np.abs(mix) ** 2, np.abs(rest) ** 2
    high = frequency >= HIGH_HZ
    mean_left = left.mean(axis=1) + _QUIET
    pairs = list(combinations(parts, 2))
    return {
        "residual_db": _ratio_db(left.sum(), power.sum()),
        "high_residual_db": _ratio_db(left[high].sum(), power[high].sum()),
        "residual_flatness": float(np.exp(np.mean(np.log(mean_left))) / mean_left.mean()),
        "stem_overlap": float(np.mean([_cosine(a, b) for a, b in pairs])),
        "stem_correlation": float(np.mean([_alike(a.sum(0), b.sum(0)) for a, b in pairs])),
    }


def _stft(samples: np.ndarray, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    found: tuple[np.ndarray, np.ndarray, np.ndarray] = scipy.signal.stft(
        samples, sample_rate_hz, nperseg=1024
    )
    return found


def _ratio_db(part: float, whole: float) -> float:
    return float(10 * np.log10((part + _QUIET) / (whole + _QUIET)))


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    size = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.sum(a * b) / size) if size > _QUIET else 0.0


def _alike(a: np.ndarray, b: np.ndarray) -> float:
    if min(a.std(), b.std()) < _QUIET:
        return 0.0
    return float(abs(np.corrcoef(a, b)[0, 1]))
