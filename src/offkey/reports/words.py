"""The project's words: metrics, regimes, edits, detectors, verdicts of a test; numbers as text.

The terms that a reader meets are made here and explained in the glossary of notebook 00.
"""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput

LEVEL = 0.05
SIGNIFICANT = f"Holm-adjusted p < {LEVEL:g}"
# metric -> (name, shown in per cent)
METRICS = {
    "balanced_accuracy": ("balanced accuracy", True),
    "accuracy": ("accuracy", True),
    "auc": ("AUC", False),
    "auc_like_brightness": ("AUC, pairs of equal brightness", False),
    "oracle_accuracy": ("accuracy at the best threshold", True),
    "oracle_balanced_accuracy": ("balanced accuracy at the best threshold", True),
    "eer": ("equal error rate", True),
    "false_accusation_rate": ("false positive rate (human called AI)", True),
    "miss_rate": ("miss rate (AI called human)", True),
    "ece": ("calibration error", False),
    "brier": ("Brier score", False),
    "found": ("AI called AI", True),
    "false_positive_rate": ("false positive rate", True),
    "called_ai_rate": ("called AI", True),
    "flip_rate": ("changed verdicts", True),
    "drop_balanced_accuracy": ("loss of balanced accuracy", True),
    "drop_auc": ("loss of AUC", False),
    "drift_mean": ("mean change of the score", False),
    "share": ("share of the clips", True),
    "residual_db": ("residual energy (dB relative to the mix)", False),
    "drift_max": ("largest change of the score", False),
}
REGIMES = {
    "clean": "trained on clean",
    "retrained": "retrained on the same edit",
    "joint": "trained on all edits",
    "iterative": "trained on one edit after another",
    "augmented": "trained with random edits",
    "heard": "in training, all tracks",
    "heard_same_size": "in training, as few tracks",
    "unheard": "held out",
    "clean_threshold": "threshold from clean clips",
    "own_threshold": "its own threshold",
}
PERTURBATIONS = {
    "pitch": "pitch shift",
    "fine_pitch": "pitch shift in fine steps",
    "tempo": "time stretch",
    "speed": "playback speed",
    "chain": "chain of edits",
    "pitch_tempo": "pitch shift and time stretch",
    "original_pitch": "random pitch",
    "original_tempo": "random tempo",
    "original_pitch_tempo": "random pitch and tempo",
    "round_trip": "round trip",
    "codec": "re-encoding",
    "noise": "white noise",
    "lowpass": "low-pass",
    "eq": "equaliser",
    "reverb": "reverb",
    "gain": "gain",
    "bandlimit": "band limit",
    "null_pitch": "null pitch shift",
    "null_tempo": "null time stretch",
    "resample_only": "resampling round trip",
}
# Ticks have little room.
_STAGES = {"pitch": "pitch", "tempo": "tempo", "pitch_tempo": "pitch and tempo"}
DETECTORS = {"codec_floor": "codec baseline", "shortcut": "shortcut baseline"}
# What is left of sums of fractions that are equal on paper.
EXACT = 1e-12
VALUES = ["value", "low", "high"]
OVER_GROUPS = ["group_low", "group_high"]
COUNTS = ["n_clips", "n_tracks", "n_groups"]


def detector_name(detector: str) -> str:
    """Words for a detector; most are called by their own name."""
    return DETECTORS.get(detector, detector)


def metric_name(metric: str) -> str:
    """Words for a metric."""
    return METRICS.get(metric, (metric.replace("_", " "), False))[0]


def edit_name(label: str, engine: str) -> str:
    """An edit with the engine that made it, where it needs one."""
    return f"{label} by {engine}" if engine else label


def in_percent(metric: str) -> bool:
    """Whether a metric is a share that is shown in per cent."""
    return METRICS.get(metric, ("", False))[1]


def regime_name(regime: str) -> str:
    """Words for a training regime; ``iterative_replay`` is the iterative one with a remark."""
    kind, _, remark = regime.partition("_")
    if regime not in REGIMES and kind in REGIMES and remark:
        return f"{REGIMES[kind]} ({remark.replace('_', ' ')})"
    return REGIMES.get(regime, regime)


def stage_name(stage: str) -> str:
    """Words for a stage of iterative training: "3 pitch_tempo" is "3 pitch and tempo"."""
    place, _, edit = str(stage).partition(" ")
    return f"{place} {_STAGES.get(edit) or PERTURBATIONS.get(edit, edit)}".strip()


