"""Is the map true? With the cells replaced that it points at, the score must fall faster.

The deletion check of Petsiuk et al. (RISE, BMVC 2018, arXiv 1806.07421), against random masks of
the same size and shape, and with cells of other clips for a fill.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from offkey.audits.explain.attribution import LAYER, called, evidence, hottest, windows
from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors import devices
from offkey.features.variants import Variant
from offkey.metrics import uncertainty

SHARES = (0.05, 0.1, 0.2, 0.4)
KINDS = ["grad_cam", "random", "difference"]


def deletion(
    detector: Any,
    variant: Variant,
    *,
    shares: Sequence[float] = SHARES,
    n_random: int = 3,
    seed: int = 0,
    layer: str = LAYER,
) -> pd.DataFrame:
    """Replace the cells that Grad-CAM finds hottest, and as many elsewhere; score both.

    Parameters
    ----------
    detector, variant, layer
        See :func:`offkey.audits.explain.grad_cam`; clips of at least two tracks.
    shares : sequence of float
        Shares of each window's cells to replace, above 0 and below 1.
    n_random : int
        Random masks per window, and clips to take cells from; their scores are averaged.
    seed : int
        Of the random masks and the clips to take cells from.

    Returns
    -------
    DataFrame
        One row per clip, share and ``kind`` ("grad_cam", "random"): ``clip_id, track_id, target,
        variant, label, called, share, kind, before, after``. The last two are the scores of the
        class it was called before, P(AI) or 1 − P(AI).

    Notes
    -----
    A masked cell is replaced by the cell of the same place in another clip, of any class but of
    another track, under the same edit. A flat fill (the mean of the training clips, or the clip's
    median) is no neutral ground: it is smooth, smoothness is what some decoders leave behind, and a
    picture of nothing but fill can score as high as any AI clip. Then AI scores cannot fall.

    A random mask is the Grad-CAM mask rolled round by a random distance in time and frequency: of
    the same size, shape and length of edges. Cells strewn about would have more edges, and edges
    alone disturb a network.
    """
    if not shares or not all(0 < share < 1 for share in shares) or n_random < 1:
        raise BadInput(
            f"shares {list(shares)} with {n_random} random masks: shares must be above 0 and below "
            "1, and at least one random mask is needed."
        )
    heat = evidence(detector, variant, layer)
    mels, owners = windows(variant)
    draws = _draws(variant, owners, n_random, seed)
    score, verdict = detector.predict_proba(variant), called(detector, variant)
    ai = verdict == "AI"
    about = variant.clips[["clip_id", "track_id", "target"]].assign(
        variant=variant.condition.variant, label=variant.condition.label, called=verdict
    )
    tables = []
    for share in shares:
        hot = torch.from_numpy(hottest(heat, share))
        for kind in ("grad_cam", "random"):
            left = np.zeros(len(about))
            for donors, shifts in draws:
                mask = hot if kind == "grad_cam" else _rolled(hot, shifts)
                replaced = torch.where(mask, mels[donors], mels)
                left += _score(detector.network, replaced, owners) / n_random
            rows = about.assign(share=share, kind=kind, before=np.where(ai, score, 1 - score))
            tables.append(rows.assign(after=np.where(ai, left, 1 - left)))
    return pd.concat(tables, ignore_index=True)


def deletion_summary(
    deleted: pd.DataFrame, *, n_resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """How far the scores fall, with 95 % intervals by bootstrap over tracks.

    Parameters
    ----------
    deleted : DataFrame
        From :func:`deletion`; several variants below each other.
    n_resamples, seed : int

    Returns
    -------
    DataFrame
        ``variant, label, called, share, kind, value, low, high, n_clips, n_tracks``. ``called``:
        "all", "human" or "AI". ``share``: NaN for the mean over all shares, the one number to judge
        by. ``kind``: the mean fall of the score with masks of "grad_cam" or "random", and their
        "difference" within each clip: above 0 where the map points at what counts.
    """
    keys = ["variant", "label", "clip_id", "track_id", "target", "called"]
    falls = deleted.assign(fall=deleted["before"] - deleted["after"])
    wide = falls.pivot(index=[*keys, "share"], columns="kind", values="fall").reset_index()
    wide["difference"] = wide["grad_cam"] - wide["random"]
    whole = wide.groupby(keys)[KINDS].mean().reset_index()
    each = pd.concat([wide, whole])
    each = pd.concat([each.assign(called="all"), each])
    order = {name: place for place, name in enumerate(deleted["variant"].unique())}
    each = each.sort_values("variant", key=lambda names: names.map(order), kind="stable")
    resamples = uncertainty.resample_tracks(
        wide["track_id"], wide["target"], n_resamples=n_resamples, seed=seed
    )
    rows = []
    keys = ["variant", "label", "called", "share"]
    for key, part in each.groupby(keys, sort=False, dropna=False):
        columns = resamples.columns(part["track_id"])
        counts = {"n_clips": len(part), "n_tracks": len(np.unique(columns))}
        for kind in KINDS:
            draws = uncertainty.mean_draws(resamples.counts, columns, part[kind])
            low, high, _ = uncertainty.interval(draws, counts["n_tracks"])
            found = {"kind": kind, "value": part[kind].mean(), "low": low, "high": high}
            rows.append({**dict(zip(keys, key, strict=True)), **found, **counts})
    return pd.DataFrame(rows)


def _draws(
    variant: Variant, owners: np.ndarray, n_random: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per draw the window each window takes cells from, and its shift in frames and bands."""
    clips = variant.clips
    if clips["track_id"].nunique() < 2:
        raise BadInput(
            f"variant '{variant.condition.variant}' has clips of one track: the deletion check "
            "takes cells from another one, so give at least two."
        )
    size = (variant.features.window_frames, variant.features.n_mels)
    donors = np.empty((n_random, len(owners)), dtype=np.int64)
    shifts = np.empty((n_random, len(owners), 2), dtype=np.int64)
    for row, (clip_id, track_id) in enumerate(
        zip(clips["clip_id"], clips["track_id"], strict=True)
    ):
        rng = seeding.rng(seed, clip_id, variant.condition.variant, "deletion")
        mine = np.flatnonzero(owners == row)
        others = np.flatnonzero((clips["track_id"] != track_id).to_numpy()[owners])
        donors[:, mine] = rng.choice(others, size=(n_random, len(mine)))
        shifts[:, mine] = rng.integers(1, size, size=(n_random, len(mine), 2))
    return list(zip(donors, shifts, strict=True))


def _rolled(masks: torch.Tensor, shifts: np.ndarray) -> torch.Tensor:
    pairs = zip(masks, shifts.tolist(), strict=True)
    return torch.stack([mask.roll(shift, dims=(0, 1)) for mask, shift in pairs])


def _score(network: nn.Module, mels: torch.Tensor, owners: np.ndarray) -> np.ndarray:
    found = torch.sigmoid(devices.outputs(network, mels)).double().numpy()
    return np.bincount(owners, found) / np.bincount(owners)
