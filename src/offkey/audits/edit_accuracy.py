"""Proof of an edit: pitch, length and level of real clips, measured before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd

from offkey import perturbations
from offkey.audits import pitch_change
from offkey.core import cluster
from offkey.perturbations import Condition, Source
from offkey.sound import audio

_UNITS = {"pitch": "cents", "tempo": "×", "level": "dB"}


def edits(
    clips: pd.DataFrame, conditions: Sequence[Condition], *, seed: int = 0, n_clips: int = 12
) -> pd.DataFrame:
    """Measure what conditions do to human clips spread over the manifest.

    Parameters
    ----------
    clips : DataFrame
        Manifest rows with absolute paths.
    conditions : sequence of Condition
    seed : int
        The study's seed.
    n_clips : int
        How many clips to measure.

    Returns
    -------
    DataFrame
        ``variant, label, engine, clip_id, quantity, unit, asked, measured``: pitch in cents, tempo
        as a ratio of lengths, level as the engine leaves it (asked: no change) in dB.
    """
    human = clips[clips["target"] == 0]
    chosen = human.iloc[:: max(1, len(human) // n_clips)].head(n_clips)
    work = partial(_one, conditions=list(conditions), seed=seed)
    parts = cluster.run(work, [row for _, row in chosen.iterrows()], label="measuring")
    return pd.DataFrame([row for part in parts for row in part])


def _one(clip: pd.Series, *, conditions: list[Condition], seed: int) -> list[dict[str, Any]]:
    rate, source = audio.SAMPLE_RATE_HZ, Source(*audio.read(clip["path"]))
    before = source.at(rate)
    heard = pitch_change.log_spectrum(before)
    rows = []
    for condition in conditions:
        drawn = perturbations.draw(condition, seed, clip["clip_id"])
        edited, level_change_db = perturbations.apply(condition, source, drawn, rate)
        asked = _asked(condition, drawn)
        measured = {
            "pitch": pitch_change.shift_cents(heard, pitch_change.log_spectrum(edited)),
            "tempo": len(before) / len(edited),
            "level": level_change_db,
        }
        rows += [
            {
                "variant": condition.variant,
                "label": condition.label,
                "engine": condition.engine,
                "clip_id": clip["clip_id"],
                "quantity": quantity,
                "unit": unit,
                "asked": asked[quantity],
                "measured": measured[quantity],
            }
            for quantity, unit in _UNITS.items()
        ]
    return rows


def _asked(condition: Condition, drawn: dict[str, Any]) -> dict[str, float]:
    """What the edits of a condition ask for together: cents, ratio of lengths, dB."""
    cents, tempo = 0.0, 1.0
    for step, numbers in perturbations.steps(condition, drawn):
        if step.perturbation == "round_trip":
            continue  # ends where it began
        rate = numbers.get("rate", 1.0)
        tempo *= rate
        cents += 100 * numbers.get("semitones", 0.0)
        cents += 1200 * math.log2(rate) if step.perturbation == "speed" else 0.0
    return {"pitch": cents, "tempo": tempo, "level": 0.0}


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """One row per edit: the largest deviation from what was asked, and what became of the level.

    Parameters
    ----------
    table : DataFrame
        From :func:`edits`.

    Returns
    -------
    DataFrame
        ``edit, pitch error (cents), tempo error (×)`` (largest, with sign), ``level before matching
        (dB)`` (median), ``clips``.
    """
    error = table.assign(error=table["measured"] - table["asked"])
    rows = []
    for label, group in error.groupby("label", sort=False):
        by_quantity = dict(list(group.groupby("quantity")["error"]))
        pitch, tempo = (by_quantity[name] for name in ("pitch", "tempo"))
        rows.append(
            {
                "edit": label,
                "pitch error (cents)": max(pitch, key=abs),
                "tempo error (×)": max(tempo, key=abs),
                "level before matching (dB)": by_quantity["level"].median(),
                "clips": group["clip_id"].nunique(),
            }
        )
    return pd.DataFrame(rows)
