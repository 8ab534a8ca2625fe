"""What a shift downwards costs, taken apart: the empty band, the tool, and the edit itself.

The empty band is what a shift leaves at the top where the file ends there (``bandlimit`` at the
same level); it counts for clips whose file ends there alone, ``band_limited``. The tool is what a
round trip by the same engine costs. The edit is what is left.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from offkey.evaluation.differences import TRAINED, judged
from offkey.evaluation.predictions import CLEAN
from offkey.metrics import uncertainty

COLUMNS = [
    *TRAINED, "variant", "label", "engine", "share", "drop", "low", "high", "n_clips", "n_tracks",
]  # fmt: skip
SHARES = ("the whole edit", "empty band", "tool", "edit")
_TRIP = "round_trip_pitch"


def loss_shares(
    predictions: pd.DataFrame, *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Split the loss of every downward shift into empty band, tool and edit.

    Parameters
    ----------
    predictions : DataFrame
        See :mod:`offkey.evaluation.predictions`; with ``band_limited`` (without it, every clip
        counts as limited). Shifts whose controls were not tested are left out.
    n_resamples, seed : int
        Bootstrap over tracks.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``, four rows a shift: ``share`` is one of ``SHARES``, ``drop`` points of
        balanced accuracy as a fraction, mean over the seeds, with its 95 % interval over tracks
        (:func:`offkey.metrics.uncertainty.difference_interval`). The last three add up to the
        first. An empty band that no file has costs nothing by definition: no interval.
    """
    table = judged(predictions)
    resamples = uncertainty.resample_tracks(
        table["track_id"], table["target"], n_resamples=n_resamples, seed=seed
    )
    rows: list[dict[str, Any]] = []
    for keys, model in table.groupby(TRAINED, sort=False):
        about = dict(zip(TRAINED, keys, strict=True))
        right = model.pivot_table(index="clip_id", columns="variant", values="right")
        clips = model.drop_duplicates("clip_id").set_index("clip_id").loc[right.index]
        limited = clips.get("band_limited", pd.Series(True, right.index)).astype(float)
        shifts = model[(model["perturbation"] == "pitch") & (model["level"] < 0)]
        for shift in shifts.drop_duplicates("variant").to_dict("records"):
            edit, _, engine = shift["variant"].partition("@")
            band = edit.replace("pitch", "bandlimit", 1)
            trip = f"{_TRIP}@{engine}" if engine else _TRIP
            if not {CLEAN, band, trip} <= set(right):
                continue
            lost = {
                "the whole edit": right[CLEAN] - right[shift["variant"]],
                "empty band": (right[CLEAN] - right[band]) * limited,
                "tool": right[CLEAN] - right[trip],
            }
            lost["edit"] = lost["the whole edit"] - lost["empty band"] - lost["tool"]
            about |= {name: shift[name] for name in ("variant", "label", "engine")}
            for share in SHARES:
                found = _mean(lost[share], clips, resamples)
                if share == "empty band" and not limited.any():
                    found |= {"low": float("nan"), "high": float("nan")}
                rows.append({**about, "share": share, **found})
    return pd.DataFrame(rows, columns=COLUMNS)


def _mean(
    lost: pd.Series, clips: pd.DataFrame, resamples: uncertainty.Resamples
) -> dict[str, float]:
    """Mean of both classes, each by itself, with its interval over tracks."""
    known = lost.notna().to_numpy()
    lost, clips = lost[known], clips[known]
    target, track = clips["target"].to_numpy(), resamples.columns(clips["track_id"])
    low, high, _ = uncertainty.difference_interval(resamples.counts, track, target, lost)
    return {
        "drop": sum(float(lost[target == which].mean()) for which in (0, 1)) / 2,
        "low": low,
        "high": high,
        "n_clips": len(lost),
        "n_tracks": clips["track_id"].nunique(),
    }
