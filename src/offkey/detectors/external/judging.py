"""A detector that is asked from outside becomes tables of predictions, as our own do.

It never trains. Its threshold is its own, or comes from clean validation clips, as ours do; both
stand in the tables, as two regimes of one detector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import metrics
from offkey.core import manifest, store
from offkey.core.errors import BadInput
from offkey.core.manifest import KEYS
from offkey.detectors.external import asking, questions
from offkey.detectors.external.answers import Answers
from offkey.detectors.external.description import External
from offkey.evaluation.predictions import CLEAN_THRESHOLD, OWN_THRESHOLD
from offkey.perturbations import CLEAN, Condition


@dataclass(frozen=True)
class Judged:
    """What a detector made of a data set.

    Attributes
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`, under both regimes.
    validation : DataFrame
        The same of the clean validation clips, with the threshold they gave.
    cost : DataFrame
        One row: ``detector, ms_per_clip, clips``; what it took in calls that stand behind the
        predictions, the detector's own start included.
    """

    predictions: pd.DataFrame
    validation: pd.DataFrame
    cost: pd.DataFrame


def judge(
    name: str,
    detector: External,
    clips: pd.DataFrame,
    conditions: Sequence[Condition],
    folder: Path,
    *,
    seed: int,
    may_call: int = 0,
) -> Judged:
    """Ask a detector about the test clips under every condition and the clean validation clips.

    Parameters
    ----------
    name : str
        What it is called in the tables.
    detector : External
    clips : DataFrame
        The whole manifest with absolute paths.
    conditions : sequence of Condition
    folder : Path
        Where answers are kept.
    seed : int
        The study's seed.
    may_call : int
        How many calls were agreed to, of a detector whose calls may cost money.

    Raises
    ------
    BadInput
        See :func:`offkey.detectors.external.asking.ask`.
    """
    tested, checked = _split(clips)
    asked = _questions(detector, tested, checked, conditions, seed)
    answers = asking.ask(detector, asked, folder, may_call=may_call)
    mark = store.fingerprint(detector.identity())
    predictions, validation = [], []
    folds = sorted(clips["fold"].unique())
    for fold, view in zip(folds, manifest.views(clips), strict=True):
        about: dict[str, Any] = {
            "detector": name,
            "stage": "",
            "train_variant": "none",
            "seed": 0,
            "model_fingerprint": mark,
            "feature_fingerprint": store.fingerprint(detector.sound),
        }
        check = _rows(view[view["split"] == "val"], CLEAN, detector, answers, seed)
        if check["target"].nunique() < 2:
            raise BadInput(
                "the validation clips hold one class only: add clips of the other one, since the "
                "threshold comes from them."
            )
        threshold = metrics.oracle_threshold(check["target"], check["score"])[0]
        of_regime = {CLEAN_THRESHOLD: threshold, OWN_THRESHOLD: detector.threshold}
        test = [
            _rows(view[view["split"] == "test"], condition, detector, answers, seed)
            for condition in conditions
        ]
        for regime, value in of_regime.items():
            known = {**about, "regime": regime, "threshold": value}
            predictions += [part.assign(**known) for part in test]
        known = {**about, "regime": CLEAN_THRESHOLD, "threshold": threshold}
        validation.append(check.assign(fold=fold, **known))
    seconds = [answers.seconds[question.key] for question in asked]
    cost = {"detector": name, "ms_per_clip": 1000 * sum(seconds) / len(seconds)}
    return Judged(
        pd.concat(predictions, ignore_index=True),
        pd.concat(validation, ignore_index=True),
        pd.DataFrame([{**cost, "clips": len(asked)}]),
    )


def calls(
    detector: External,
    clips: pd.DataFrame,
    conditions: Sequence[Condition],
    folder: Path,
    *,
    seed: int,
) -> tuple[int, int]:
    """How many questions :func:`judge` poses, and how many of them are not answered yet."""
    asked = _questions(detector, *_split(clips), conditions, seed)
    answers = Answers(asking.home(detector, folder))
    return len({question.key for question in asked}), len(asking.missing(asked, answers))


def _split(clips: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Clips that are test clips of any view, and those that are validation clips of any."""
    parts = [
        pd.concat([view[view["split"] == split] for view in manifest.views(clips)])
        for split in ("test", "val")
    ]
    tested, checked = (part.drop_duplicates("clip_id") for part in parts)
    return tested, checked


def _questions(
    detector: External,
    tested: pd.DataFrame,
    checked: pd.DataFrame,
    conditions: Sequence[Condition],
    seed: int,
) -> list[questions.Question]:
    """Those of the validation clips first: a detector that fails shall fail soon."""
    how: dict[str, Any] = {"seed": seed, "sound": detector.sound}
    return [
        *questions.questions(checked, [CLEAN], **how),
        *questions.questions(tested, conditions, **how),
    ]


def _rows(
    clips: pd.DataFrame, condition: Condition, detector: External, answers: Answers, seed: int
) -> pd.DataFrame:
    asked = questions.questions(clips, [condition], seed=seed, sound=detector.sound)
    keys = [question.key for question in asked]
    return clips[[*KEYS, "band_limited"]].assign(
        **condition.columns(),
        score=[answers.found[key] for key in keys],
        data_fingerprint=store.fingerprint(keys),
    )
