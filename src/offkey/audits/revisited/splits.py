"""Split by picture: the same song on both sides of the split.

The research notebooks deal single pictures into train, val and test. A human clip, the generated
clips of its caption, and (where stages follow each other) its edited versions fall on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from offkey import protocols
from offkey.audits.revisited.rows import MENDED, PUBLISHED, clip_features, predictions, some_tracks
from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors.trained import EXPERIMENT
from offkey.features.variants import Variant
from offkey.perturbations import Condition

POOLED = Condition(variant="pooled", perturbation="pooled", label="clean and edited, pooled")


def untaught(
    detector: tuple[str, dict[str, Any]], clean: Variant, folder: Path, *, seed: int, name: str
) -> Any:
    """A detector whose backbone has learnt nothing from these clips.

    Its head alone was trained, for one epoch, and is not used: the backbone has ImageNet's weights
    where the settings say so, as in the original, and random ones otherwise.
    """
    kind, settings = detector
    frozen = {**settings, "train": "head", "epochs": 1}
    trained = protocols.train_seeds(
        (kind, frozen), [clean], folder, seeds=[seed], name=name, purpose=EXPERIMENT
    )
    return trained[0].detector


def leak(
    detector: Any, variants: Sequence[Variant], *, n_tracks: int = 0, folds: int = 5, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Pool the pictures of several variants and test a new head on folds by picture and by track.

    Parameters
    ----------
    detector : detector
        From :func:`untaught`: a backbone that has learnt none of the clips.
    variants : sequence of Variant
        The same clips, clean and edited.
    n_tracks : int
        Use so many tracks, drawn at random; 0 for all.
    folds : int
        Every picture is tested once, by a head that learnt the other folds.
    seed : int

    Returns
    -------
    predictions : DataFrame
        One row per picture and way: regime ``published`` by picture, ``mended`` by track.
    heard : DataFrame
        ``regime, share``: how many tested pictures had another one of their track in training.

    Notes
    -----
    The head is a logistic regression on the features of one window per picture, the best the
    original's head could become; the backbone is not trained, which would enlarge the leak.
    """
    clips = some_tracks(variants[0].clips, n_tracks, seed)
    pool = [variant.among(clips) for variant in variants]
    features = np.concatenate([clip_features(detector, variant) for variant in pool])
    pictures = pd.concat(
        [v.clips.assign(clip_id=v.clips["clip_id"] + "/" + v.condition.variant) for v in pool],
        ignore_index=True,
    )
    tables, heard = [], []
    for regime, groups in ((PUBLISHED, pictures["clip_id"]), (MENDED, pictures["track_id"])):
        fold = deal(groups, folds, seed)
        score = _tested(features, pictures["target"].to_numpy(), fold)
        kind = detector.NAME
        tables.append(predictions(pictures, POOLED, score, detector=kind, regime=regime))
        heard.append({"regime": regime, "share": heard_share(pictures["track_id"], fold)})
    return pd.concat(tables, ignore_index=True), pd.DataFrame(heard)


def deal(groups: pd.Series, folds: int, seed: int) -> np.ndarray:
    """Fold of every picture; pictures of one group share theirs, shape (n_pictures,)."""
    names = sorted(groups.unique())
    if not 2 <= folds <= len(names):
        raise BadInput(f"folds must lie between 2 and {len(names)} here, not {folds}.")
    order = seeding.rng(seed, "revisited", "folds").permutation(len(names))
    place = {names[i]: number % folds for number, i in enumerate(order)}
    return groups.map(place).to_numpy()


def heard_share(tracks: pd.Series, fold: np.ndarray) -> float:
    """Share of the pictures that have one of their own track in another fold."""
    places = pd.Series(fold, index=tracks.index).groupby(tracks).nunique()
    return float((tracks.map(places) > 1).mean())


def _tested(features: np.ndarray, target: np.ndarray, fold: np.ndarray) -> np.ndarray:
    score = np.zeros(len(target))
    for number in np.unique(fold):
        known = fold != number
        head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        head.fit(features[known], target[known])
        score[~known] = head.predict_proba(features[~known])[:, 1]
    return score
