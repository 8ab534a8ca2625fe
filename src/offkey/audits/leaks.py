"""The same recording on two sides of the split: found by its sound, whatever its file is called.

A manifest already refuses a track that stands in two splits or folds; this module finds one that
goes by two names: the same file twice, re-encoded, louder or softer, or cut elsewhere.

The threshold stands between the most similar pair of different tracks and the least similar copy;
``benchmarks/leaks.py`` measures both, and what it found is in ``results/benchmarks/leaks_*.csv``.
Not found are copies at another speed or pitch, some that were low-passed at 2 kHz, another
recording played over one, and two cuts of one song that have less than half in common.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, combinations_with_replacement
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.fft

from offkey.core import cluster, progress
from offkey.core.errors import BadInput
from offkey.core.manifest import SPLITS, with_groups
from offkey.features import LogMel
from offkey.sound import audio

COLUMNS = [
    *("clip_id", "other", "split", "other_split", "track_id", "other_track"),
    *("kind", "similarity", "shift_s"),
]
THRESHOLD = 0.85
MEL = LogMel(hop=384, n_mels=40)
_LOUDNESS = 0.3  # exponent of power
_STEP = 4  # frames: 96 ms
_MIN_OVERLAP = 0.5  # of the shorter clip
_MIN_ENERGY = 0.05  # of either clip must lie where they overlap: two fade-outs prove nothing
_BATCH, _BLOCK = 16, 32


def refuse(clips: pd.DataFrame, *, allow_overlap: bool = False) -> pd.DataFrame:
    """Refuse clips where one recording stands on two sides of the split.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths.
    allow_overlap : bool
        Go on all the same; the pairs are returned.

    Returns
    -------
    DataFrame
        From :func:`find`; empty when all is well.

    Raises
    ------
    BadInput
        There is such a pair; the message names the most similar one and counts them.
    """
    found = find(clips)
    if len(found) and not allow_overlap:
        first = found.iloc[0]
        alike = {"identical file": "are the same file", "same sound": "sound the same"}
        raise BadInput(
            f"clips '{first['clip_id']}' ({first['split']}) and '{first['other']}' "
            f"({first['other_split']}) {alike[first['kind']]} (similarity "
            f"{first['similarity']:.2f}; {len(found)} such pairs): a detector would be tested on "
            "what it was trained on. Give both one track_id, leave one out, or accept it with "
            "allow_overlap=True."
        )
    return found


def find(
    clips: pd.DataFrame, *, within: bool = False, threshold: float = THRESHOLD
) -> pd.DataFrame:
    """Find clips of different tracks, in different splits or folds, that are the same recording.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths.
    within : bool
        Also pairs inside one split or fold. These are no leak, but count one recording as two
        tracks.
    threshold : float
        Similarity from which two clips are the same recording, 0 to 1.

    Returns
    -------
    DataFrame
        One row a pair, identical files first, then by similarity: ``clip_id, other, split,
        other_split, track_id, other_track``, ``kind`` ("identical file": equal SHA-256; or "same
        sound"), ``similarity``, and ``shift_s``: where in the clip the other one begins, in
        seconds, negative if before it. A pair begins with the split that ``SPLITS`` names first.
        With several folds, ``split`` and ``other_split`` say which fold ("fold 0").

    Notes
    -----
    Compared is how loudness rises and falls in 40 mel bands: power ** 0.3 (Stevens 1955), so that
    what a codec or noise does to faint parts counts little, and of that the change over 96 ms. The
    similarity of two clips is the highest normalised cross-correlation of these tables over all
    shifts that leave half of the shorter clip. Neither level nor a steady difference of tone
    colour matters.
    """
    clips = _with_sides(clips).reset_index(drop=True)
    paths = clips["path"].tolist()
    batches = [paths[i : i + _BATCH] for i in range(0, len(paths), _BATCH)]
    parts = cluster.run(_fingerprints, batches, label="listening for leaks")
    prints = [table for part in parts for table in part]
    pairs = _alike(clips, prints, within, threshold)
    found = pd.DataFrame([_row(clips, *pair) for pair in pairs], columns=COLUMNS)
    return found.sort_values(["kind", "similarity"], ascending=[True, False], ignore_index=True)


def _with_sides(clips: pd.DataFrame) -> pd.DataFrame:
    """Folds in place of splits, where there are several."""
    clips = with_groups(clips)
    if clips["fold"].nunique() == 1:
        return clips
    return clips.assign(split="fold " + clips["fold"].astype(str))


def _fingerprints(paths: list[str]) -> list[np.ndarray]:
    """Changes of loudness of each file, shape (n_frames, 40), of unit energy."""
    prints = []
    for path in paths:
        loudness = 10 ** (_LOUDNESS / 10 * MEL(audio.load(path)))
        change = loudness[_STEP:] - loudness[:-_STEP]
        prints.append(change / max(float(np.linalg.norm(change)), 1e-6))
    return prints


def _alike(
    clips: pd.DataFrame, prints: list[np.ndarray], within: bool, threshold: float
) -> Iterator[tuple[int, int, float, float]]:
    """Rows of both clips, similarity and shift of every pair to report."""
    n = scipy.fft.next_fast_len(2 * max(map(len, prints), default=1), real=True)
    split, track = clips["split"].to_numpy(object), clips["track_id"].to_numpy(object)
    names = [*SPLITS, *sorted(set(split) - set(SPLITS))]
    sides = [np.flatnonzero(split == name) for name in names]
    couples = list((combinations_with_replacement if within else combinations)(sides, 2))
    total = sum(len(one) * len(two) for one, two in couples)
    with progress.bar(total=total, desc="comparing clips", unit="pair") as bar:
        for one, two in couples:
            for rows in _blocks(one):
                left = _Spectra.of([prints[i] for i in rows], n)
                for columns in _blocks(two):
                    right = _Spectra.of([prints[i] for i in columns], n)
                    similarity, lag = _compare(left, right)
                    for i, j in np.argwhere(similarity >= threshold):
                        a, b = int(rows[i]), int(columns[j])
                        if track[a] != track[b] and (split[a] != split[b] or a < b):
                            yield a, b, float(similarity[i, j]), float(lag[i, j] * MEL.frame_s)
                    bar.update(len(rows) * len(columns))


def _blocks(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[i : i + _BLOCK] for i in range(0, len(rows), _BLOCK)]


class _Spectra(NamedTuple):
    """Fingerprints of some clips, ready to be correlated.

    ``bands`` has shape (n // 2 + 1, n_clips, 40); ``energy``, shape (n_clips, n // 2 + 1), adds up
    the squares of the frames so far; ``n_frames`` has shape (n_clips,).
    """

    bands: np.ndarray
    energy: np.ndarray
    n_frames: np.ndarray
    n: int

    @classmethod
    def of(cls, prints: list[np.ndarray], n: int) -> _Spectra:
        padded = np.stack([np.pad(p, ((0, n - len(p)), (0, 0))) for p in prints])
        energy = np.cumsum(np.sum(padded[:, : n // 2] ** 2, axis=2, dtype=np.float64), axis=1)
        bands = np.ascontiguousarray(scipy.fft.rfft(padded, axis=1).transpose(1, 0, 2))
        return cls(bands, np.pad(energy, ((0, 0), (1, 0))), np.array([*map(len, prints)]), n)


def _compare(left: _Spectra, right: _Spectra) -> tuple[np.ndarray, np.ndarray]:
    """Highest correlation of every pair, and the frame of the left clip where it starts.

    Returns
    -------
    similarity, lag : ndarray of shape (n_left, n_right)
    """
    lags = np.arange(left.n)
    lags[left.n // 2 :] -= left.n
    product = left.bands @ right.bands.conj().transpose(0, 2, 1)
    correlation = scipy.fft.irfft(product.transpose(1, 2, 0), left.n)
    # clips of one length, which is nearly all of them, share the work
    left_lengths, left_place = np.unique(left.n_frames, return_inverse=True)
    right_lengths, right_place = np.unique(right.n_frames, return_inverse=True)
    correlation *= _scale(left, right_lengths, lags)[:, right_place]
    correlation *= _scale(right, left_lengths, -lags)[:, left_place].transpose(1, 0, 2)
    best = correlation.argmax(axis=2)
    return np.take_along_axis(correlation, best[..., None], axis=2)[..., 0], lags[best]


def _scale(clips: _Spectra, lengths: np.ndarray, lags: np.ndarray) -> np.ndarray:
    """One over the norm of what another clip covers of each clip; 0 where that is too little.

    Parameters
    ----------
    lengths : ndarray of shape (n_lengths,)
        Frames of the other clip.
    lags : ndarray of shape (n_lags,)
        Frame at which it starts.

    Returns
    -------
    ndarray of float32, shape (n_clips, n_lengths, n_lags)
    """
    last, n_frames = clips.energy.shape[1] - 1, clips.n_frames[:, None, None]
    begin = np.broadcast_to(np.clip(lags, 0, last), (len(lengths), len(lags)))
    end = np.clip(lags + lengths[:, None], 0, last)
    energy = clips.energy[:, end] - clips.energy[:, begin]
    overlap = np.minimum(end, n_frames) - np.minimum(begin, n_frames)
    enough = overlap >= _MIN_OVERLAP * np.minimum(lengths[:, None], n_frames)
    enough &= energy > _MIN_ENERGY * clips.energy[:, -1, None, None]
    return np.where(enough, 1 / np.sqrt(np.maximum(energy, 1e-12)), 0).astype(np.float32)


def _row(clips: pd.DataFrame, a: int, b: int, similarity: float, shift_s: float) -> dict[str, Any]:
    one, two = clips.iloc[a], clips.iloc[b]
    return {
        **{name: one[name] for name in ("clip_id", "split", "track_id")},
        **{"other": two["clip_id"], "other_split": two["split"], "other_track": two["track_id"]},
        "kind": "identical file" if one["sha256"] == two["sha256"] else "same sound",
        **{"similarity": round(similarity, 3), "shift_s": round(shift_s, 2)},
    }
