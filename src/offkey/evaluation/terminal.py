"""Scores table → tables of text for a terminal."""

from __future__ import annotations

import numpy as np
import pandas as pd

_SHOWN = {
    "balanced_accuracy": "balanced accuracy",
    "auc": "AUC",
    "eer": "EER",
    "false_accusation_rate": "false positive rate",
    "miss_rate": "miss rate",
    "oracle_balanced_accuracy": "oracle balanced accuracy",
    "ece": "ECE",
    "brier": "Brier",
}
_CHANGES = {
    "drop_balanced_accuracy": "balanced accuracy lost",
    "drop_auc": "AUC lost",
    "drift_mean": "mean |change of p|",
    "flip_rate": "verdicts changed",
}


def summary(scores: pd.DataFrame) -> list[pd.DataFrame]:
    """Scores as tables of text to print, "value [low, high]" with the 95 % interval.

    Parameters
    ----------
    scores : DataFrame
        From :func:`offkey.evaluation.score`, of one model.

    Returns
    -------
    list of DataFrame
        For one condition a table with a row per metric. For several, tables with a row per
        condition: two of metrics and, where clips under both can be paired, the changes from the
        clean one.
    """
    rows = scores[scores["subset"] == "all"]
    rows = rows.assign(cell=[_cell(*found) for found in rows[["value", "low", "high"]].to_numpy()])
    order = list(dict.fromkeys(rows["label"]))
    wide = rows.pivot(index="label", columns="metric", values="cell").reindex(order)
    about = rows[rows["metric"] == "accuracy"].set_index("label").reindex(order)
    humans = rows[rows["metric"] == "false_accusation_rate"].set_index("label")["n_clips"]
    size = about[["n_clips", "n_tracks"]].set_axis(["n", "n_tracks"], axis=1)
    size = size.assign(n_human=humans).astype(str)
    wide = pd.concat([size, wide], axis=1).rename(columns={**_SHOWN, **_CHANGES})
    wide = wide.reindex(columns=[*size, *_SHOWN.values(), *_CHANGES.values()])
    if len(order) == 1:
        whole = wide.iloc[0].drop([*_CHANGES.values()]).rename_axis("metric")
        return [whole.rename("value [95 % interval]").reset_index()]
    blocks = [[*size, *list(_SHOWN.values())[:3]], list(_SHOWN.values())[3:]]
    if rows["metric"].isin(_CHANGES).any():
        blocks.append(list(_CHANGES.values()))
    wide = wide.fillna("–").rename_axis("condition")
    return [wide[block].reset_index() for block in blocks]


def _cell(value: float, low: float = np.nan, high: float = np.nan) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.3f}" + ("" if np.isnan(low) else f" [{low:.3f}, {high:.3f}]")
