"""Tools that change pitch and tempo: the same edit by different means."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

import numpy as np

from offkey.core import compiled
from offkey.core.errors import BadInput, unknown
from offkey.perturbations import vocoder
from offkey.perturbations.source import Source
from offkey.sound import audio

Engine = Callable[[Source, float, float], np.ndarray]


def _vocoder(source: Source, semitones: float, rate: float) -> np.ndarray:
    return vocoder.shift_and_stretch(source.analysis, semitones, rate)


def _librosa(source: Source, semitones: float, rate: float) -> np.ndarray:
    # two passes, pitch first, as in the original study's notebooks
    librosa = compiled.librosa()
    samples = source.samples
    if semitones:
        samples = librosa.effects.pitch_shift(samples, sr=source.sample_rate_hz, n_steps=semitones)
    if rate != 1 or not semitones:  # the null edit, too, is one pass
        samples = librosa.effects.time_stretch(samples, rate=rate)
    return audio.fix_length(samples, round(len(source.samples) / rate))


def _signalsmith(source: Source, semitones: float, rate: float) -> np.ndarray:
    from python_stretch import Signalsmith

    stretch = Signalsmith.Stretch()  # a new one: it keeps the end of the last clip
    stretch.preset(1, source.sample_rate_hz)
    stretch.setTransposeSemitones(semitones)
    stretch.setTimeFactor(rate)
    samples = np.asarray(stretch.process(np.ascontiguousarray(source.samples)[np.newaxis]))
    return audio.fix_length(samples[0], round(len(source.samples) / rate))


def _rubberband(source: Source, semitones: float, rate: float) -> np.ndarray:
    import pedalboard

    samples = pedalboard.time_stretch(
        source.samples,
        source.sample_rate_hz,
        stretch_factor=rate,
        pitch_shift_in_semitones=semitones,
        preserve_formants=False,
    )[0]
    return audio.fix_length(samples, round(len(source.samples) / rate))


ENGINES: dict[str, Engine] = {
    "vocoder": _vocoder,
    "librosa": _librosa,
    "signalsmith": _signalsmith,  # Signalsmith Stretch, default preset
    "rubberband": _rubberband,  # Rubber Band R3 ("finer"), formants not kept
}
# what an engine needs beyond offkey's own requirements: module, and what to install
_EXTRA = {"rubberband": ("pedalboard", "offkey[rubberband]")}


def get(name: str) -> Engine:
    """Engine by name: ``engine(source, semitones, rate)`` gives ``round(n / rate)`` samples.

    Raises
    ------
    BadInput
        No such engine, or its package is not installed.
    """
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    needs, install = _EXTRA.get(name, ("", ""))
    if needs and importlib.util.find_spec(needs) is None:
        raise BadInput(
            f"engine '{name}' needs the package '{needs}', which is not installed: "
            f"pip install '{install}', or choose another engine."
        )
    return ENGINES[name]
