"""Scores of detectors on what was in their training and on what was held out."""

from __future__ import annotations

import pandas as pd

from offkey.core.errors import BadInput
from offkey.evaluation.differences import compare_regimes
from offkey.evaluation.scoring import score
from offkey.metrics import paired


def score_held_out(predictions: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Score every held-out family or source: in training, in training on as few tracks, held out.

    Parameters
    ----------
    predictions : DataFrame
        With a column ``held_out``; regimes ``heard``, ``heard_same_size`` and ``unheard`` on the
        same clips, see :func:`offkey.protocols.unseen.leave_one_out`; or ``heard`` and
        ``unheard``, see :func:`offkey.protocols.unseen.heard_in_folds`.
    seed : int
        Of the resamples.

    Returns
    -------
    DataFrame
        The scores table with ``held_out``.
    """
    parts = [
        score(part.drop(columns="held_out"), seed=seed, subsets=["all"]).assign(held_out=name)
        for name, part in _groups(predictions)
    ]
    return pd.concat(parts, ignore_index=True)


def compare_held_out(predictions: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """What holding it out costs: see :func:`offkey.evaluation.compare_regimes`.

    Compared with a detector trained with it on as few tracks: a smaller training set costs
    something by itself. ``p_tracks_holm`` is corrected over all that was held out.
    """
    parts = []
    for name, part in _groups(predictions):
        sized = "heard_same_size" in set(part["regime"])
        baseline = "heard_same_size" if sized else "heard"
        both = part[part["regime"].isin([baseline, "unheard"])].drop(columns="held_out")
        compared = compare_regimes(both, baseline=baseline, seed=seed)
        parts.append(compared.assign(held_out=name))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(p_tracks_holm=paired.holm(table["p_tracks"]))


def _groups(predictions: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if "held_out" not in predictions:
        raise BadInput("predictions lack the column 'held_out', which names what was left out.")
    return [(str(name), part) for name, part in predictions.groupby("held_out", sort=False)]
