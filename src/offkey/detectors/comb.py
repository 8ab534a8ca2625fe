"""Decoder lines, found again after a shift of pitch or speed.

Decoders leave lines at multiples of their latent rates, in every frame. A shift moves all of them
by one factor, so this detector searches for them at every factor up to 2.4 semitones: as combs of
known rates in five bands, and as the weights that ``peaks`` has learnt, both at the same shift. It
learns from clips that it shifts itself by known amounts: AI clips stand where their shift is, human
clips where they look most like one. Five numbers a clip (combs where they stand, peaks where they
stand, the joint search, the search of peaks, the texture of the log-mel), each standardised by
human clips that it was not fitted on, are added up. Lines: arXiv 2506.19108; the search is ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors import files
from offkey.detectors.base import Detector, Windows
from offkey.detectors.comb_parts import PARTS, Heard, Parts, heard
from offkey.features import LineSpectra

if TYPE_CHECKING:
    import pandas as pd

    from offkey.features.variants import Variant

PITCH_ST, SPEED_ST = 2.4, 1.4
"""Training clips are shifted by up to so much: pitch alone, and with tempo."""
_CENTRE, _SCALE = 8.0, 4.0  # of the sum of parts, so that a score lies between 0 and 1
_BATCH = 64


@dataclass(frozen=True)
class CombSettings:
    """Settings of the comb detector.

    Attributes
    ----------
    trees : int
        Of the forest on texture.
    strength : float
        Inverse of the regularisation of the weights of bands and rates, scikit-learn's ``C``.
    folds : int
        Inner folds over groups, which standardise the parts and fix the threshold.
    """

    trees: int = 100
    strength: float = 0.003
    folds: int = 3

    def __post_init__(self) -> None:
        if self.trees < 1 or self.strength <= 0 or self.folds < 2:
            raise BadInput(
                f"comb: trees ({self.trees}) must be at least 1, strength ({self.strength:g}) "
                f"above 0, folds ({self.folds}) at least 2."
            )


class CombDetector(Detector):
    """P(AI) from lines at multiples of latent rates, wherever a shift has moved them."""

    NAME = "comb"
    RECIPE = 2
    Settings = CombSettings
    Features = LineSpectra

    def __init__(self, settings: Any, features: Any = None) -> None:
        super().__init__(settings, features)
        self._parts: Parts | None = None
        self._centre = np.zeros(len(PARTS))
        self._spread = np.ones(len(PARTS))

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Fit the parts on clean clips and shifted ones; see :meth:`Detector.fit`.

        It is fitted on `val` as well. What standardises the parts and fixes the threshold are
        scores of clips by parts that met nothing of their group.

        Returns
        -------
        DataFrame
            ``epoch, train_loss, val_loss``: per inner fold the cross-entropy on its training clips
            and on those left out.
        """
        import pandas as pd
        from sklearn.metrics import log_loss

        known = [*train, *val]
        if any(variant.condition.variant != "clean" for variant in known):
            raise BadInput("detector 'comb' learns from clean clips alone: it shifts them itself.")
        self.features = known[0].features
        targets = np.concatenate([variant.clips["target"].to_numpy() for variant in known])
        groups = np.concatenate([variant.clips["group"].to_numpy() for variant in known])
        versions = _versions(known, self.features, seed)
        found = np.zeros((len(targets), len(PARTS)))
        inner = []
        for inside, outside in _inner(targets, groups, self.settings.folds, seed):
            part = [version.take(inside) for version in versions]
            parts = Parts.fitted(part, targets[inside], self.features, self.settings, seed)
            found[outside] = parts(versions[0].take(outside))
            inner.append((inside, outside, parts(versions[0].take(inside))))
        human = found[targets == 0]
        self._centre, self._spread = human.mean(axis=0), human.std(axis=0) + 1e-6
        rows = [
            (
                number + 1,
                log_loss(targets[inside], self._together(seen), labels=[0, 1]),
                log_loss(targets[outside], self._together(found[outside]), labels=[0, 1]),
            )
            for number, (inside, outside, seen) in enumerate(inner)
        ]
        self._parts = Parts.fitted(versions, targets, self.features, self.settings, seed)
        ends = np.cumsum([len(variant) for variant in known])
        self._settle(known, known, np.split(self._together(found), ends[:-1]))
        return pd.DataFrame(rows, columns=["epoch", "train_loss", "val_loss"])

    def items(self, rows: np.ndarray, n_windows: int) -> Windows:
        """The clip as a whole; see :meth:`Detector.items`."""
        return [rows]

    def score(self, windows: Windows) -> np.ndarray:
        """P(AI) per clip; see :meth:`Detector.score`."""
        return self._together(self.embed(windows))

    def embed(self, windows: Windows) -> np.ndarray:
        """The five numbers of every clip, in the order of ``PARTS``; see :meth:`Detector.embed`."""
        if self._parts is None:
            raise BadInput("this comb has not been fitted: call fit first, or load one.")
        rows = np.stack([np.asarray(window)[0] for window in windows])
        batches = [rows[i : i + _BATCH] for i in range(0, len(rows), _BATCH)]
        return np.concatenate([self._parts(heard(batch, self.features)) for batch in batches])

    def _together(self, found: np.ndarray) -> np.ndarray:
        standardised = (found - self._centre) / self._spread
        total = np.logaddexp(0, standardised).sum(axis=1)
        return np.asarray(expit((total - _CENTRE) / _SCALE), dtype=np.float64)

    def _dump(self, folder: Path) -> str:
        assert self._parts is not None
        kept = {"centre": self._centre, "spread": self._spread, **self._parts.arrays()}
        return files.dump_arrays(kept, folder / "model.safetensors")

    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:
        kept = files.load_arrays(folder / "model.safetensors", card["sha256"])
        self._centre, self._spread = kept.pop("centre"), kept.pop("spread")
        self._parts = Parts.from_arrays(self.features, kept)


