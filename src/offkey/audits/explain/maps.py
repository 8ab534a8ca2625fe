"""Mean Grad-CAM per variant and verdict: as a map, and as a profile over frequency."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from offkey.audits.explain.attribution import LAYER, called, evidence, hottest, windows
from offkey.core.errors import BadInput
from offkey.features.variants import Variant
from offkey.metrics import uncertainty

HOT = 0.2
TIMES, BANDS = 25, 32


def average_maps(
    detector: Any,
    variants: Iterable[Variant],
    *,
    layer: str = LAYER,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """How often a cell is among the hottest fifth of its window, per variant and verdict.

    Parameters
    ----------
    detector, layer
        See :func:`offkey.audits.explain.grad_cam`.
    variants : iterable of Variant
    n_resamples, seed : int
        Of the bootstrap over tracks.

    Returns
    -------
    maps : DataFrame
        ``variant, label, called, n_clips, n_ai, time_s, frequency_hz, value``: at most ``TIMES``
        × ``BANDS`` cells per picture, named by their centres. ``value``: share, ``HOT`` everywhere
        if the evidence were spread evenly. ``n_ai``: how many of the clips are AI in truth.
    profiles : DataFrame
        ``variant, label, called, frequency_hz, value, low, high, n_clips, n_tracks``: the mean over
        time, with its 95 % interval.

    Raises
    ------
    BadInput
        The detector has no such stage, or no window holds evidence for its verdict there.

    Notes
    -----
    Shares, not heat: Grad-CAM has no common scale across windows, and a mean of the heat is the
    picture of the few windows with the sharpest peaks. A clip counts as the mean of its windows;
    windows without evidence for the verdict are left out; where less than a fifth of one speaks for
    the verdict, what speaks least against it makes up the rest. Clips are grouped by what they are
    called, since the map shows what speaks for that; so is the check of :mod:`.checking`.
    """
    maps, profiles = [], []
    for variant in variants:
        shares, clips = _per_clip(detector, variant, layer)
        if clips.empty:
            continue
        cells = _cells(variant)
        bands = cells[cells["time_s"] == cells["time_s"].iloc[0]][["frequency_hz"]]
        resamples = uncertainty.resample_tracks(
            clips["track_id"], clips["target"], n_resamples=n_resamples, seed=seed
        )
        for verdict, rows in clips.groupby("called"):
            mine = shares[rows.index]
            about = {
                "variant": variant.condition.variant,
                "label": variant.condition.label,
                "called": verdict,
                "n_clips": len(rows),
            }
            mean = mine.mean(axis=0).ravel()
            maps.append(cells.assign(**about, n_ai=int(rows["target"].sum()), value=mean))
            columns = resamples.columns(rows["track_id"])
            spread = _spread(mine.mean(axis=1), resamples.counts, columns)
            profiles.append(pd.concat([bands.assign(**about), spread], axis=1))
    if not maps:
        raise BadInput(f"stage '{layer}' holds no evidence for any verdict: choose another layer.")
    order = ["variant", "label", "called", "n_clips", "n_ai", "time_s", "frequency_hz", "value"]
    return pd.concat(maps, ignore_index=True)[order], pd.concat(profiles, ignore_index=True)


def _per_clip(detector: Any, variant: Variant, layer: str) -> tuple[np.ndarray, pd.DataFrame]:
    """Shares, shape (n_clips, times, bands), and the clips in whose windows there is evidence."""
    heat, owners = evidence(detector, variant, layer), windows(variant)[1]
    lit = heat.max(axis=(1, 2)) > 0
    hot = _reduced(hottest(heat, HOT).astype(np.float64))
    shown = np.unique(owners[lit])
    clips = variant.clips.assign(called=called(detector, variant)).iloc[shown]
    means = [hot[lit & (owners == clip)].mean(axis=0) for clip in shown]
    return np.array(means), clips.reset_index(drop=True)


def _spread(values: np.ndarray, counts: np.ndarray, columns: np.ndarray) -> pd.DataFrame:
    n_tracks = len(np.unique(columns))
    rows = []
    for band in values.T:
        ends = uncertainty.interval(uncertainty.mean_draws(counts, columns, band), n_tracks)
        rows.append({"value": band.mean(), "low": ends.low, "high": ends.high})
    return pd.DataFrame(rows).assign(n_tracks=n_tracks)


def _edges(size: int, most: int) -> np.ndarray:
    return np.linspace(0, size, min(most, size) + 1).round().astype(int)


def _means(values: np.ndarray, most: int, axis: int) -> np.ndarray:
    edges = _edges(values.shape[axis], most)
    sums = np.moveaxis(np.add.reduceat(values, edges[:-1], axis=axis), axis, -1)
    return np.moveaxis(sums / np.diff(edges), -1, axis)


def _reduced(maps: np.ndarray) -> np.ndarray:
    return _means(_means(maps, TIMES, 1), BANDS, 2)


def _cells(variant: Variant) -> pd.DataFrame:
    """Centres of the cells, in the order of a reduced map's values."""
    features = variant.features
    seconds = (np.arange(features.window_frames) + 0.5) * features.frame_s
    time = _means(seconds, TIMES, 0).round(4)
    hz = _means(features.frequencies_hz(), BANDS, 0).round(1)
    return pd.DataFrame(
        {"time_s": np.repeat(time, len(hz)), "frequency_hz": np.tile(hz, len(time))}
    )
