"""The numbers in print, with their source and status, and ours in the same words.

Human is the positive class there: *recall* is the share of human clips called human, *false
positive rate* the share of AI clips called human.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from offkey.audits.revisited.rates import METRICS, rates, with_interval
from offkey.core.errors import BadInput
from offkey.metrics import uncertainty

_EDITS = {
    "original_pitch": "pitch",
    "original_tempo": "tempo",
    "original_pitch_tempo": "pitch and tempo",
}


@cache
def table() -> pd.DataFrame:
    """What was printed: ``run, metric, value, status, source, note``.

    ``status`` is ``second hand`` (as a review quotes it; the paper's own table could not be read),
    ``derived`` (arithmetic on such values) or ``not available``.
    """
    return pd.read_csv(Path(__file__).with_name("published.csv"), keep_default_na=False).assign(
        value=lambda rows: pd.to_numeric(rows["value"])
    )


def measured(predictions: pd.DataFrame, *, n_resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Our counterparts of the runs in print.

    Parameters
    ----------
    predictions : DataFrame
        Clean-trained, retrained and iterative ones, as far as they are there; one detector.
    n_resamples, seed : int
        Bootstrap over tracks.

    Returns
    -------
    DataFrame
        ``run, metric, value, low, high, n_clips, n_tracks``; of several seeds the mean, and the
        outermost ends of their intervals.
    """
    if predictions["detector"].nunique() != 1:
        raise BadInput("the numbers in print are set beside those of one detector: choose it.")
    keys = ["clip_id", "variant", "regime", "stage", "train_variant", "seed"]
    predictions = predictions.drop_duplicates(keys).reset_index(drop=True)
    resamples = uncertainty.resample_tracks(
        predictions["track_id"], predictions["target"], n_resamples=n_resamples, seed=seed
    )
    run = _runs(predictions)
    rows: list[dict[str, Any]] = []
    for (name, _), part in predictions[run != ""].groupby([run, "seed"], sort=False):
        rows += [{"run": name, **row} for row in rates(part, resamples, positive=0)]
    columns = ["run", "metric", "value", "low", "high", "n_clips", "n_tracks"]
    how = {"value": "mean", "low": "min", "high": "max", "n_clips": "max", "n_tracks": "max"}
    found = pd.DataFrame(rows, columns=columns).groupby(["run", "metric"], sort=False)
    return found.agg(how).reset_index()


def beside(ours: pd.DataFrame) -> pd.DataFrame:
    """Print and ours side by side, as text: "not available" in print, or "not run" here.

    Returns
    -------
    DataFrame
        ``run, metric, published, status, ours, n_clips``.
    """
    merged = table().merge(ours, on=["run", "metric"], how="left", suffixes=("", "_ours"))
    text = [_text(row) for row in merged.to_dict("records")]
    there = merged["value_ours"].notna()
    printed = merged["value"].map("{:.3f}".format)
    return pd.DataFrame(
        {
            "run": merged["run"],
            "metric": merged["metric"].map(METRICS),
            "published": printed.where(merged["value"].notna(), merged["status"]),
            "status": merged["status"].where(merged["value"].notna(), ""),
            "ours": pd.Series(text).where(there, "not run"),
            "n_clips": merged["n_clips"].map("{:.0f}".format).where(there, "–"),
        }
    )


def _text(row: Mapping[Any, Any]) -> str:
    return with_interval({**row, "value": row["value_ours"]}, 3 if row["n_clips"] >= 200 else 2)


def _runs(predictions: pd.DataFrame) -> pd.Series:
    """Name of the printed run each row belongs to, empty where there is none."""
    regime, variant = predictions["regime"], predictions["variant"]
    edit = predictions["perturbation"].map(_EDITS).fillna("")
    own = (regime == "retrained") & (predictions["train_variant"] == variant)
    last = predictions["stage"] == predictions["stage"].max()
    continuous = (regime == "iterative") & last & (edit == "pitch and tempo")
    run = edit.where(own, "")
    run = run.mask((regime == "clean") & (variant == "clean"), "base")
    return run.mask(continuous, "continuous")
