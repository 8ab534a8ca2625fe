"""Tools that change pitch and tempo: the same edit by different means."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np

from offkey import audio
from offkey.errors import unknown
from offkey.perturbations import vocoder


class Source:
    """A clip to be edited; its analysis is made once, on first use.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
    sample_rate_hz : int
    """

    def __init__(self, samples: np.ndarray, sample_rate_hz: int = audio.SAMPLE_RATE_HZ) -> None:
        self.samples = samples
        self.sample_rate_hz = sample_rate_hz

    @cached_property
    def analysis(self) -> vocoder.Analysis:
        """STFT shared by all variants of the clip."""
        return vocoder.analyse(self.samples)


Engine = Callable[[Source, float, float], np.ndarray]


def _vocoder(source: Source, semitones: float, rate: float) -> np.ndarray:
    return vocoder.shift_and_stretch(source.analysis, semitones, rate)


def _librosa(source: Source, semitones: float, rate: float) -> np.ndarray:
    # two passes, pitch first, as in the original study's notebooks
    import librosa

    samples = source.samples
    if semitones:
        samples = librosa.effects.pitch_shift(samples, sr=source.sample_rate_hz, n_steps=semitones)
    if rate != 1:
        samples = librosa.effects.time_stretch(samples, rate=rate)
    return audio.fix_length(samples, round(len(source.samples) / rate))


ENGINES: dict[str, Engine] = {"vocoder": _vocoder, "librosa": _librosa}


def get(name: str) -> Engine:
    """Engine by name: ``engine(source, semitones, rate)`` gives ``round(n / rate)`` samples."""
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    return ENGINES[name]
