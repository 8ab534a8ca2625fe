"""Several detectors on the same clips: how far they agree, and what they reach together."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from offkey import metrics
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.evaluation.predictions import MODEL, validate
from offkey.metrics import proportions

ENSEMBLE = "ensemble"
AGREEMENT_COLUMNS = [
    *("variant", "label", "first", "second", "same", "low", "high"),
    *("kappa", "both_wrong", "n_clips", "n_tracks"),
]


def agreement(predictions: pd.DataFrame) -> pd.DataFrame:
    """How often two detectors say the same of a clip.

    Parameters
    ----------
    predictions : DataFrame
        One model per detector; see :mod:`offkey.evaluation.predictions`.

    Returns
    -------
    DataFrame
        One row per pair and variant, columns ``AGREEMENT_COLUMNS``. ``same, low, high``: share of
        clips with the same verdict. ``kappa``: Cohen's, 0 where two detectors agree no more than
        their shares of "AI" make them. ``both_wrong``: share of clips both get wrong.
    """
    from sklearn.metrics import cohen_kappa_score

    table = _one_each(validate(predictions))
    rows = []
    for variant, part in table.groupby("variant", sort=False):
        by_detector = {
            str(name): own.set_index("clip_id") for name, own in part.groupby("detector")
        }
        for first, second in combinations(sorted(by_detector), 2):
            one, two = by_detector[first], by_detector[second]
            both = one.index.intersection(two.index)
            if both.empty:
                continue
            called = [(t.loc[both, "score"] >= t.loc[both, "threshold"]) for t in (one, two)]
            same = (called[0] == called[1]).to_numpy()
            wrong = same & (called[0].astype(int) != one.loc[both, "target"]).to_numpy()
            track = one.loc[both, "track_id"].to_numpy(str)
            low, high = proportions.interval(same, track)
            kappa = float("nan")
            if len(set(called[0]) | set(called[1])) == 2:
                kappa = float(cohen_kappa_score(*called))
            about = {"variant": variant, "label": part["label"].iloc[0]}
            about |= {"first": first, "second": second, "same": same.mean()}
            about |= {"low": low, "high": high, "kappa": kappa, "both_wrong": wrong.mean()}
            rows.append({**about, "n_clips": len(both), "n_tracks": len(set(track))})
    return pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)


def ensemble(
    validation: pd.DataFrame, predictions: pd.DataFrame, *, without: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weigh several detectors on validation clips and let them judge together.

    Parameters
    ----------
    validation, predictions : DataFrame
        One model per detector, the first on clean validation clips.
    without : tuple of str
        Detectors to leave out.

    Returns
    -------
    predictions : DataFrame
        Of a detector named ``ensemble``, on every variant that all members were tested on. Its
        score is a logistic regression on the members' logits; its threshold is fixed on the
        validation clips, as theirs were. Each fold has its own.
    weights : DataFrame
        ``detector, fold, weight``; the members' logits are scaled to one deviation first.

    Raises
    ------
    BadInput
        Fewer than two members, or no clip or variant that all of them have.
    """
    known = _one_each(validate(validation, "validation"))
    table = _one_each(validate(predictions))
    members = sorted((set(known["detector"]) & set(table["detector"])) - set(without))
    if len(members) < 2:
        raise BadInput(f"an ensemble takes two detectors or more, not {members or 'none'}.")
    parts, weights = [], []
    for fold, seen in known.groupby("fold"):
        judged, of_fold = _ensemble(seen, table[table["fold"] == fold], members)
        parts.append(judged)
        weights.append(of_fold.assign(fold=fold))
    columns = list(predictions.columns)
    return pd.concat(parts, ignore_index=True)[columns], pd.concat(weights, ignore_index=True)


def _ensemble(
    known: pd.DataFrame, table: pd.DataFrame, members: list[str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """:func:`ensemble` of one fold."""
    seen, targets = _logits(known, members)
    centre, spread = seen.mean(), seen.std() + 1e-9
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(class_weight="balanced", C=0.1)
    model.fit((seen - centre) / spread, targets)
    weights = model.coef_[0]

    def judged(logits: pd.DataFrame) -> np.ndarray:
        return np.asarray(expit(((logits - centre) / spread) @ weights + model.intercept_[0]))

    threshold, _ = metrics.oracle_threshold(targets.to_numpy(), judged(seen))
    parts = []
    for _, part in table.groupby("variant", sort=False):
        heard = set(part["detector"])
        if not set(members) <= heard:
            continue
        logits, _ = _logits(part, members)
        first = part[part["detector"] == members[0]].set_index("clip_id").loc[logits.index]
        parts.append(
            first.reset_index().assign(
                detector=ENSEMBLE,
                score=np.round(judged(logits), 7),
                threshold=threshold,
                model_fingerprint=store.fingerprint(members, list(weights), threshold),
                feature_fingerprint=store.fingerprint(members),
            )
        )
    if not parts:
        raise BadInput(f"no variant was judged by all of {', '.join(members)}.")
    return pd.concat(parts), pd.DataFrame({"detector": members, "weight": weights})


def _one_each(table: pd.DataFrame) -> pd.DataFrame:
    models = table[MODEL].drop_duplicates()
    twice = models[models.duplicated("detector")]
    if len(twice):
        raise BadInput(
            f"detector '{twice['detector'].iloc[0]}' stands for several models here: choose one "
            "regime, stage and seed."
        )
    return table


def _logits(table: pd.DataFrame, members: list[str]) -> tuple[pd.DataFrame, pd.Series]:
    """Logit of every member for the clips that all have, and these clips' targets."""
    wide = table.pivot(index="clip_id", columns="detector", values="score")[members].dropna()
    targets = table.drop_duplicates("clip_id").set_index("clip_id")["target"]
    return wide.clip(1e-4, 1 - 1e-4).map(logit), targets.loc[wide.index]
