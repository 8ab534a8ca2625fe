"""Fourteen numbers a clip, each with a name: what a forest is grown on.

The features of a published tutorial on detecting AI music, computed with librosa's own functions
(a test compares each with a direct call). Its four MFCC moments run over all coefficients and
frames together, as there. Chroma and tonal centroids, which its text promises and its code lacks,
are an option.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offkey.core import compiled
from offkey.features.window import Window

NAMES = (
    *("mfcc_mean", "mfcc_std", "mfcc_skew", "mfcc_kurtosis"),
    *("spectral_centroid_mean", "spectral_rolloff_mean", "spectral_bandwidth_mean"),
    *("onset_strength_mean", "onset_strength_std", "zcr_mean", "zcr_std"),
    *("tempo", "beat_interval_mean", "beat_interval_std"),
)
_PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
CHROMA = tuple(f"chroma_{name}" for name in _PITCHES)
TONNETZ = tuple(f"tonnetz_{axis}" for axis in range(6))


@dataclass(frozen=True)
class NamedFeatures(Window):
    """Settings of the named features.

    Attributes
    ----------
    n_mfcc : int
    harmony : bool
        Add the means of 12 chroma bands and 6 tonal centroids.
    """

    KIND = "named"
    DTYPE = np.float32

    sample_rate_hz: int = 22_050
    n_mfcc: int = 13
    harmony: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """What the numbers are, in their order."""
        return (*NAMES, *CHROMA, *TONNETZ) if self.harmony else NAMES

    @property
    def n_values(self) -> int:
        """Numbers per clip."""
        return len(self.names)

    @property
    def rows_per_s(self) -> float:
        """One row a clip; a clip holds two windows or more."""
        return 1 / (2 * self.window_s)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """The numbers of a stretch of samples.

        Parameters
        ----------
        samples : ndarray of float32, shape (n,)

        Returns
        -------
        ndarray of float32, shape (1, n_values)
            In the order of ``names``; intervals between beats in seconds, 0 where fewer than two
            beats are found.
        """
        from scipy.stats import kurtosis, skew

        librosa = compiled.librosa()
        rate = self.sample_rate_hz
        feature = librosa.feature
        # one spectrum for all: librosa would compute the same one seven times
        size = np.abs(librosa.stft(samples))
        mel = librosa.power_to_db(feature.melspectrogram(S=size**2, sr=rate))
        mfcc = feature.mfcc(S=mel, sr=rate, n_mfcc=self.n_mfcc).ravel()
        onsets = librosa.onset.onset_strength(S=mel, sr=rate)
        crossings = feature.zero_crossing_rate(samples)[0]
        attacks = librosa.onset.onset_strength(S=mel, sr=rate, aggregate=np.median)
        tempo, beats = librosa.beat.beat_track(onset_envelope=attacks, sr=rate)
        intervals = np.diff(librosa.frames_to_time(beats, sr=rate))
        values = [
            *(mfcc.mean(), mfcc.std(), skew(mfcc), kurtosis(mfcc)),
            feature.spectral_centroid(S=size, sr=rate).mean(),
            feature.spectral_rolloff(S=size, sr=rate).mean(),
            feature.spectral_bandwidth(S=size, sr=rate).mean(),
            *(onsets.mean(), onsets.std(), crossings.mean(), crossings.std()),
            float(np.atleast_1d(tempo)[0]),
            *((intervals.mean(), intervals.std()) if len(intervals) else (0.0, 0.0)),
        ]
        if self.harmony:
            chroma = feature.chroma_stft(S=size**2, sr=rate)
            values += [*chroma.mean(axis=1), *feature.tonnetz(chroma=chroma, sr=rate).mean(axis=1)]
        return np.asarray(values, dtype=np.float32)[None]
