"""Two looks: a small network first, source separation only where the network is not sure.

After a news article on a detector that is said to survive MP3: AI tracks are claimed to be put
together again almost perfectly from their separated stems. The article names neither data nor code.
Here the network's score is calibrated on validation clips; the clips nearest to "don't know" are
taken apart into stems, and what is left over goes into a small logistic second stage. Whether that
claim holds is for the tables to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, logit

from offkey.core import cluster, seeding
from offkey.core.errors import BadInput, unknown
from offkey.detectors import separation
from offkey.detectors.cnn import CnnDetector, CnnSettings
from offkey.detectors.pieces import Pieces

if TYPE_CHECKING:
    import pandas as pd

    from offkey.features.variants import Variant

_BATCH = 8


@dataclass(frozen=True)
class DualSettings(CnnSettings):
    """Settings of both stages; those of the first are :class:`~offkey.detectors.cnn.CnnSettings`'.

    Attributes
    ----------
    band_share : float
        Share of the validation clips that get a second look: those nearest to P(AI) = 0.5 after
        calibration; their farthest sets the band. 0 < share ≤ 1.
    second_clips : int
        Training clips taken apart for the second stage, at most.
    separator : str
        ``hpss_nmf``, ``demucs`` or ``spleeter``.
    separator_weights : str
        Of ``demucs``: path of its ``.safetensors`` file.
    """

    band_share: float = 0.25
    second_clips: int = 200
    separator: str = "hpss_nmf"
    separator_weights: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.band_share <= 1:
            raise BadInput(f"band_share must be above 0 and at most 1, not {self.band_share:g}.")
        if self.second_clips < 10:
            raise BadInput(f"second_clips must be at least 10, not {self.second_clips}.")
        if self.separator not in separation.NAMES:
            raise unknown("separator", self.separator, separation.NAMES)


class DualDetector(CnnDetector):
    """P(AI) from a network and, where that is unsure, from separated stems.

    Attributes
    ----------
    band : float
        Half width, in logits of the calibrated first score, of what gets a second look.
    first_threshold : float
        Of the network's calibrated score alone, fixed on validation clips.
    """

    NAME = "dual"
    RECIPE = 1
    Settings = DualSettings
    settings: DualSettings

    def __init__(self, settings: DualSettings, features: Any = None) -> None:
        super().__init__(settings, features)
        self.band = 0.0
        self.first_threshold = 0.5
        self._stages: dict[str, list[float]] = {}
        self._explained: dict[str, pd.DataFrame] = {}

    def identity(self) -> dict[str, Any]:
        """What a fingerprint needs to know."""
        return {**super().identity(), "separation": separation.RECIPE}

    def fit(
        self,
        train: Sequence[Variant],
        val: Sequence[Variant],
        *,
        seed: int,
        checkpoint: Path | None = None,
        label: str = "",
    ) -> pd.DataFrame:
        """Train the network, then the second stage; see :meth:`Detector.fit`.

        The second stage learns from stems of training clips alone; how both scores are weighed,
        the band and the threshold come from the validation clips.
        """
        self._separator()  # refuses weights that cannot be used before anything is trained
        self._stages, self._explained = {}, {}
        history = super().fit(train, val, seed=seed, checkpoint=checkpoint, label=label)
        n_each = self.settings.second_clips // len(train)
        learnt = [_some(variant, n_each, seed) for variant in train]
        known = np.concatenate([self._residual_features(variant) for variant in learnt])
        targets = np.concatenate([variant.clips["target"].to_numpy() for variant in learnt])
        centre, spread = known.mean(axis=0), known.std(axis=0) + 1e-9
        weights, offset = _logistic((known - centre) / spread, targets)
        self._stages = {"centre": list(centre), "spread": list(spread)}
        self._stages |= {"stems": [*weights, offset]}
        answers = np.concatenate([variant.clips["target"].to_numpy() for variant in val])
        first = np.concatenate([self._first(variant) for variant in val])
        self._stages["network"] = _joined(_logistic(first[:, None], answers))
        from offkey import metrics

        sure = np.abs(self._calibrated(first))
        self.band = float(np.quantile(sure, self.settings.band_share))
        alone = expit(self._calibrated(first))
        self.first_threshold, _ = metrics.oracle_threshold(answers, alone)
        second = np.concatenate([self._second(self._residual_features(variant)) for variant in val])
        self._stages["both"] = _joined(_logistic(np.column_stack([first, second]), answers))
        self._settle(train, val)
        return history

    def _first(self, variant: Variant) -> np.ndarray:
        """Logit of the network's mean probability per clip."""
        return _logits(super().predict_proba(variant))

    def _calibrated(self, first: np.ndarray) -> np.ndarray:
        slope, offset = self._stages["network"]
        return slope * first + offset

    def _second(self, measured: np.ndarray) -> np.ndarray:
        *weights, offset = self._stages["stems"]
        known = (measured - self._stages["centre"]) / self._stages["spread"]
        return np.asarray(known @ np.asarray(weights) + offset)

    def _both(self, first: np.ndarray, measured: np.ndarray) -> np.ndarray:
        one, two, offset = self._stages["both"]
        return np.asarray(one * first + two * self._second(measured) + offset)

    def predict_proba(self, variant: Variant) -> np.ndarray:
        """P(AI) per clip, shape (n_clips,), float64; stems are made where it is unsure."""
        if not self._stages:  # while the first stage is being fitted
            return super().predict_proba(variant)
        return self.explain(variant)["score"].to_numpy()

    def explain(self, variant: Variant) -> pd.DataFrame:
        """How every score came about.

        Returns
        -------
        DataFrame
            One row per clip: ``first`` (the network's calibrated P(AI)), ``second_look``, the
            features of :data:`offkey.detectors.separation.FEATURES` (NaN without a second look),
            ``score``.
        """
        if variant.fingerprint not in self._explained:
            self._explained[variant.fingerprint] = self._explain(variant)
        return self._explained[variant.fingerprint].copy()

    def _explain(self, variant: Variant) -> pd.DataFrame:
        import pandas as pd

        first = self._first(variant)
        logits = self._calibrated(first)
        unsure = np.abs(logits) <= self.band
        measured = np.full((len(first), len(separation.FEATURES)), np.nan)
        rows = np.flatnonzero(unsure)
        table = pd.DataFrame({"first": expit(logits), "second_look": unsure})
        if len(rows):
            measured[rows] = self._residual_features(variant, rows)
            logits[rows] = self._both(first[rows], measured[rows])
        named = pd.DataFrame(measured, columns=list(separation.FEATURES))
        return pd.concat([table, named], axis=1).assign(score=expit(logits))

    def _score_pieces(self, cut: Pieces) -> np.ndarray:
        """P(AI) of every piece; those that the network is unsure of are taken apart."""
        first = _logits(super()._score_pieces(cut))
        logits = self._calibrated(first)
        rate = self.features.sample_rate_hz
        for number in np.flatnonzero(np.abs(logits) <= self.band):
            piece, separate = cut.samples[number], self._separator()
            found = separation.residual_features(piece, separate(piece, rate), rate)
            logits[number] = self._both(first[[number]], np.array([list(found.values())]))[0]
        return np.asarray(expit(logits))

    def _separator(self) -> separation.Separator:
        return separation.separator(self.settings.separator, self.settings.separator_weights)

    def residual_features(self, variant: Variant) -> pd.DataFrame:
        """The features of every clip, one column each: to test what the second stage rests on."""
        import pandas as pd

        return pd.DataFrame(self._residual_features(variant), columns=list(separation.FEATURES))

    def _residual_features(self, variant: Variant, rows: np.ndarray | None = None) -> np.ndarray:
        wanted = np.arange(len(variant)) if rows is None else rows
        batches = [wanted[i : i + _BATCH].tolist() for i in range(0, len(wanted), _BATCH)]
        work = partial(
            _take_apart,
            variant=variant,
            separator=(self.settings.separator, self.settings.separator_weights),
        )
        parts = cluster.run(work, batches, label="taking clips apart")
        return np.asarray([values for part in parts for values in part], dtype=np.float64)

    def _more(self) -> dict[str, Any]:
        return {
            "stages": self._stages, "band": self.band, "first_threshold": self.first_threshold,
        }  # fmt: skip

    def _restore(self, folder: Path, card: Mapping[str, Any]) -> None:
        super()._restore(folder, card)
        self.band, self._stages = float(card["band"]), card["stages"]
        self.first_threshold = float(card["first_threshold"])


def _take_apart(
    rows: list[int], *, variant: Variant, separator: tuple[str, str]
) -> list[list[float]]:
    separate, rate = separation.separator(*separator), variant.features.sample_rate_hz
    found = []
    for row in rows:
        samples = variant.samples(row, rate)
        features = separation.residual_features(samples, separate(samples, rate), rate)
        found.append(list(features.values()))
    return found


def _some(variant: Variant, n: int, seed: int) -> Variant:
    """At most `n` clips, drawn by the seed, both classes alike where they can be."""
    order = seeding.rng(seed, "second stage").permutation(len(variant))
    clips = variant.clips.iloc[order]
    chosen = clips.groupby("target", sort=False).head(max(1, n // 2))
    return variant.among(chosen.sort_index())


def _logits(probability: np.ndarray) -> np.ndarray:
    return np.asarray(logit(np.clip(probability, 1e-6, 1 - 1e-6)))


def _logistic(values: np.ndarray, targets: np.ndarray) -> tuple[list[float], float]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(class_weight="balanced", max_iter=2000).fit(values, targets)
    return [float(weight) for weight in model.coef_[0]], float(model.intercept_[0])


def _joined(fitted: tuple[list[float], float]) -> list[float]:
    return [*fitted[0], fitted[1]]
