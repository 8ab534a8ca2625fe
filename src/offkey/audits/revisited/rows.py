"""What the experiments share: which tracks, what the network hears, the predictions table."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch

from offkey.core import seeding, store
from offkey.core.errors import BadInput
from offkey.core.manifest import KEYS, with_groups
from offkey.features.variants import Variant
from offkey.perturbations import Condition

PUBLISHED, MENDED = "published", "mended"
_BATCH = 32


def some_tracks(clips: pd.DataFrame, n_tracks: int, seed: int) -> pd.DataFrame:
    """Clips of `n_tracks` tracks drawn at random; 0 or more than there are: all."""
    tracks = sorted(clips["track_id"].unique())
    order = seeding.rng(seed, "revisited", "tracks").permutation(len(tracks))
    chosen = {tracks[i] for i in order[: n_tracks or len(tracks)]}
    return clips[clips["track_id"].isin(chosen)].reset_index(drop=True)


def clip_features(detector: Any, variant: Variant) -> np.ndarray:
    """Backbone output for the first window of every clip, shape (n_clips, n_features).

    One window per clip, as the original's one picture per clip.

    Raises
    ------
    BadInput
        The detector has no backbone and head.
    """
    network: Any = getattr(detector, "network", None)
    if not (hasattr(network, "features") and hasattr(network, "head")):
        raise BadInput(
            f"detector '{detector.NAME}' has no backbone with a head, which these experiments "
            "train: use detector 'resnet'."
        )
    network.eval()
    parts = []
    with torch.inference_mode():
        for begin in range(0, len(variant), _BATCH):
            rows = range(begin, min(begin + _BATCH, len(variant)))
            mels = np.stack([variant.windows(row)[0] for row in rows]).astype(np.float32)
            parts.append(network.features(torch.from_numpy(mels)).numpy())
    return np.concatenate(parts)


def predictions(
    clips: pd.DataFrame,
    condition: Condition,
    score: np.ndarray,
    *,
    detector: str,
    regime: str,
    seed: int = 0,
    threshold: float = 0.5,
) -> pd.DataFrame:
    """A table of predictions, as :mod:`offkey.evaluation` takes it, of clips that were not learnt.

    Their split is written as ``test``: under cross-validation every clip is tested once.
    """
    return with_groups(clips)[KEYS].assign(
        **condition.columns(),
        split="test",
        detector=detector,
        regime=regime,
        stage="",
        train_variant=regime,
        seed=seed,
        score=np.round(score, 7),
        threshold=threshold,
        model_fingerprint="",
        data_fingerprint=store.fingerprint(clips["clip_id"].tolist()),
        feature_fingerprint="",
    )
