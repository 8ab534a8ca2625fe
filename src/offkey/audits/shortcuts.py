"""What a trivial detector reaches: level, bandwidth, silence, length, codec, bit rate.

A detector must beat these baselines before its score says anything about music. ``codec_floor``
counts how often a file of such a codec, sample rate and bit rate was AI; ``shortcut`` is a logistic
regression on a few numbers per clip that say nothing about the music. A third one, the detector
``metadata``, is trained and tested like any other (:mod:`offkey.detectors.metadata`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
import scipy.signal
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from offkey import evaluation, metrics, perturbations
from offkey.core import cluster, manifest, store
from offkey.core.manifest import KEYS
from offkey.perturbations import CLEAN, Condition, Source
from offkey.sound import audio

NUMBERS = [
    "level_dbfs",
    "peak",
    "crest_db",
    "silent_share",
    "rolloff_hz",
    "band_edge_hz",
    "flatness",
    "top_octave_db",
    "duration_s",
    "source_bitrate_kbps",
    "source_sample_rate_hz",
]
NAMES = ["source_codec"]
CODEC_FACTS = [
    "source_codec",
    "source_sample_rate_hz",
    "source_bitrate_kbps",
    "source_container",
    "source_encoder",
]
"""From the coarsest on: a file unlike all others by one of them is judged by those before it."""
Score = Callable[[pd.DataFrame], np.ndarray]
Fit = Callable[[pd.DataFrame], Score]
_FRAME = 2048
_EDGE_DB, _EDGE_BINS = 80, 9
_BATCH = 16


def measure(clips: pd.DataFrame, condition: Condition = CLEAN, *, seed: int = 0) -> pd.DataFrame:
    """Measure the clues of every clip.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths.
    condition : Condition
        Edit the clips are measured after.
    seed : int
        The study's seed.

    Returns
    -------
    DataFrame
        `clips` with the columns of ``NUMBERS``: ``level_dbfs`` (RMS), ``peak`` (full scale = 1),
        ``crest_db`` (peak over RMS), ``silent_share`` (50 ms blocks below −60 dBFS),
        ``rolloff_hz`` (99 % of the energy lies below), ``band_edge_hz`` (highest frequency within
        80 dB of the strongest), ``flatness`` (geometric over arithmetic mean of the power spectrum,
        the median of the frames), ``top_octave_db`` (energy above 4 kHz relative to all), of the
        clip at 16 kHz.
    """
    places = list(zip(clips["clip_id"], clips["path"], strict=True))
    batches = [places[i : i + _BATCH] for i in range(0, len(places), _BATCH)]
    work = partial(_clues, condition=condition, seed=seed)
    parts = cluster.run(work, batches, label="measuring shortcuts")
    measured = pd.DataFrame([row for part in parts for row in part], index=clips.index)
    return pd.concat([clips, measured], axis=1)


def _clues(
    places: list[tuple[str, str]], *, condition: Condition, seed: int
) -> list[dict[str, float]]:
    rate = audio.SAMPLE_RATE_HZ
    rows = []
    for clip_id, path in places:
        drawn = perturbations.draw(condition, seed, clip_id)
        samples, _ = perturbations.apply(condition, Source(*audio.read(path)), drawn, rate)
        level = audio.rms_dbfs(samples)
        peak = float(np.abs(samples).max())
        blocks = samples[: len(samples) // 800 * 800].reshape(-1, 800)
        rows.append(
            {
                "level_dbfs": level,
                "peak": peak,
                "crest_db": 20 * np.log10(peak) - level,
                "silent_share": float(np.mean(np.sqrt(np.mean(blocks**2, axis=1)) < 1e-3)),
                **_spectral(samples, rate),
            }
        )
    return rows


def _spectral(samples: np.ndarray, rate: int) -> dict[str, float]:
    """Roll-off, band edge, flatness and top octave, from frames of 128 ms that overlap by half."""
    frequency, _, spectrum = scipy.signal.stft(
        samples, rate, nperseg=min(_FRAME, len(samples)), boundary=None, padded=False
    )
    power = np.abs(spectrum.astype(np.complex128)) ** 2 + 1e-20
    mean = power.mean(axis=1)
    share = np.cumsum(mean) / mean.sum()
    # single bins of noise are smoothed away
    level = np.convolve(10 * np.log10(mean), np.full(_EDGE_BINS, 1 / _EDGE_BINS), mode="valid")
    edge = np.flatnonzero(level > level.max() - _EDGE_DB)[-1] + _EDGE_BINS // 2
    flatness = np.exp(np.log(power).mean(axis=0)) / power.mean(axis=0)
    return {
        "rolloff_hz": float(frequency[np.searchsorted(share, 0.99)]),
        "band_edge_hz": float(frequency[edge]),
        "flatness": float(np.median(flatness)),
        "top_octave_db": 10 * np.log10(mean[frequency >= rate / 4].sum() / mean.sum() + 1e-12),
    }


def floor(measured: pd.DataFrame, condition: Condition = CLEAN, *, seed: int = 0) -> pd.DataFrame:
    """Train on the train split, fix the threshold on val, predict test, fold by fold.

    Parameters
    ----------
    measured : DataFrame
        From :func:`measure`, all splits and folds.
    condition : Condition
        What they were measured after; trained and tested on the same.
    seed : int
        The study's seed; it deals the clips that fix the threshold where there are folds.

    Returns
    -------
    DataFrame
        A predictions table of the detectors named in ``FLOORS``. Every clip of the test split is
        in it once for each; with folds, scored by a model of the other folds.
    """
    table = measured.assign(source_bitrate_kbps=measured["source_bitrate_kbps"].fillna(0.0))
    parts = [
        _tested(name, fit, view, condition, seed)
        for name, fit in FLOORS.items()
        for view in manifest.views(table, seed=seed)
    ]
    return pd.concat(parts, ignore_index=True)


def _tested(
    name: str, fit: Fit, clips: pd.DataFrame, condition: Condition, seed: int
) -> pd.DataFrame:
    """Predictions of one baseline for the test clips of one view."""
    split = {part: clips[clips["split"] == part] for part in manifest.SPLITS}
    score = fit(split["train"])
    threshold, _ = metrics.oracle_threshold(split["val"]["target"].to_numpy(), score(split["val"]))
    features = store.fingerprint(name, NUMBERS, NAMES, CODEC_FACTS)
    return split["test"][KEYS].assign(
        **condition.columns(),
        detector=name,
        regime="clean" if condition == CLEAN else "retrained",
        stage="",
        train_variant=condition.variant,
        seed=seed,
        score=score(split["test"]),
        threshold=threshold,
        model_fingerprint=store.fingerprint(features, sorted(split["train"]["clip_id"])),
        data_fingerprint=store.fingerprint(clips[["clip_id", "sha256"]].values.tolist()),
        feature_fingerprint=features,
    )


def _shortcut(train: pd.DataFrame) -> Score:
    """Logistic regression on the numbers of the sound and the facts of the file."""
    model = make_pipeline(
        make_column_transformer(
            (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), NAMES)
        ),
        LogisticRegression(class_weight="balanced", max_iter=2000),
    )
    model.fit(train, train["target"])
    return lambda clips: np.round(model.predict_proba(clips)[:, 1], 7)


def _codec_floor(train: pd.DataFrame) -> Score:
    """Share of AI among the training clips that have the same facts.

    It is Laplace's share, ``(n_ai + 1) / (n + 2)``, for the first fact. Each further fact starts
    from the share before it in place of a half, and what was never seen stays there. The classes
    weigh the same.
    """
    weight = 0.5 / train["target"].map(train["target"].value_counts(normalize=True))
    ai = weight * train["target"]

    def score(clips: pd.DataFrame) -> np.ndarray:
        share = np.full(len(clips), 0.5)
        for n_facts in range(1, len(CODEC_FACTS) + 1):
            seen, asked = (_as_text(table, n_facts) for table in (train, clips))
            n_ai, n = (asked.map(values.groupby(seen).sum()).fillna(0.0) for values in (ai, weight))
            share = ((n_ai + 2 * share) / (n + 2)).to_numpy()
        return np.round(share, 7)

    return score


def _as_text(clips: pd.DataFrame, n_facts: int) -> pd.Series:
    return clips[CODEC_FACTS[:n_facts]].astype(str).agg("|".join, axis=1)


FLOORS: dict[str, Fit] = {"codec_floor": _codec_floor, "shortcut": _shortcut}
"""What trains each baseline: the clips of the train split to a function that scores clips."""


def clues(measured: pd.DataFrame) -> pd.DataFrame:
    """The numbers alone, one row per clip, as a figure needs them."""
    return measured[["clip_id", "target", *NUMBERS]]


def by_class(measured: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """What every clue is in either class, and how well it alone tells them apart.

    Parameters
    ----------
    measured : DataFrame
        From :func:`measure`, or the columns of ``NUMBERS`` with ``track_id`` and ``target``.
    seed : int
        Of the resamples of tracks.

    Returns
    -------
    DataFrame
        ``clue, human, AI, more, metric, value, low, high, n_clips, n_tracks``. ``human, AI``:
        medians. ``value``: the AUC of the clue alone, above 0.5 where AI clips have more of it; its
        95 % interval over tracks is NaN where no resample differs. ``more``: the class that has
        more of it, "–" where the interval holds 0.5.
    """
    table = measured.assign(variant="", label="", **measured[NUMBERS].fillna(0.0))
    found = evaluation.by_class(table, NUMBERS, seed=seed).query("what == 'auc'")
    human, ai = (table.loc[table["target"] == which, NUMBERS].median() for which in (0, 1))
    low, high = (found[end].fillna(found["value"]) for end in ("low", "high"))
    more = np.select([low > 0.5, high < 0.5], ["AI", "human"], "–")
    columns = ["clue", "human", "AI", "more", "metric", "value", "low", "high"]
    return found.assign(
        clue=found["measure"],
        human=found["measure"].map(human),
        AI=found["measure"].map(ai),
        more=more,
        metric="auc",
    )[[*columns, "n_clips", "n_tracks"]].reset_index(drop=True)
