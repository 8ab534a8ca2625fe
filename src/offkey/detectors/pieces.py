"""A recording of any length as pieces that are each heard as a training clip is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from offkey.features import Window
from offkey.sound import audio

SLACK = 0.05
"""A recording longer than a clip by this share of one needs no further piece."""


@dataclass(frozen=True)
class Pieces:
    """What of a recording is heard.

    Attributes
    ----------
    samples : list of ndarray of float32, shape (n,)
        The pieces that are not silent, all of one length.
    n_windows : int
        Analysis windows heard of every piece, from its centre.
    n_silent : int
        Pieces left out because they are silent.
    heard_s : float
        Seconds of the recording that lie in these windows, each counted once.
    padded : bool
        It is shorter than one window and was filled with silence.
    """

    samples: list[np.ndarray]
    n_windows: int
    n_silent: int
    heard_s: float
    padded: bool


def cut(samples: np.ndarray, features: Window, clip_s: float) -> Pieces:
    """Cut a recording into the fewest pieces of equal length that reach from end to end.

    Levels are relative to a piece, not to the recording, because a detector learns from clips: a
    quiet part has the same features with a loud one beside it as alone.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        At the rate of `features`.
    features : Window
        What the detector hears.
    clip_s : float
        Length of the clips it was trained on, which is the length of a piece; neighbours overlap
        where the recording is no multiple of it. A shorter recording is one piece.
    """
    size = min(len(samples), round(clip_s * features.sample_rate_hz))
    count = max(1, math.ceil(len(samples) / size - SLACK))
    spare = len(samples) - size
    starts = np.linspace(0, spare, count).round().astype(int) if count > 1 else [spare // 2]
    padded = size < features.window_samples
    n_windows = max(1, features.n_windows(size))
    kept, heard = [], np.zeros(len(samples), dtype=bool)
    for start in starts:
        piece = samples[start : start + size]
        if audio.is_silent(piece):
            continue
        kept.append(audio.fix_length(piece, max(size, features.window_samples)))
        features.centre(heard[start : start + size], n_windows)[:] = True
    heard_s = float(heard.sum()) / features.sample_rate_hz
    return Pieces(kept, n_windows, count - len(kept), heard_s, padded)
