"""What a trivial detector reaches: level, bandwidth, silence, length, codec, bit rate.

A detector counts only as far as it beats this floor. The model is a logistic regression on a few
numbers per clip that say nothing about the music.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from offkey import evaluation, metrics, perturbations
from offkey.core import cluster, store
from offkey.core.manifest import KEYS
from offkey.perturbations import CLEAN, Condition, Source
from offkey.sound import audio

NUMBERS = [
    "level_dbfs",
    "peak",
    "crest_db",
    "silent_share",
    "rolloff_hz",
    "top_octave_db",
    "duration_s",
    "source_bitrate_kbps",
    "source_sample_rate_hz",
]
NAMES = ["source_codec"]
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
        ``rolloff_hz`` (99 % of the energy lies below), ``top_octave_db`` (energy above 4 kHz
        relative to all), of the clip at 16 kHz.
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
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
        frequency = np.fft.rfftfreq(len(samples), 1 / rate)
        share = np.cumsum(power) / power.sum()
        top = power[frequency >= rate / 4].sum() / power.sum()
        rows.append(
            {
                "level_dbfs": level,
                "peak": peak,
                "crest_db": 20 * np.log10(peak) - level,
                "silent_share": float(np.mean(np.sqrt(np.mean(blocks**2, axis=1)) < 1e-3)),
                "rolloff_hz": float(frequency[np.searchsorted(share, 0.99)]),
                "top_octave_db": 10 * np.log10(top + 1e-12),
            }
        )
    return rows


def floor(measured: pd.DataFrame, condition: Condition = CLEAN, *, seed: int = 0) -> pd.DataFrame:
    """Train on the train split, fix the threshold on val, predict test.

    Parameters
    ----------
    measured : DataFrame
        From :func:`measure`, all splits.
    condition : Condition
        What they were measured after; trained and tested on the same.
    seed : int

    Returns
    -------
    DataFrame
        A predictions table of the detector named ``shortcut``.
    """
    table = measured.assign(source_bitrate_kbps=measured["source_bitrate_kbps"].fillna(0.0))
    model = make_pipeline(
        make_column_transformer(
            (StandardScaler(), NUMBERS), (OneHotEncoder(handle_unknown="ignore"), NAMES)
        ),
        LogisticRegression(class_weight="balanced", max_iter=2000),
    )
    split = {name: table[table["split"] == name] for name in ("train", "val", "test")}
    model.fit(split["train"], split["train"]["target"])
    score = partial(_scores, model)
    threshold, _ = metrics.oracle_threshold(split["val"]["target"].to_numpy(), score(split["val"]))
    return split["test"][KEYS].assign(
        **condition.columns(),
        detector="shortcut",
        regime="clean" if condition == CLEAN else "retrained",
        stage="",
        train_variant=condition.variant,
        seed=seed,
        score=score(split["test"]),
        threshold=threshold,
        model_fingerprint=store.fingerprint("shortcut", NUMBERS, NAMES),
        data_fingerprint=store.fingerprint(measured[["clip_id", "sha256"]].values.tolist()),
        feature_fingerprint=store.fingerprint(NUMBERS, NAMES),
    )


def _scores(model: Any, clips: pd.DataFrame) -> np.ndarray:
    return np.asarray(np.round(model.predict_proba(clips)[:, 1], 7))


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
