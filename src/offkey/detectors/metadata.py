"""Baseline without sound: container, codec, encoder tag, bit rate and sample rate of a file.

What it reaches, the files give away before any music is analysed. An edit leaves these facts as
they are, except a codec (the last one of a chain), whose name and bit
rate take their place, as in a file that was written anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from offkey import perturbations
from offkey.core.errors import BadInput
from offkey.detectors.base import Windows
from offkey.detectors.table import TableDetector
from offkey.features import LogMel
from offkey.features.variants import Variant

NUMBERS = ("source_bitrate_kbps", "source_sample_rate_hz")
WORDS = ("source_container", "source_codec", "source_encoder")


@dataclass(frozen=True)
class MetadataSettings:
    """Settings of the metadata detector.

    Attributes
    ----------
    strength : float
        Inverse of the regularisation (``C``) of its logistic regression, above 0.
    folds : int
        Of the cross-validation over tracks, whose scores are the history.
    """

    strength: float = 1.0
    folds: int = 5

    def __post_init__(self) -> None:
        if self.strength <= 0 or self.folds < 2:
            raise BadInput(f"metadata settings {asdict(self)}: strength above 0, folds at least 2.")


class MetadataDetector(TableDetector):
    """P(AI) from the facts of the source file, by logistic regression."""

    NAME = "metadata"
    RECIPE = 1
    Settings = MetadataSettings
    Features = LogMel  # what the other detectors have built; it looks at the clips table alone
    LISTENS = False

    @property
    def names(self) -> Sequence[str]:
        """The facts; a bit rate that is not known counts as 0."""
        return (*NUMBERS, *WORDS)

    def windows(self, variant: Variant) -> tuple[Windows, np.ndarray]:
        """The facts of every clip, numbers first, as objects of shape (n_clips, 5)."""
        clips = variant.clips
        steps = perturbations.steps(variant.condition, json.loads(clips["drawn"].iloc[0]))
        codecs = [made for step, made in steps if step.perturbation == "codec"]
        if codecs:
            made = codecs[-1]
            clips = clips.assign(
                source_container=made["codec"],
                source_codec=made["codec"],
                source_encoder="",
                source_bitrate_kbps=float(made["bitrate_kbps"]),
            )
        return _facts(clips), np.arange(len(clips))

    def row(self, heard: np.ndarray) -> np.ndarray:
        return heard

    def _rows(self, windows: Windows) -> np.ndarray:
        return np.asarray(windows, dtype=object)

    def embed(self, windows: Windows) -> np.ndarray:
        """The facts as numbers, standardised and one-hot, shape (n, d)."""
        encoder = self.fitted()[:-1]
        found = encoder.transform(self._rows(windows))
        return np.asarray(found.toarray() if hasattr(found, "toarray") else found)

    def score_samples(self, samples: np.ndarray, facts: Mapping[str, Any] | None = None) -> float:
        """P(AI) from `facts`, the manifest's ``source_…`` columns of one file."""
        if facts is None:
            raise BadInput("detector 'metadata' reads the file, not its sound: give a file.")
        return float(self._scores(_facts(pd.DataFrame([dict(facts)])))[0])

    def new_model(self, seed: int) -> Any:
        from sklearn.compose import ColumnTransformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        numbers = list(range(len(NUMBERS)))
        words = list(range(len(NUMBERS), len(NUMBERS) + len(WORDS)))
        return make_pipeline(
            ColumnTransformer(
                [
                    ("numbers", StandardScaler(), numbers),
                    ("words", OneHotEncoder(handle_unknown="ignore"), words),
                ]
            ),
            LogisticRegression(C=self.settings.strength, class_weight="balanced", max_iter=2000),
        )


def _facts(clips: pd.DataFrame) -> np.ndarray:
    numbers = clips[list(NUMBERS)].astype(float).fillna(0.0).to_numpy(object)
    words = [[_plain(value) for value in clips[name]] for name in WORDS]
    return np.column_stack([numbers, *(np.asarray(column, dtype=object) for column in words)])


def _plain(tag: Any) -> str:
    """A tag without its version: ``LAME3.100`` and ``LAME3.99r`` are one encoder."""
    found = re.match(r"[A-Za-z_ ]*", str(tag))
    return (found.group() if found else "").strip().lower()
