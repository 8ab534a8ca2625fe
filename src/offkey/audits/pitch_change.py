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
    return shift_cents(
        log_spectrum(before, sample_rate_hz), log_spectrum(after, sample_rate_hz), reach_cents
    )


def log_spectrum(samples: np.ndarray, sample_rate_hz: int = audio.SAMPLE_RATE_HZ) -> np.ndarray:
    """Long-term spectrum, 2 cents a step from 80 Hz to 3.5 kHz, in nepers without its slow trend.

    Parameters
    ----------
    samples : ndarray, shape (n,)
    sample_rate_hz : int
    """
    frequency, power = _mean_power(samples, sample_rate_hz)
    steps = np.arange(1200 * np.log2(80), 1200 * np.log2(3500), _CENTS)
    level = np.log(np.interp(2 ** (steps / 1200), frequency, power) + 1e-14)
    # a slow trend would pull the match to zero
    level = level - scipy.signal.savgol_filter(level, 301, 1)
    return np.asarray(level - level.mean())


def shift_cents(before: np.ndarray, after: np.ndarray, reach_cents: float = 700.0) -> float:
    """The shift that best matches two spectra of :func:`log_spectrum`, see :func:`change_cents`."""
    reach = int(reach_cents / _CENTS)
    correlation = scipy.signal.correlate(after, before, mode="full")
    zero = len(before) - 1
    near = correlation[zero - reach : zero + reach + 1]
    return (_peak(near) - reach) * _CENTS


def _mean_power(samples: np.ndarray, sample_rate_hz: int) -> tuple[np.ndarray, np.ndarray]:
    """Welch's mean power spectrum, frequencies first: SciPy's takes four times as long."""
    size, padded = min(_N_FFT, len(samples)), 4 * _N_FFT
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: max(1, size // 2)]
    window = scipy.signal.get_window("hann", size).astype(np.float32)
    spectra = scipy.fft.rfft(frames * window, padded)
    power = (spectra.real**2 + spectra.imag**2).mean(axis=0)
    density = 2 * power / (sample_rate_hz * np.sum(window**2))
    return scipy.fft.rfftfreq(padded, 1 / sample_rate_hz), density


def _peak(curve: np.ndarray) -> float:
    top = int(np.argmax(curve))
    if not 0 < top < len(curve) - 1:
        return float(top)
    left, mid, right = curve[top - 1 : top + 2]
    bend = left - 2 * mid + right
    return top + (0.5 * float((left - right) / bend) if bend else 0.0)
