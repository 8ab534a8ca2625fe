"""Axes in the picture: the time axis alone says how much faster or slower a clip was made.

``create_dataset_spectrograms.ipynb`` and its copies save an 8 × 7 in figure at 100 dpi with
``librosa.display.specshow``, ticks and labels included, and the network sees all of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from offkey import perturbations
from offkey.audits.revisited.rows import MENDED, PUBLISHED, predictions, some_tracks
from offkey.core import compiled, seeding
from offkey.core.errors import BadInput
from offkey.features import LogMel, variants
from offkey.perturbations import Condition

SIZE_IN, DPI = (8, 7), 100
BORDER_PX = 2  # the frame of the data is drawn across its edge


def picture(mel: np.ndarray, features: LogMel, *, axes: bool = True) -> np.ndarray:
    """Draw a log-mel as the original does and blank the data: what is left is the axes.

    Parameters
    ----------
    mel : ndarray of shape (n_frames, n_mels)
    features : LogMel
        Its settings.
    axes : bool
        Draw the axes.

    Returns
    -------
    ndarray of uint8, shape (700, 800)
        Grey levels, 255 where there is no ink, and in all of the data area.
    """
    import matplotlib.style
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with matplotlib.style.context("default"):
        figure = Figure(figsize=SIZE_IN, dpi=DPI)
        canvas = FigureCanvasAgg(figure)
        area: Any = figure.subplots()
        about: dict[str, Any] = {"sr": features.sample_rate_hz, "hop_length": features.hop}
        show = compiled.librosa().display.specshow
        show(mel.T, x_axis="time", y_axis="mel", cmap="magma", ax=area, **about)
        if not axes:
            area.set_axis_off()
        canvas.draw()
    grey = np.asarray(canvas.buffer_rgba())[..., :3].mean(axis=2).astype(np.uint8)
    left, bottom, right, top = area.get_window_extent().extents.round().astype(int)
    height = len(grey)
    rows = slice(height - top - BORDER_PX, height - bottom + BORDER_PX)
    grey[rows, left - BORDER_PX : right + BORDER_PX] = 255
    return grey


def read_tempo(
    clips: pd.DataFrame, condition: Condition, *, n_pictures: int = 60, folds: int = 5, seed: int
) -> pd.DataFrame:
    """Tell clips that were sped up from clips that were slowed down, by the axes alone.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths; one clip of each of `n_pictures` tracks is drawn.
    condition : Condition
        One that draws a tempo for every clip.
    n_pictures, folds : int
        Pictures with axes, and as many without; folds of whole tracks.
    seed : int
        The study's seed.

    Returns
    -------
    DataFrame
        Predictions of a logistic regression on the pixels outside the data, ``target`` 1 for
        faster than the original: regime ``published`` with axes, ``mended`` without.
    """
    chosen = some_tracks(clips, n_pictures, seed)
    order = seeding.rng(seed, "revisited", "clip").permutation(len(chosen))
    chosen = chosen.iloc[order].drop_duplicates("track_id").reset_index(drop=True)
    drawn = [perturbations.draw(condition, seed, clip_id) for clip_id in chosen["clip_id"]]
    faster = np.array([numbers["rate"] > 1 for numbers in drawn], dtype=np.int64)
    smaller = int(np.bincount(faster, minlength=2).min())
    if smaller < 2:
        raise BadInput(
            f"{len(chosen)} pictures hold {smaller} clips that were made faster or slower: "
            "draw more, at least two of each are needed."
        )
    features = LogMel()
    mels = [
        features(variants.edited(clip, condition, seed=seed)[1])
        for clip in chosen.itertuples(index=False)
    ]
    tables = []
    for regime, axes in ((PUBLISHED, True), (MENDED, False)):
        pixels = np.stack([picture(mel, features, axes=axes).ravel() for mel in mels])
        score = _tested(pixels, faster, min(folds, smaller), seed)
        heard = chosen.assign(target=faster)
        tables.append(predictions(heard, condition, score, detector="pixels", regime=regime))
    return pd.concat(tables, ignore_index=True)


def _tested(pixels: np.ndarray, target: np.ndarray, folds: int, seed: int) -> np.ndarray:
    """P(faster) of every picture by a model of the others; one track each, so folds are tracks."""
    differ = (pixels != pixels[0]).any(axis=0)
    ink = 1 - pixels[:, differ] / 255.0
    score = np.full(len(target), target.mean())
    if not differ.any():
        return score
    state = seeding.integer(seed, "revisited", "pictures")
    for known, unknown in StratifiedKFold(folds, shuffle=True, random_state=state).split(
        ink, target
    ):
        model = LogisticRegression(max_iter=2000).fit(ink[known], target[known])
        score[unknown] = model.predict_proba(ink[unknown])[:, 1]
    return score
