"""What `comb` learns of clips and their shifted versions: everything up to five numbers a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from offkey.core import seeding
from offkey.detectors import combs
from offkey.detectors.trees import Trees
from offkey.features import LineSpectra

if TYPE_CHECKING:
    from offkey.detectors.comb import CombSettings

PARTS = ("combs", "peaks", "joint_search", "peaks_search", "texture")
STRONGEST = 8.0
"""Teeth count up to so many deviations of human clips."""
MINED = 2
"""Rounds of mining, and the number of shifts taken from every human clip in each."""
APART = 10
"""Mined shifts of one clip lie at least so many steps apart."""
_LISTS = ("fine", "coarse", "peaks", "still")


@dataclass(frozen=True)
class Heard:
    """Arrays of some clips: ``peaks`` (n, n_bins), two sizes of combs, texture, true shifts."""

    peaks: np.ndarray
    fine: np.ndarray
    coarse: np.ndarray
    texture: np.ndarray
    shift_st: np.ndarray

    def take(self, rows: np.ndarray) -> Heard:
        """Some of the clips."""
        return Heard(*(values[rows] for values in vars(self).values()))


def heard(rows: np.ndarray, features: LineSpectra, shift_st: np.ndarray | None = None) -> Heard:
    """The arrays of clips from their features, shape (n, n_values)."""
    coarse, fine = features.sizes
    above = combs.heights(features.spectra(rows, coarse))
    peaks = np.clip(above, 0, combs.HIGHEST_DB)
    fine_above = combs.heights(features.spectra(rows, fine))
    return Heard(
        peaks=peaks / (peaks.max(axis=1, keepdims=True) + 1e-6),
        fine=_teeth(fine_above, features, fine),
        coarse=_teeth(peaks, features, coarse),
        texture=features.texture(rows),
        shift_st=np.zeros(len(rows)) if shift_st is None else shift_st,
    )


def _teeth(above: np.ndarray, features: LineSpectra, size: int) -> np.ndarray:
    bins = round(combs.SMOOTH_HZ / features.sample_rate_hz * size) | 1
    return combs.teeth(features, size, combs.whitened(above, bins))


@dataclass
class Parts:
    """What is learnt of training clips: everything up to five numbers a clip.

    ``fine`` and ``coarse``: of the combs at either size mean and deviation of human clips, weights
    of bands and rates, mean and deviation of the weighted sum by shift. ``peaks``: weights of the
    bins; mean and deviation of human clips at every shift, and where they stand.
    """

    features: LineSpectra
    fine: list[np.ndarray]
    coarse: list[np.ndarray]
    peaks: list[np.ndarray]
    still: list[np.ndarray]
    trees: Trees

    @classmethod
    def fitted(
        cls,
        versions: Sequence[Heard],
        targets: np.ndarray,
        features: LineSpectra,
        settings: CombSettings,
        seed: int,
    ) -> Parts:
        """Learn from versions of the same clips, clean first."""
        from sklearn.ensemble import ExtraTreesClassifier

        size = features.sizes[0]
        clean, human = versions[0], targets == 0
        weights = _logistic(clean.peaks, targets, 1.0)
        moved = combs.warped(weights, features, size)
        everyone = np.concatenate([version.peaks[human] for version in versions])
        searched, stand = everyone @ moved.T, clean.peaks[human] @ weights
        forest = ExtraTreesClassifier(
            settings.trees, min_samples_leaf=3, max_features=0.05, class_weight="balanced",
            random_state=seeding.integer(seed, "texture"),
        )  # fmt: skip
        texture = np.concatenate([version.texture for version in versions[:2]])
        return cls(
            features=features,
            fine=_comb_weights([v.fine for v in versions], versions, targets, settings, seed),
            coarse=_comb_weights([v.coarse for v in versions], versions, targets, settings, seed),
            peaks=[weights, *_moments(searched), *_moments(stand)],
            still=_moments(combs.at_no_shift(clean.fine[human])),
            trees=Trees.of(forest.fit(texture, np.tile(targets, 2))),
        )

    def __call__(self, clips: Heard) -> np.ndarray:
        """The numbers of ``PARTS`` of every clip, shape (n, 5)."""
        weights, *moments = self.peaks
        moved = combs.warped(weights, self.features, self.features.sizes[0])
        searched = (clips.peaks @ moved.T - moments[0]) / moments[1]
        stand = (clips.peaks @ weights - moments[2]) / moments[3]
        joint = _search(clips.fine, self.fine) + _search(clips.coarse, self.coarse)
        still = (combs.at_no_shift(clips.fine) - self.still[0]) / self.still[1]
        return np.column_stack(
            [
                still.max(axis=1),
                stand,
                _soft_maximum((joint + 1.5 * searched) / 2),
                _soft_maximum(searched),
                self.trees(clips.texture),
            ]
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything learnt by name, for a file."""
        lists = {name: getattr(self, name) for name in _LISTS}
        found = {f"{name}.{i}": array for name, own in lists.items() for i, array in enumerate(own)}
        return found | {f"trees.{name}": array for name, array in self.trees.arrays().items()}

    @classmethod
    def from_arrays(cls, features: LineSpectra, arrays: Mapping[str, np.ndarray]) -> Parts:
        """What :meth:`arrays` gave."""
        lists = {
            name: [arrays[key] for key in sorted(arrays) if key.startswith(f"{name}.")]
            for name in _LISTS
        }
        trees = {
            key.removeprefix("trees."): array
            for key, array in arrays.items()
            if key.startswith("trees.")
        }
        return cls(features=features, trees=Trees.from_arrays(trees), **lists)


