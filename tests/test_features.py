"""Log-mels are librosa's; windows follow the length policy."""

import librosa
import numpy as np
import pytest
from conftest import RATE, tune

from offkey.features import LogMel, log_mel


def test_within_a_hundredth_of_a_decibel_of_librosa() -> None:
    sound = tune("mel")
    ours = LogMel()(sound)
    power = librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=2048, hop_length=512, n_mels=128)
    reference = librosa.power_to_db(power, ref=np.max)[:, : len(ours)].T
    assert ours.shape == (len(sound) // 512, 128)
    assert np.abs(ours - reference).max() < 0.01
    assert ours.max() == 0
    assert ours.min() >= -80


@pytest.mark.parametrize(
    ("duration_s", "windows"), [(10.0, 2), (9.99, 1), (5.0, 1), (4.99, 0), (30.0, 6)]
)
def test_as_many_windows_as_survive_the_fastest_tempo(duration_s: float, windows: int) -> None:
    features = LogMel()
    assert features.n_windows(round(duration_s * RATE)) == windows
    assert features.window_frames == 125


def test_centre_is_the_middle() -> None:
    sound = np.arange(10 * RATE)
    part = LogMel().centre(sound, 2)
    assert len(part) == 8 * RATE
    assert part[0] == RATE


def test_level_does_not_matter() -> None:
    sound = tune("level")
    np.testing.assert_allclose(LogMel()(sound), LogMel()(sound * 0.1), atol=1e-3)


@pytest.mark.parametrize("rate", [1_500, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("bands", [40, 128])
def test_filters_and_window_are_librosas_to_the_bit(rate: int, bands: int) -> None:
    features = LogMel(sample_rate_hz=rate, n_mels=bands)
    filters = librosa.filters.mel(sr=rate, n_fft=2048, n_mels=bands)
    np.testing.assert_array_equal(log_mel._filters(features).toarray(), filters)
    edges = librosa.mel_frequencies(bands + 2, fmin=0, fmax=rate / 2)
    np.testing.assert_array_equal(features.frequencies_hz(), edges[1:-1])
    np.testing.assert_array_equal(
        log_mel._window(2048), librosa.filters.get_window("hann", 2048).astype(np.float32)
    )


def test_a_clip_is_prepared_as_its_central_windows_alone() -> None:
    sound = np.concatenate([tune("loud", 1.0), 0.01 * tune("quiet", 8.0), tune("loud", 1.0)])
    features = LogMel()
    heard = features.prepare(sound, 2)
    assert heard.dtype == np.float16 and heard.shape == (250, 128)
    np.testing.assert_array_equal(
        heard, features(sound[RATE : 9 * RATE]).astype(np.float16)
    )  # the loud ends lie outside, and move no level
