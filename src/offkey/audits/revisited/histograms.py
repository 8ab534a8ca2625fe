"""Table 1 of "Synthetic Music Detection Through Image Classification", and ours beside it.

Cordeiro, Ugolini, Grillo, Sorrentini, La Sapienza 2024: 3,000 tracks of FMA against 3,000 of AAM,
one random 30 s segment of each. AAM is composed by rules and rendered from samples, so its numbers
say nothing about music from a neural generator. Which class is positive is not said: AI here. Its
text gives other digits than its table for three of them (91.3, 82.5 and 96 % accuracy).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from offkey.audits.revisited.rates import METRICS, rates, with_interval
from offkey.metrics import uncertainty

SYSTEMS: dict[str, tuple[str, dict[str, Any]]] = {
    "derivatives forest": ("histogram", {"histogram": "derivatives", "model": "forest"}),
    "colours forest": ("histogram", {"histogram": "colours", "model": "forest"}),
    "derivatives network": ("histogram", {"histogram": "derivatives", "model": "network"}),
    "colours network": ("histogram", {"histogram": "colours", "model": "network"}),
    "three-block CNN": ("cnn", {"layout": "three_blocks", "epochs": 10}),
    "frozen ResNet18": (
        "resnet",
        {"weights": "imagenet", "channels": 3, "train": "head", "epochs": 10},
    ),
}
"""Detector and settings of every column of the table."""


def histogram_table(
    predictions: Mapping[str, pd.DataFrame], *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """The paper's numbers and ours, system by system.

    Parameters
    ----------
    predictions : mapping of str to DataFrame
        By the names of :data:`SYSTEMS`; one that was not run is left out.
    n_resamples, seed : int
        Bootstrap over tracks.

    Returns
    -------
    DataFrame
        ``system, metric, published, value, low, high, n_clips, n_tracks``; NaN where not run.
    """
    printed = pd.read_csv(Path(__file__).with_name("histograms.csv"))
    rows: list[dict[str, Any]] = []
    for system, part in predictions.items():
        resamples = uncertainty.resample_tracks(
            part["track_id"], part["target"], n_resamples=n_resamples, seed=seed
        )
        rows += [{"system": system, **row} for row in rates(part, resamples, positive=1)]
    columns = ["system", "metric", "value", "low", "high", "n_clips", "n_tracks"]
    printed = printed.rename(columns={"value": "published"})
    return printed.merge(pd.DataFrame(rows, columns=columns), on=["system", "metric"], how="left")


def histogram_text(table: pd.DataFrame) -> pd.DataFrame:
    """The table as text, ``published`` beside ``ours``, "not run" where it was not."""
    text = [
        with_interval(row) if pd.notna(row["value"]) else "not run"
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(
        {
            "system": table["system"],
            "metric": table["metric"].map(METRICS),
            "published": table["published"].map("{:.2f}".format),
            "ours": text,
        }
    )
