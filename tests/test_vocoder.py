"""The phase vocoder does what librosa's algorithm does, only more exactly."""

import librosa
import numpy as np
import pytest
from conftest import RATE, tune

from offkey.perturbations import vocoder


def _snr_db(ours: np.ndarray, reference: np.ndarray) -> float:
    return 10 * np.log10(np.sum(reference**2) / np.sum((ours - reference) ** 2))


def _librosa_float64(samples: np.ndarray, semitones: float, rate: float) -> np.ndarray:
    factor = 2.0 ** (-semitones / 12)
    out = librosa.effects.time_stretch(samples.astype(np.float64), rate=rate * factor)
    if semitones:
        out = librosa.resample(out, orig_sr=RATE / factor, target_sr=RATE)
    return librosa.util.fix_length(out, size=round(len(samples) / rate))


@pytest.mark.parametrize(
    ("semitones", "rate"), [(2, 1), (-4, 1), (0.37, 1), (0, 1.25), (0, 0.8), (-2, 1.1), (0, 1)]
)
def test_agrees_with_librosa_in_float64(semitones: float, rate: float) -> None:
    sound = tune("vocoder")
    ours = vocoder.shift_and_stretch(vocoder.analyse(sound), semitones, rate)
    reference = _librosa_float64(sound, semitones, rate)
    assert ours.dtype == np.float32
    assert ours.shape == reference.shape
    assert _snr_db(ours, reference) > 70


def test_silent_stretches_stay_silent_and_finite() -> None:
    sound = np.concatenate([np.zeros(RATE, np.float32), tune("a", 2.0), np.zeros(RATE, np.float32)])
    out = vocoder.shift_and_stretch(vocoder.analyse(sound), 2, 1.0)
    assert np.isfinite(out).all()
    assert np.abs(out[: RATE // 2]).max() < 1e-6


def test_one_analysis_serves_every_variant() -> None:
    analysis = vocoder.analyse(tune("again"))
    first = vocoder.shift_and_stretch(analysis, 2, 1.1)
    vocoder.shift_and_stretch(analysis, -4, 0.8)
    np.testing.assert_array_equal(first, vocoder.shift_and_stretch(analysis, 2, 1.1))