def _versions(known: Sequence[Variant], features: LineSpectra, seed: int) -> list[Heard]:
    """The clips clean, at a random pitch, and at a random speed, with the shifts made."""
    rows = [variant.rows(row)[0] for variant in known for row in range(len(variant))]
    made = [
        _shifted(str(clip.path), str(clip.clip_id), str(clip.sha256), features, seed)
        for variant in known
        for clip in variant.clips.itertuples()
    ]
    pitched, sped = (np.stack([one[i] for one in made]) for i in (0, 1))
    shifts = np.array([one[2] for one in made])
    return [
        heard(np.stack(rows), features),
        heard(pitched, features, shifts[:, 0]),
        heard(sped, features, shifts[:, 1]),
    ]


@lru_cache(maxsize=4096)
def _shifted(
    path: str, clip_id: str, sha256: str, features: LineSpectra, seed: int
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """Features of one clip at a random pitch and at a random speed; folds share clips."""
    from offkey.perturbations import Source, engines, speed
    from offkey.sound import audio

    rng = seeding.rng(seed, clip_id, "comb")
    pitch_st, speed_st = rng.uniform(-PITCH_ST, PITCH_ST), rng.uniform(-SPEED_ST, SPEED_ST)
    source = Source(*audio.read(path))
    edited = (
        engines.get("vocoder")(source, pitch_st, 1.0),
        speed.apply(source, None, 2 ** (speed_st / 12)),
    )
    rate = features.sample_rate_hz
    kept = [
        features(Source(samples, source.sample_rate_hz).at(rate))[0].astype(features.DTYPE)
        for samples in edited
    ]
    return kept[0], kept[1], (pitch_st, speed_st)


def _inner(
    targets: np.ndarray, groups: np.ndarray, folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    from sklearn.model_selection import StratifiedGroupKFold

    fewest = min(len(np.unique(groups[targets == which])) for which in (0, 1))
    if min(folds, fewest) < 2:
        raise BadInput(
            "a comb is cross-validated by group (track, family or source): give at least two of "
            "either class."
        )
    state = seeding.integer(seed, "cv")
    split = StratifiedGroupKFold(min(folds, fewest), shuffle=True, random_state=state)
    return list(split.split(targets, targets, groups))
