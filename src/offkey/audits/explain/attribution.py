"""Grad-CAM on log-mels: what speaks for the verdict, and where.

Grad-CAM (Selvaraju et al., ICCV 2017, arXiv 1610.02391) sums the feature maps of one convolution
stage, each weighed by the mean gradient of the verdict's logit over it, and keeps what is positive.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import torch
from captum.attr import LayerAttribution, LayerGradCam
from torch import nn

from offkey.core import seeding
from offkey.core.errors import BadInput, unknown
from offkey.detectors import devices
from offkey.detectors.windows import all_windows
from offkey.features.variants import Variant

# On 128 bands and 125 frames the last stage of a ResNet18 has 4 x 4 cells of 32 bands and 1 s: too
# coarse for "which frequencies". The second has 16 x 16 cells of 8 bands and 0.26 s.
LAYER = "backbone.layer2"
BATCH = 32


def choose(clips: pd.DataFrame, per_class: int, *, seed: int = 0) -> pd.DataFrame:
    """At most `per_class` clips of either class (0: all), from tracks in random order.

    Both classes follow one order of the tracks, so twins are chosen together.
    """
    tracks = sorted(clips["track_id"].unique())
    order = seeding.rng(seed, "explain").permutation(len(tracks))
    place = dict(zip(tracks, order, strict=True))
    shuffled = clips.sort_values("track_id", key=lambda names: names.map(place), kind="stable")
    return shuffled.groupby("target").head(per_class) if per_class else shuffled


def grad_cam(detector: Any, variant: Variant, *, layer: str = LAYER) -> np.ndarray:
    """Grad-CAM towards the verdict on each clip.

    Parameters
    ----------
    detector : detector
        Trained; its ``network`` makes logits, shape (batch,), of log-mels, shape
        (batch, frames, n_mels).
    variant : Variant
        The clips to look at.
    layer : str
        Which stage of the network, e.g. ``"backbone.layer3"``.

    Returns
    -------
    ndarray of float32, shape (n_windows, frames, n_mels)
        At least 0: evidence for AI where the clip is called AI, for human where it is called human.
        Windows in the order of :func:`offkey.detectors.windows.all_windows`. The unit is the
        logit's times the layer's: compare within a window only.

    Raises
    ------
    BadInput
        The detector has no such stage.
    """
    return np.maximum(evidence(detector, variant, layer), 0)


def evidence(detector: Any, variant: Variant, layer: str) -> np.ndarray:
    """Grad-CAM before its ReLU: below 0 where a cell speaks against the verdict."""
    stage = _stage(detector, layer)
    network = detector.network
    mels, owners = windows(variant)
    towards = np.where(called(detector, variant) == "AI", 1.0, -1.0)
    signs = torch.from_numpy(towards[owners].astype(np.float32))
    cam = LayerGradCam(lambda batch, sign: network(batch) * sign, stage)
    parts = []
    with devices.placed(network) as device:
        for batch, sign in zip(mels.to(device).split(BATCH), signs.split(BATCH), strict=True):
            coarse = cam.attribute(batch, additional_forward_args=sign.to(device)).detach()
            fine = LayerAttribution.interpolate(
                coarse, (batch.shape[2], batch.shape[1]), "bilinear"
            )
            parts.append(fine[:, 0].transpose(1, 2).cpu().numpy())
    return np.concatenate(parts)


def called(detector: Any, variant: Variant) -> np.ndarray:
    """The verdict on each clip, "human" or "AI", shape (n_clips,)."""
    return np.where(detector.predict_proba(variant) >= detector.threshold, "AI", "human")


def windows(variant: Variant) -> tuple[torch.Tensor, np.ndarray]:
    """All windows, shape (n_windows, frames, n_mels), and the clip number of each."""
    found, owners = all_windows([variant])
    return found.float(), owners


def hottest(heat: np.ndarray, share: float) -> np.ndarray:
    """Mask of the hottest `share` of each window's cells, shape as `heat`."""
    flat = heat.reshape(len(heat), -1)
    n = max(1, round(share * flat.shape[1]))
    mask = np.zeros(flat.shape, dtype=bool)
    np.put_along_axis(mask, np.argpartition(-flat, n - 1, axis=1)[:, :n], True, axis=1)
    return mask.reshape(heat.shape)


def _stage(detector: Any, layer: str) -> nn.Module:
    network = getattr(detector, "network", None)
    named = network.named_modules() if isinstance(network, nn.Module) else ()
    stages = {
        name: module
        for name, module in named
        if name and any(isinstance(part, nn.Conv2d) for part in module.modules())
    }
    if not stages:
        raise BadInput(
            f"detector '{detector.NAME}' has no network with convolutions over time and frequency, "
            "which Grad-CAM needs: choose one that has, e.g. detector_name 'resnet'."
        )
    if layer not in stages:
        raise unknown("layer", layer, [name for name in stages if name.count(".") < 2])
    return stages[layer]
