"""Scores of detectors on what they have heard and on what was left out."""

from __future__ import annotations

import pandas as pd

from offkey.core.errors import BadInput
from offkey.evaluation.differences import compare_regimes
from offkey.evaluation.scoring import score
from offkey.metrics import paired


def score_held_out(predictions: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Score every left-out family or source, heard and unheard.

    Parameters
    ----------
    predictions : DataFrame
        With a column ``held_out``; regimes ``heard`` and ``unheard`` on the same clips.
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
    """What not having heard it costs: see :func:`offkey.evaluation.compare_regimes`.

    ``p_tracks_holm`` is corrected over all that was left out.
    """
    parts = [
        compare_regimes(part.drop(columns="held_out"), baseline="heard", seed=seed).assign(
            held_out=name
        )
        for name, part in _groups(predictions)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(p_tracks_holm=paired.holm(table["p_tracks"]))


def _groups(predictions: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if "held_out" not in predictions:
        raise BadInput("predictions lack the column 'held_out', which names what was left out.")
    return [(str(name), part) for name, part in predictions.groupby("held_out", sort=False)]
