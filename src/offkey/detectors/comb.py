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
from offkey.detectors import combs, files
from offkey.detectors.base import Detector, Windows
from offkey.features import LineSpectra

if TYPE_CHECKING:
    import pandas as pd

    from offkey.features.variants import Variant

PARTS = ("combs", "peaks", "joint_search", "peaks_search", "texture")
PITCH_ST, SPEED_ST = 2.4, 1.4
"""Training clips are shifted by up to so much: pitch alone, and with tempo."""
STRONGEST = 8.0
"""Teeth count up to so many deviations of human clips."""
MINED = 2
"""Rounds of mining, and the number of shifts taken from every human clip in each."""
APART = 10
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


class CombDetector(Detector):
    """P(AI) from lines at multiples of latent rates, wherever a shift has moved them."""

    NAME = "comb"
    RECIPE = 1
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
            parts = Parts.fitted([v.take(inside) for v in versions], targets[inside], self, seed)
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
        self._parts = Parts.fitted(versions, targets, self, seed)
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
        parts = {name: part for name, part in vars(self._parts).items() if name != "features"}
        kept = {"parts": parts, "centre": self._centre, "spread": self._spread}
        return files.dump_model(kept, folder / "model.skops")

    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:
        kept = files.load_model(folder / "model.skops", card["sha256"])
        self._parts = Parts(features=self.features, **kept["parts"])
        self._centre, self._spread = kept["centre"], kept["spread"]


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
    forest: Any

    @classmethod
    def fitted(
        cls, versions: Sequence[Heard], targets: np.ndarray, detector: CombDetector, seed: int
    ) -> Parts:
        """Learn from versions of the same clips, clean first."""
        from sklearn.ensemble import ExtraTreesClassifier

        settings, features, size = detector.settings, detector.features, detector.features.sizes[0]
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
            forest=forest.fit(texture, np.tile(targets, 2)),
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
                self.forest.predict_proba(clips.texture)[:, 1],
            ]
        )


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
    return combs.teeth(features, size, combs.whitened(above, combs.SMOOTH_BINS[size]))


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