def number(value: float, metric: str = "", n: float = np.inf) -> str:
    """One number as text: per cent for shares, no more digits than `n` clips support."""
    if not np.isfinite(value):
        return "–"
    share = in_percent(metric)
    digits = (0 if share else 2) + (n >= 200)
    rounded = round(100 * value if share else value, digits) + 0.0  # no "-0"
    return f"{rounded:.{digits}f}{' %' if share else ''}"


def interval(value: float, low: float, high: float, metric: str = "", n: float = np.inf) -> str:
    """``value [low, high]`` as text; the value alone where there is no interval."""
    text = number(value, metric, n)
    if not (np.isfinite(low) and np.isfinite(high)):
        return text
    ends = [number(end, metric, n).removesuffix(" %") for end in (low, high)]
    return f"{text} [{ends[0]}, {ends[1]}]"


def points(value: float, low: float, high: float, n: float = np.inf) -> str:
    """A difference of shares in points: ``4 [1, 8]``."""
    return interval(value, low, high, "accuracy", n).replace(" %", "")


def formatted(table: pd.DataFrame) -> pd.DataFrame:
    """Text version of a table: one column per metric, ``value [low, high]``, then n.

    Where intervals over groups (families and sources) differ from those over tracks, they get a
    column of their own.

    A column that says the same in every row of several is left out, but for ``regime``. A table
    without ``value, low, high`` keeps its columns; its fractions get four digits.
    """
    if not set(VALUES) <= set(table) or table.empty:
        return table.map(_cell).rename(columns=lambda name: str(name).replace("_", " "))
    table = table.assign(metric=table.get("metric", "value"))
    if {"tested_on", "label"} <= set(table):
        table = table.drop(columns="label")
    grouped = set(OVER_GROUPS) <= set(table) and not table["group_low"].equals(table["low"])
    if not grouped:
        table = table.drop(columns=[*OVER_GROUPS, "n_groups"], errors="ignore")
    numbers = ("metric", *VALUES, *OVER_GROUPS, *COUNTS)
    keys = [str(name) for name in table if name not in numbers]
    keys = [key for key in keys if key == "regime" or table[key].nunique() > 1 or len(keys) == 1]
    for column, name in (("regime", regime_name), ("detector", detector_name)):
        if column in table:
            table = table.assign(**{column: table[column].map(name)})
    rows = []
    for key, group in table.groupby(keys or (lambda _: 0), sort=False, dropna=False):
        names = key if isinstance(key, tuple) else (key,)
        row = {name.replace("_", " "): _cell(part) for name, part in zip(keys, names, strict=False)}
        if group["metric"].duplicated().any():
            raise BadInput(
                f"several rows stand for {dict(row)}: take their mean (over_seeds), "
                "or name them apart."
            )
        for record in group.to_dict("records"):
            low, high = record.get("low", np.nan), record.get("high", np.nan)
            n = record.get("n_clips", np.inf)
            title = metric_name(record["metric"])
            row[title] = interval(record["value"], low, high, record["metric"], n)
            if grouped:
                ends = record["group_low"], record["group_high"]
                wider = interval(record["value"], *ends, record["metric"], n)
                row[f"{title}, over groups"] = wider[wider.find("[") :] if "[" in wider else "–"
        for count in (name for name in COUNTS if name in group):
            row[count.replace("n_", "n ")] = f"{group[count].max():.0f}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    if isinstance(value, float):
        # no "-0", no "1e-18", no "1.6e+04"
        return (
            f"{value:.0f}" if abs(value) >= 1e4 else f"{value if abs(value) > EXACT else 0.0:.4g}"
        )
    return value


def table_html(table: pd.DataFrame, caption: str = "") -> str:
    """HTML of a table; every name in it is escaped."""
    # A cell breaks between number and interval, never inside them.
    cells = formatted(table).map(
        lambda cell: (
            cell.replace(" ", "\xa0").replace("\xa0[", " [")
            if isinstance(cell, str) and cell.endswith("]")
            else cell
        )
    )
    text = cells.to_html(index=False, border=0, escape=True, classes="offkey")
    if not caption:
        return text
    head, rest = text.split(">", 1)
    return f"{head}>\n  <caption>{html.escape(caption)}</caption>{rest}"
