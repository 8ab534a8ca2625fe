"""A data set under one condition, as detectors and notebooks read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from offkey import perturbations
from offkey.core import manifest, store
from offkey.features.variants import shards
from offkey.perturbations import Condition, Source
from offkey.sound import audio

OPEN_SHARDS = 64
"""How many files of shards a process holds open: each takes a descriptor."""


@dataclass(frozen=True)
class Variant:
    """A data set under one condition, ready to be read.

    Attributes
    ----------
    condition : Condition
    clips : DataFrame
        Manifest rows plus ``shard, first_frame, n_frames, n_windows, drawn, level_change_db,
        edited_s``.
    features : Window
        What kind of numbers, with its settings.
    fingerprint : str
        Names the content.
    """

    condition: Condition
    clips: pd.DataFrame
    features: Any
    fingerprint: str

    def __len__(self) -> int:
        return len(self.clips)

    def select(self, split: str) -> Variant:
        """The clips of one split."""
        rows = self.clips[self.clips["split"] == split].reset_index(drop=True)
        return Variant(self.condition, rows, self.features, f"{self.fingerprint}-{split}")

    def among(self, clips: pd.DataFrame) -> Variant:
        """The clips named in `clips`, with their target, group, split and fold there."""
        given = [name for name in ("target", "group", "split", "fold") if name in clips]
        rows = self.clips.drop(columns=given).merge(clips[["clip_id", *given]], on="clip_id")
        content = rows[["clip_id", *given]].values.tolist()
        mark = store.fingerprint(self.fingerprint, content)
        return Variant(self.condition, rows, self.features, mark)

    def content(self) -> str:
        """Name what a detector hears of these clips: the same however they were put together."""
        about = ["clip_id", "sha256", "drawn", *manifest.SOURCE_FACTS]
        clips = self.clips[about].astype(str).to_numpy().tolist()
        return store.fingerprint(shards.made_by(self.condition, self.features), clips)

    def rows(self, row: int) -> np.ndarray:
        """Features of one clip, shape (n_frames, n_values); of log-mels float16, dB."""
        clip = self.clips.iloc[row]
        # a copy: a view would keep its shard's file open
        return np.array(_memmap(clip["shard"])[clip["first_frame"] :][: clip["n_frames"]])

    def windows(self, row: int) -> np.ndarray:
        """Analysis windows of one clip, shape (n_windows, window_frames, n_mels)."""
        size, n_windows = self.features.window_frames, int(self.clips["n_windows"].to_numpy()[row])
        mel = self.rows(row)[: n_windows * size]  # a hop need not divide the window
        return mel.reshape(n_windows, size, self.features.n_mels)

    def samples(self, row: int, rate_hz: int) -> np.ndarray:
        """One clip as sound, edited as its features were, float32 of shape (n_samples,)."""
        clip = self.clips.iloc[row]
        source = Source(*audio.read(clip["path"]))
        return perturbations.apply(self.condition, source, json.loads(clip["drawn"]), rate_hz)[0]


@lru_cache(maxsize=OPEN_SHARDS)
def _memmap(path: str) -> np.ndarray:
    return np.load(path, mmap_mode="r")


def edited(clip: Any, condition: Condition, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """One clip before and after an edit made at its own rate, as samples at 16 kHz.

    Parameters
    ----------
    clip : Series
        A manifest row with an absolute path.
    condition : Condition
    seed : int
        The study's seed.

    Returns
    -------
    tuple of ndarray of float32
        Original and edited samples, at the same level.
    """
    rate, source = audio.SAMPLE_RATE_HZ, Source(*audio.read(clip.path))
    drawn = perturbations.draw(condition, seed, clip.clip_id)
    return source.at(rate), perturbations.apply(condition, source, drawn, rate)[0]


def overview(built: dict[str, Variant]) -> pd.DataFrame:
    """What was built: clips, windows and size on disk per variant."""
    rows = []
    for variant in built.values():
        clips, features = variant.clips, variant.features
        size = features.n_values * np.dtype(features.DTYPE).itemsize
        rows.append(
            {
                "variant": variant.condition.variant,
                "edit": variant.condition.label,
                "splits": ", ".join(clips["split"].unique()),
                "clips": len(clips),
                "windows": int(clips["n_windows"].sum()),
                "level_change_db": round(float(clips["level_change_db"].mean()), 2),
                "megabytes": round(int(clips["n_frames"].sum()) * size / 1e6, 1),
            }
        )
    return pd.DataFrame(rows)
