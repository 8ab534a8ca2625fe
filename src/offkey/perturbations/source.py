"""A clip to be edited, at the rate of its file."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from offkey.perturbations import vocoder
from offkey.sound import audio


class Source:
    """A clip to be edited; what several edits need of it is made once, on first use.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
    sample_rate_hz : int
        That of the file: an edit works on the whole band of it.
    """

    def __init__(self, samples: np.ndarray, sample_rate_hz: int = audio.SAMPLE_RATE_HZ) -> None:
        self.samples = samples
        self.sample_rate_hz = sample_rate_hz
        self._at: dict[int, np.ndarray] = {sample_rate_hz: samples}

    def at(self, rate_hz: int) -> np.ndarray:
        """The clip at another sample rate, float32 of shape (ceil(n * rate_hz / own),)."""
        if rate_hz not in self._at:
            self._at[rate_hz] = audio.at_rate(self.samples, self.sample_rate_hz, rate_hz)
        return self._at[rate_hz]

    @cached_property
    def analysis(self) -> vocoder.Analysis:
        """STFT shared by all variants of the clip."""
        return vocoder.analyse(self.samples)
