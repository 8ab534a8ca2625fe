"""Lines that decoders leave at multiples of their latent rates: where they stand, where edits move
them, what is left of them.

A transposed convolution of stride k puts k - 1 zeros between samples; what its filter leaves of the
images are lines at multiples of the rate before it (Afchar, Meseguer Brocal and Hennequin 2025,
arXiv 2506.19108). They stand in every frame, so the mean spectrum of a clip shows them, and the
mean over clips of one generator shows them better.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache

import numpy as np
import pandas as pd
import scipy.ndimage

from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.detectors.combs import RATES_HZ
from offkey.detectors.peaks import PeaksDetector
from offkey.features import MeanSpectrum
from offkey.features.mean_spectrum import residual
from offkey.features.variants import Variant
from offkey.perturbations import Condition

SIZE = 16_384
MIN_TRACKS = 8
LOWEST_HZ, HIGHEST_HZ = 1500.0, 7900.0
COLUMNS = [
    *("family", "rate_hz", "variant", "perturbation", "label", "engine", "predicted"),
    *("value", "low", "high", "clean_db", "left_db", "n_clips", "n_tracks"),
]
WIDEST_ST, STEP_ST = 4.3, 0.01
CERTAIN = 6.0
_SMOOTH_BINS = 41


def heard() -> MeanSpectrum:
    """The features in which lines are looked for: bins of 1 Hz."""
    return MeanSpectrum(sizes=(SIZE,), low_hz=400.0)


def lines(variant: Variant) -> np.ndarray:
    """What of every clip's mean spectrum stands above its surroundings.

    Parameters
    ----------
    variant : Variant
        Of the features of :func:`heard`.

    Returns
    -------
    ndarray of float32, shape (n_clips, n_bins)
        Residual over the lower hull minus its running mean over 41 bins, in dB.
    """
    rows = [residual(variant.rows(row)[0]) for row in range(len(variant))]
    table = np.asarray(rows, dtype=np.float32)
    return table - scipy.ndimage.uniform_filter1d(table, _SMOOTH_BINS, axis=1)


def family_lines(variant: Variant, found: np.ndarray) -> pd.DataFrame:
    """Mean lines of every AI family minus those of human clips.

    Parameters
    ----------
    variant : Variant
    found : ndarray
        Its :func:`lines`.

    Returns
    -------
    DataFrame
        ``family, frequency_hz, above_db, rate_hz, n_clips, n_tracks``, families of at least
        ``MIN_TRACKS`` tracks; last ``human``: one half of the human tracks minus the other.
    """
    clips = variant.clips
    human = np.flatnonzero(clips["target"].to_numpy() == 0)
    parts = {name: np.flatnonzero(clips["family"] == name) for name in families(clips)}
    tracks = clips["track_id"].iloc[human]
    order = seeding.rng(0, "human halves").permutation(tracks.nunique())
    first = human[tracks.isin(tracks.unique()[order[::2]])]
    tables = [
        _one_family(name, clips.iloc[rows], found[rows].mean(axis=0) - found[human].mean(axis=0))
        for name, rows in parts.items()
    ]
    rest = np.setdiff1d(human, first)
    halves = found[first].mean(axis=0) - found[rest].mean(axis=0)
    return pd.concat([*tables, _one_family("human", clips.iloc[human], halves)], ignore_index=True)


def _one_family(name: str, clips: pd.DataFrame, above_db: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "family": name,
            "frequency_hz": _frequencies(),
            "above_db": above_db,
            "rate_hz": rate_of(above_db),
            "n_clips": len(clips),
            "n_tracks": clips["track_id"].nunique(),
        }
    )


def families(clips: pd.DataFrame) -> list[str]:
    """AI families with at least ``MIN_TRACKS`` tracks, the largest first."""
    tracks = clips[clips["target"] == 1].groupby("family")["track_id"].nunique()
    kept = tracks[tracks >= MIN_TRACKS].sort_values(ascending=False, kind="stable")
    return [str(name) for name in kept.index]


def comb_db(
    line: np.ndarray, rate_hz: float, shifts_st: Sequence[float] | np.ndarray = (0.0,)
) -> np.ndarray:
    """How far a spectrum stands out at the multiples of a rate, moved by some semitones.

    Parameters
    ----------
    line : ndarray of shape (n_bins,) or (n_bins, n)
    rate_hz : float
    shifts_st : sequence of float

    Returns
    -------
    ndarray of shape (n_shifts,) or (n_shifts, n)
        Mean in dB over the multiples between 1.5 and 7.9 kHz.
    """
    return np.stack([line[_teeth(rate_hz, float(shift))].mean(axis=0) for shift in shifts_st])


@cache
def _teeth(rate_hz: float, shift_st: float) -> np.ndarray:
    moved = rate_hz * 2 ** (shift_st / 12)
    multiples = np.arange(math.ceil(LOWEST_HZ / moved), int(HIGHEST_HZ / moved) + 1) * moved
    spacing = heard().sample_rate_hz / SIZE
    return np.rint((multiples - _frequencies()[0]) / spacing).astype(int)


def rate_of(line: np.ndarray) -> float:
    """The rate of ``RATES_HZ`` at whose multiples a spectrum stands out most; NaN where none does.

    Sums over more teeth vary less: each rate counts in deviations of what other shifts give, and
    must reach ``CERTAIN`` of them.
    """
    elsewhere = np.arange(0.3, WIDEST_ST, 0.04)
    shifts = np.concatenate([-elsewhere[::-1], elsewhere])
    strength = []
    for rate in RATES_HZ.tolist():
        by_chance = comb_db(line, rate, shifts)
        strength.append((comb_db(line, rate)[0] - by_chance.mean()) / by_chance.std())
    best = int(np.argmax(strength))
    return float(RATES_HZ[best]) if strength[best] >= CERTAIN else float("nan")


def predicted_semitones(condition: Condition) -> float:
    """Where an edit moves lines: pitch by its semitones, speed by its factor, all else not at all.

    Raises
    ------
    BadInput
        The edit is drawn for each clip: it moves every clip's lines elsewhere.
    """
    moved = 0.0
    for step in condition.steps:
        if step.perturbation.startswith(("original_", "augmentation", "pitch_tempo")):
            raise BadInput(f"'{condition.variant}' has no one shift: choose an edit of one level.")
        if step.perturbation in ("pitch", "fine_pitch"):
            moved += step.level
        elif step.perturbation == "speed":
            moved += 12 * math.log2(step.level)
    return moved


def movement(
    clean: Variant, edited: Sequence[Variant], *, n_resamples: int = 200, seed: int = 0
) -> pd.DataFrame:
    """Where the lines of every family went, beside where theory says.

    A family's rate is chosen on one half of its clean tracks and everything is measured on the
    other half, edited. Families in which no rate stands out are left out.

    Parameters
    ----------
    clean : Variant
        Clean clips, features of :func:`heard`.
    edited : sequence of Variant
        The same clips under edits of one level.
    n_resamples, seed : int
        Bootstrap over the tracks of the second half.

    Returns
    -------
    DataFrame
        Columns ``COLUMNS``. ``value``: semitones by which the comb moved, the best of shifts to
        4.3 semitones either way. ``left_db``: how far it stands out where it was predicted;
        ``clean_db``: at its place in clean clips.
    """
    shifts = np.arange(-WIDEST_ST, WIDEST_ST + STEP_ST / 2, STEP_ST)
    before = lines(clean)
    rows = []
    sets = [(variant, lines(variant)) for variant in (clean, *edited)]
    for family in families(clean.clips):
        first, second = _halves(clean.clips, family, seed)
        human = (clean.clips["target"] == 0).to_numpy()
        rate = rate_of(before[first].mean(axis=0) - before[human].mean(axis=0))
        if math.isnan(rate):
            continue
        clean_db = float("nan")
        for variant, found in sets:
            tracks = variant.clips["track_id"].to_numpy()[second]
            floor = found[human].mean(axis=0)[:, None]
            means = _resampled(found[second], tracks, n_resamples, seed) - floor
            whole = found[second].mean(axis=0)[:, None] - floor
            places = shifts[np.argmax(comb_db(np.hstack([whole, means]), rate, tuple(shifts)), 0)]
            predicted = predicted_semitones(variant.condition)
            left = float(comb_db(whole[:, 0], rate, (predicted,))[0])
            clean_db = left if variant is clean else clean_db
            low, high = np.quantile(places[1:], [0.025, 0.975])
            about = {"family": family, "rate_hz": rate, "variant": variant.condition.variant}
            for name in ("perturbation", "label", "engine"):
                about[name] = getattr(variant.condition, name)
            where = {"predicted": predicted, "value": places[0], "low": low, "high": high}
            size = {"n_clips": len(second), "n_tracks": len(set(tracks))}
            rows.append({**about, **where, "clean_db": clean_db, "left_db": left, **size})
    return pd.DataFrame(rows, columns=COLUMNS)


def weights(detectors: Sequence[PeaksDetector]) -> pd.DataFrame:
    """What peak detectors have learnt: their mean weight at every frequency.

    Returns
    -------
    DataFrame
        ``frequency_hz, weight, low, high, n_detectors``: mean, least and greatest over them.
    """
    every = np.stack([one.fitted().coef_[0] for one in detectors])
    features = detectors[0].features
    return pd.DataFrame(
        {
            "frequency_hz": features.frequencies_hz(features.sizes[0]),
            "weight": every.mean(axis=0),
            "low": every.min(axis=0),
            "high": every.max(axis=0),
            "n_detectors": len(every),
        }
    )


def _halves(clips: pd.DataFrame, family: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    own = np.flatnonzero(clips["family"] == family)
    tracks = clips["track_id"].iloc[own]
    order = seeding.rng(seed, "halves", family).permutation(tracks.nunique())
    first = tracks.isin(tracks.unique()[order[::2]]).to_numpy()
    return own[first], own[~first]


def _resampled(found: np.ndarray, tracks: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Means over tracks drawn with replacement, shape (n_bins, n)."""
    names, place = np.unique(tracks, return_inverse=True)
    rng = seeding.rng(seed, "resampled lines")
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=n)
    weights = drawn[:, place].astype(np.float32)
    means = weights @ found / weights.sum(axis=1, keepdims=True)
    return np.asarray(means.T)


@cache
def _frequencies() -> np.ndarray:
    return heard().frequencies_hz(SIZE)
