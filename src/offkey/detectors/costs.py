"""What a detector costs: milliseconds a clip, megabytes on disk, seconds of training."""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np
import pandas as pd

from offkey.core import manifest, store
from offkey.detectors.base import Detector
from offkey.features.variants import Variant
from offkey.sound import audio

COLUMNS = ["detector", "ms_per_clip", "slowest_ms", "megabytes", "training_s", "n_clips"]


def benchmark(
    detectors: Mapping[str, Detector], clean: Variant, *, n_clips: int = 12
) -> pd.DataFrame:
    """Time trained detectors on whole clips, from samples to P(AI), one after another.

    Parameters
    ----------
    detectors : mapping of str to Detector
        Trained, as :func:`offkey.protocols.train` returns them.
    clean : Variant
        Its first clips of either class are judged; decoding is not timed.
    n_clips : int
        How many.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``. ``ms_per_clip``: mean; a detector that takes a second look at some
        clips has a ``slowest_ms`` well above it. ``training_s``: wall clock when it was trained,
        NaN where its file does not say. One clip is judged before the clock starts.
    """
    chosen = clean.clips.groupby("target", sort=False).head(max(1, n_clips // 2))
    rows = []
    for name, detector in detectors.items():
        rate = detector.features.sample_rate_hz
        heard = [
            (audio.load(clip["path"], rate), {fact: clip[fact] for fact in manifest.SOURCE_FACTS})
            for clip in chosen.to_dict("records")
        ]
        detector.score_samples(*heard[0])
        spent = []
        for samples, about in heard:
            start = time.perf_counter()
            detector.score_samples(samples, about)
            spent.append(1000 * (time.perf_counter() - start))
        card = store.read_json(detector.folder / "model.json")
        size = sum(path.stat().st_size for path in detector.folder.glob("model.*"))
        rows.append(
            {
                "detector": name,
                "ms_per_clip": float(np.mean(spent)),
                "slowest_ms": float(np.max(spent)),
                "megabytes": size / 1e6,
                "training_s": float(card.get("training_s", "nan")),
                "n_clips": len(spent),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)
