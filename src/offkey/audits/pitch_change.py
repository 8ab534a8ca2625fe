"""What an edit did, measured on the sound itself."""

from __future__ import annotations

import numpy as np
import scipy.fft
import scipy.signal

from offkey.sound import audio

_CENTS = 2.0
_N_FFT = 16_384


def tone_hz(samples: np.ndarray, sample_rate_hz: int = audio.SAMPLE_RATE_HZ) -> float:
    """Frequency of the strongest partial, from the peak of a Hann-windowed spectrum.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        A steady tone; its middle half is used.
    sample_rate_hz : int
    """
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    size = 4 * len(middle)
    spectrum = np.abs(scipy.fft.rfft(middle * scipy.signal.get_window("hann", len(middle)), size))
    return (_peak(np.log(spectrum + 1e-20))) * sample_rate_hz / size


def change_cents(
    before: np.ndarray,
    after: np.ndarray,
    sample_rate_hz: int = audio.SAMPLE_RATE_HZ,
    reach_cents: float = 700.0,
) -> float:
    """How far the pitch moved: the shift that best matches two long-term spectra.

    Parameters
    ----------
    before, after : ndarray, shape (n,), (m,)
        The same music, not necessarily of the same length.
    sample_rate_hz : int
    reach_cents : float
        Largest shift looked for, either way.

    Returns
    -------
    float
        Cents; positive is up.

    Notes
    -----
    Mean spectra on a logarithmic frequency axis (2 cents a step, 80 Hz–3.5 kHz) are correlated;
    the maximum is refined by a parabola.
    """
    reach = int(reach_cents / _CENTS)
    one = _log_spectrum(before, sample_rate_hz)
    two = _log_spectrum(after, sample_rate_hz)
    correlation = scipy.signal.correlate(two, one, mode="full")
    zero = len(one) - 1
    near = correlation[zero - reach : zero + reach + 1]
    return (_peak(near) - reach) * _CENTS


def _log_spectrum(samples: np.ndarray, sample_rate_hz: int) -> np.ndarray:
    frequency, power = scipy.signal.welch(
        samples, sample_rate_hz, "hann", min(_N_FFT, len(samples)), nfft=4 * _N_FFT
    )
    steps = np.arange(1200 * np.log2(80), 1200 * np.log2(3500), _CENTS)
    level = np.log(np.interp(2 ** (steps / 1200), frequency, power) + 1e-14)
    # a slow trend would pull the match to zero
    level = level - scipy.signal.savgol_filter(level, 301, 1)
    return np.asarray(level - level.mean())


def _peak(curve: np.ndarray) -> float:
    top = int(np.argmax(curve))
    if not 0 < top < len(curve) - 1:
        return float(top)
    left, mid, right = curve[top - 1 : top + 2]
    bend = left - 2 * mid + right
    return top + (0.5 * float((left - right) / bend) if bend else 0.0)
