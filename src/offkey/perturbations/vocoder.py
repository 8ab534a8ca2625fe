"""A phase vocoder without trigonometry.

The algorithm is the one of ``librosa.phase_vocoder`` (after D. Ellis, "A phase vocoder in Matlab",
2002): every output frame takes its magnitude from two neighbouring input frames and advances its
phase by their phase difference. Since analysis and synthesis hop are equal, that advance is
exactly ``angle(D[i+1]) - angle(D[i])``; multiplying unit phasors ``U[i+1] * conj(U[i])`` does the
same without computing an angle. One Newton step per frame keeps the running phasor at length 1.

The analysis of a clip (STFT, magnitudes, phasor increments) is done once and serves every
variant. A pitch shift by *s* semitones together with a tempo rate *r* is one stretch by
``r * 2**(-s/12)`` followed by one resampling.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.fft
import scipy.signal
import soxr

from offkey.core import compiled
from offkey.sound import audio

N_FFT = 2048
HOP = 512


@dataclass(frozen=True)
class Analysis:
    """What the stretch of a clip needs, computed once.

    Attributes
    ----------
    n_samples : int
        Length of the clip.
    magnitude : ndarray of float32, shape (n_frames + 1, n_bins)
        STFT magnitudes, one zero frame behind the last.
    increment : ndarray of complex64, shape (n_frames, n_bins)
        Unit phasor from each frame to the next.
    start : ndarray of complex64, shape (n_bins,)
        Unit phasor of the first frame.
    """

    n_samples: int
    magnitude: np.ndarray
    increment: np.ndarray
    start: np.ndarray


@lru_cache(maxsize=1)
def _window() -> np.ndarray:
    return scipy.signal.get_window("hann", N_FFT).astype(np.float32)


def frames(samples: np.ndarray, n_fft: int = N_FFT, hop: int = HOP) -> np.ndarray:
    """Centred, zero-padded frames of a signal, a view of shape (n_frames, n_fft)."""
    padded = np.zeros(len(samples) + 2 * (n_fft // 2), samples.dtype)
    padded[n_fft // 2 :][: len(samples)] = samples
    return np.lib.stride_tricks.sliding_window_view(padded, n_fft)[::hop]


def analyse(samples: np.ndarray) -> Analysis:
    """STFT (Hann, 2048/512, centred) of a clip as magnitudes and unit phasors."""
    spectrum = scipy.fft.rfft(frames(samples) * _window(), axis=1, overwrite_x=True)
    magnitude, increment, start = _polar(spectrum)
    return Analysis(len(samples), magnitude, increment, start)


def stretch(analysis: Analysis, rate: float) -> np.ndarray:
    """Change the tempo by `rate` (> 1: faster), pitch kept.

    Returns
    -------
    ndarray of float32, shape (round(n_samples / rate),)
    """
    steps = np.arange(0, len(analysis.increment), rate, dtype=np.float64)
    spectrum = _advance(analysis.magnitude, analysis.increment, analysis.start, steps)
    return _inverse(spectrum, round(analysis.n_samples / rate))


def shift_and_stretch(analysis: Analysis, semitones: float, rate: float) -> np.ndarray:
    """Change pitch and tempo in one stretch and one resampling.

    Parameters
    ----------
    analysis : Analysis
        From :func:`analyse`.
    semitones : float
        Pitch change, 12 to the octave.
    rate : float
        Tempo change; 1.25 plays in 0.8 of the time.

    Returns
    -------
    ndarray of float32, shape (round(n_samples / rate),)
    """
    factor = 2.0 ** (-semitones / 12)
    stretched = stretch(analysis, rate * factor)
    if semitones:
        stretched = soxr.resample(stretched, 1.0 / factor, 1.0, quality="HQ")
    return audio.fix_length(stretched, round(analysis.n_samples / rate))


def _inverse(spectrum: np.ndarray, length: int) -> np.ndarray:
    window = _window()
    n_frames = min(len(spectrum), -(-(length + N_FFT) // HOP))
    blocks = scipy.fft.irfft(spectrum[:n_frames], n=N_FFT, axis=1)
    signal = _overlap_add(blocks, window, _inverse_weight(n_frames))
    return audio.fix_length(signal[N_FFT // 2 :], length)


@lru_cache(maxsize=64)
def _inverse_weight(n_frames: int) -> np.ndarray:
    """One over the sum of the squared windows that overlap at each sample, 1 where none does."""
    square = _window() ** 2
    weight = np.zeros(N_FFT + HOP * (n_frames - 1), np.float32)
    for frame in range(n_frames):
        weight[frame * HOP : frame * HOP + N_FFT] += square
    return 1 / np.where(weight > np.finfo(np.float32).tiny, weight, np.float32(1))


@compiled.kernel
def _polar(spectrum):  # type: ignore[no-untyped-def]
    n_frames, n_bins = spectrum.shape
    magnitude = np.zeros((n_frames + 1, n_bins), np.float32)
    increment = np.empty((n_frames, n_bins), np.complex64)
    start = np.empty(n_bins, np.complex64)
    unit = np.empty(n_bins, np.complex64)
    for i in range(n_frames + 1):
        for b in range(n_bins):
            re, im = np.float32(1), np.float32(0)  # the angle of zero is zero
            if i < n_frames:
                value = spectrum[i, b]
                size = np.sqrt(value.real * value.real + value.imag * value.imag)
                magnitude[i, b] = size
                if size > 0:
                    re, im = value.real / size, value.imag / size
            new = np.complex64(complex(re, im))
            if i == 0:
                start[b] = new
            else:
                increment[i - 1, b] = new * unit[b].conjugate()
            unit[b] = new
    return magnitude, increment, start


@compiled.kernel
def _advance(magnitude, increment, start, steps):  # type: ignore[no-untyped-def]
    n_bins = magnitude.shape[1]
    out = np.empty((len(steps), n_bins), np.complex64)
    re = start.real.copy()
    im = start.imag.copy()
    for t in range(len(steps)):
        i = int(steps[t])
        right = np.float32(steps[t] - i)
        left = np.float32(1) - right
        for b in range(n_bins):
            size = left * magnitude[i, b] + right * magnitude[i + 1, b]
            out[t, b] = complex(size * re[b], size * im[b])
            turn = increment[i, b]
            x = re[b] * turn.real - im[b] * turn.imag
            y = re[b] * turn.imag + im[b] * turn.real
            # Newton step for 1/sqrt near 1: keeps |phasor| = 1 without a root
            scale = np.float32(1.5) - np.float32(0.5) * (x * x + y * y)
            re[b] = x * scale
            im[b] = y * scale
    return out


@compiled.kernel
def _overlap_add(blocks, window, share):  # type: ignore[no-untyped-def]
    n_frames, n_fft = blocks.shape
    signal = np.zeros(n_fft + HOP * (n_frames - 1), np.float32)
    for t in range(n_frames):
        begin = t * HOP
        for k in range(n_fft):
            signal[begin + k] += window[k] * blocks[t, k]
    for k in range(len(signal)):
        signal[k] *= share[k]
    return signal
