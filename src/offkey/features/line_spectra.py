"""What a search for shifted decoder lines hears: mean spectra at two sizes, and texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offkey.features.log_mel import LogMel
from offkey.features.mean_spectrum import MeanSpectrum
from offkey.features.texture import texture

LEVEL = 0.1
"""RMS to which a clip is brought: spectra of loud and quiet clips have one noise level."""


@dataclass(frozen=True)
class LineSpectra(MeanSpectrum):
    """Settings of the spectra for shifted lines: one row a clip.

    Attributes
    ----------
    n_mels : int
        Bands of the log-mel whose texture ends the row.
    """

    KIND = "line_spectra"
    DTYPE = np.float16
    QUIETEST = 1e-7
    OVERLAP = 8

    sizes: tuple[int, ...] = (8000, 16000)  # bins of 2 and 1 Hz, where many rates fall
    low_hz: float = 400.0
    n_mels: int = 64

    def spectra(self, rows: np.ndarray, size: int) -> np.ndarray:
        """Mean spectra of one size as float64, shape (n, n_bins), of rows (n, n_values)."""
        return np.asarray(self.of_size(rows, size), dtype=np.float64)

    def texture(self, rows: np.ndarray) -> np.ndarray:
        """The texture at the end of rows, shape (n, n_texture)."""
        return np.asarray(rows[..., super().n_values :], dtype=np.float32)

    @property
    def n_values(self) -> int:
        """Bins of all sizes, and the numbers of the texture."""
        return super().n_values + len(texture(np.zeros((32, self.n_mels))))

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Mean spectra and texture of a stretch of samples, shape (1, n_values)."""
        level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
        scaled = np.asarray(samples * np.float32(LEVEL / (level + 1e-9)), dtype=np.float32)
        mel = LogMel(sample_rate_hz=self.sample_rate_hz, n_mels=self.n_mels)(scaled)
        return np.concatenate([super().__call__(scaled)[0], texture(mel)])[None]