def _comb_weights(
    combs_of: Sequence[np.ndarray],
    versions: Sequence[Heard],
    targets: np.ndarray,
    settings: CombSettings,
    seed: int,
) -> list[np.ndarray]:
    """Weights of bands and rates: AI clips at their true shifts, human clips at mined ones."""
    rng = seeding.rng(seed, "comb", "mining")
    ai, human = np.flatnonzero(targets == 1), np.flatnonzero(targets == 0)
    centre, spread = _moments(combs_of[0][human].astype(np.float32))
    everyone = [_standardised(found[human], centre, spread) for found in combs_of]
    own = np.arange(len(human))
    positive = [
        _standardised(
            found[ai, :, place], centre[:, place].T, spread[:, place].T
        )
        for found, version in zip(combs_of, versions, strict=True)
        for place in [combs.nearest(version.shift_st[ai])]
    ]  # fmt: skip
    drawn = [rng.integers(0, len(combs.SHIFTS_ST), len(human)) for _ in range(2 * len(everyone))]
    negative = [
        found[own, :, place] for found, place in zip(2 * everyone, drawn, strict=True)
    ]  # fmt: skip
    for mining in range(MINED + 1):
        rows = np.concatenate([*positive, *negative])
        labels = np.arange(len(rows)) < sum(map(len, positive))
        weights = _logistic(rows, labels.astype(int), settings.strength)
        searched = [np.einsum("d,nds->ns", weights, found, optimize=True) for found in everyone]
        if mining < MINED:
            for found, answer in zip(everyone, searched, strict=True):
                negative += [found[own, :, place] for place in _highest(answer)]
    return [centre, spread, weights, *_moments(np.concatenate(searched))]


def _highest(answer: np.ndarray) -> list[np.ndarray]:
    """The shifts at which clips score highest, each far from the one before."""
    left = (answer - answer.mean(axis=0)) / answer.std(axis=0)
    found = []
    for _ in range(MINED):
        place = left.argmax(axis=1)
        found.append(place)
        near = np.abs(np.arange(left.shape[1]) - place[:, None]) <= APART
        left[near] = -np.inf
    return found


def _search(found: np.ndarray, learnt: Sequence[np.ndarray]) -> np.ndarray:
    """Standardised weighted sum of the teeth at every shift, shape (n, n_shifts)."""
    centre, spread, weights, mean, deviation = learnt
    known = _standardised(found, centre, spread)
    return np.asarray((np.einsum("d,nds->ns", weights, known, optimize=True) - mean) / deviation)


def _standardised(found: np.ndarray, centre: np.ndarray, spread: np.ndarray) -> np.ndarray:
    return np.clip((found.astype(np.float32) - centre) / spread, -STRONGEST, STRONGEST)


def _moments(values: np.ndarray) -> list[np.ndarray]:
    """Mean and deviation over the clips, float32."""
    mean, deviation = values.mean(axis=0), values.std(axis=0) + 1e-3
    return [np.asarray(mean, dtype=np.float32), np.asarray(deviation, dtype=np.float32)]


def _soft_maximum(answer: np.ndarray) -> np.ndarray:
    """Log of the mean over shifts of exp(2 x), over 2: near the maximum, without its jumps."""
    highest = answer.max(axis=1, keepdims=True)
    return np.asarray(highest[:, 0] + np.log(np.exp(2 * (answer - highest)).mean(axis=1)) / 2)


def _logistic(rows: np.ndarray, targets: np.ndarray, strength: float) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=400)
    return np.asarray(model.fit(rows, targets).coef_[0], dtype=np.float32)
