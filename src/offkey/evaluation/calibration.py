"""Predictions with their scores brought to the temperature that validation clips ask for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput
from offkey.core.manifest import with_groups
from offkey.evaluation.predictions import MODEL, validate
from offkey.metrics import calibration

_OF = [*MODEL, "fold"]
RAW, SCALED = "as trained", "temperature scaled"


def temperatures(validation: pd.DataFrame) -> pd.DataFrame:
    """Fit one temperature per model and fold.

    Parameters
    ----------
    validation : DataFrame
        Predictions on validation clips; see :mod:`offkey.evaluation.predictions`.

    Returns
    -------
    DataFrame
        ``detector, regime, stage, train_variant, seed, fold, temperature, n_clips``.
    """
    rows = [
        dict(zip(_OF, keys, strict=True))
        | {
            "temperature": calibration.fit_temperature(part["target"], part["score"]),
            "n_clips": len(part),
        }
        for keys, part in validate(validation, "validation").groupby(_OF, sort=False)
    ]
    return pd.DataFrame(rows)


def calibrate(predictions: pd.DataFrame, fitted: pd.DataFrame) -> pd.DataFrame:
    """Predictions as they are and scaled, below each other; column ``stage`` tells them apart.

    Thresholds are scaled too, so every verdict stays: only the probabilities change.

    Parameters
    ----------
    predictions : DataFrame
        On test clips.
    fitted : DataFrame
        From :func:`temperatures`.
    """
    table = with_groups(predictions).merge(fitted[[*_OF, "temperature"]], on=_OF, how="left")
    lacking = table["temperature"].isna()
    if lacking.any():
        first = table[lacking].iloc[0]
        raise BadInput(
            f"no temperature for detector '{first['detector']}', regime '{first['regime']}', seed "
            f"{first['seed']}: predict its validation clips first."
        )
    heat = table["temperature"].to_numpy()
    table = table.drop(columns="temperature")
    scaled = {
        name: np.round(calibration.scale(table[name], heat), 7) for name in ("score", "threshold")
    }
    parts = [table.assign(stage=RAW), table.assign(stage=SCALED, **scaled)]
    return pd.concat(parts, ignore_index=True)
