"""Rows of the scores table that belong together, the headline table, and numbers as text."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from offkey.errors import BadInput

# metric -> (name, shown in per cent)
METRICS = {
    "balanced_accuracy": ("balanced accuracy", True),
    "accuracy": ("accuracy", True),
    "auc": ("AUC", False),
    "oracle_accuracy": ("accuracy at the best threshold", True),
    "oracle_balanced_accuracy": ("balanced accuracy at the best threshold", True),
    "eer": ("equal error rate", True),
    "false_accusation_rate": ("human called AI", True),
    "miss_rate": ("AI called human", True),
    "ece": ("calibration error", False),
    "brier": ("Brier score", False),
    "flip_rate": ("clips whose verdict flips", True),
}
REGIMES = {
    "clean": "trained on clean",
    "retrained": "retrained on the same edit",
    "joint": "trained on all edits",
    "iterative": "trained one after another",
    "augmented": "trained with random edits",
}
PERTURBATIONS = {"pitch": "pitch", "tempo": "tempo", "pitch_tempo": "pitch and tempo"}
_VALUES = ["value", "low", "high"]
_COUNTS = ["n_clips", "n_tracks"]


def metric_name(metric: str) -> str:
    """Words for a metric."""
    return METRICS.get(metric, (metric.replace("_", " "), False))[0]


def in_percent(metric: str) -> bool:
    """Whether a metric is a share that is shown in per cent."""
    return METRICS.get(metric, ("", False))[1]


def regime_name(regime: str) -> str:
    """Words for a training regime."""
    return REGIMES.get(regime, regime)


def need(table: pd.DataFrame, *columns: str) -> None:
    """Refuse a table that lacks a column, or holds no rows."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise BadInput(f"the table for this figure lacks the columns {', '.join(missing)}.")
    if table.empty:
        raise BadInput("the table for this figure has no rows: run the evaluation before it.")


def pick(table: pd.DataFrame, column: str, value: str | None) -> pd.DataFrame:
    """Keep one value of a column; without a choice there must be only one.

    Raises
    ------
    BadInput
        The value is not there, or several are and none was chosen.
    """
    known = list(dict.fromkeys(table[column].astype(str)))
    if value is None:
        if len(known) > 1:
            raise BadInput(
                f"the table holds several {column}s ({', '.join(known)}): choose one with "
                f"{column}=NAME."
            )
        return table
    if value not in known:
        raise BadInput(f"no rows with {column} '{value}' in the table; it has {', '.join(known)}.")
    return table[table[column].astype(str) == value]


def comparable(scores: pd.DataFrame) -> pd.DataFrame:
    """One number per detector, regime, seed, variant and metric, over all clips.

    Of ``retrained``, the model that was trained on the variant it is tested on; of ``iterative``,
    the last stage.
    """
    rows = scores[scores["subset"] == "all"]
    retrained = rows["regime"] == "retrained"
    rows = rows[~retrained | (rows["train_variant"] == rows["variant"])]
    iterative = rows[rows["regime"] == "iterative"]
    if iterative.empty:
        return rows
    return rows[(rows["regime"] != "iterative") | (rows["stage"] == max(iterative["stage"]))]


def over_seeds(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean value over the seeds; the interval reaches from the lowest to the highest of theirs."""
    keys = [name for name in scores if name not in ("seed", *_VALUES, *_COUNTS)]
    how = {"value": "mean", "low": "min", "high": "max", "n_clips": "max", "n_tracks": "max"}
    grouped = scores.groupby(keys, sort=False, dropna=False)
    merged = grouped.agg({**how, "seed": "nunique"}).reset_index()
    return merged.rename(columns={"seed": "n_seeds"})


def headline(
    scores: pd.DataFrame,
    metrics: Sequence[str] = (
        "balanced_accuracy",
        "auc",
        "false_accusation_rate",
        "miss_rate",
    ),
) -> pd.DataFrame:
    """Few rows that answer the question: clean, the worst of each edit, controls, original draws.

    Parameters
    ----------
    scores : DataFrame
        The scores table.
    metrics : sequence of str
        Metrics to show; the first one decides which level is the worst.

    Returns
    -------
    DataFrame
        ``detector, regime, tested_on, metric, value, low, high, n_clips, n_tracks``. The worst of
        several levels is picked by looking at the result, so it is a bound, not an estimate.
    """
    rows = comparable(scores)
    rows = over_seeds(rows[rows["metric"].isin(metrics)])
    need(rows, "detector", "regime", "variant", "metric")
    found = []
    for _, group in rows.groupby(["detector", "regime"], sort=False):
        for perturbation, family in group.groupby("perturbation", sort=False):
            lead = family[family["metric"] == metrics[0]]
            lead = (lead if len(lead) else family).sort_values("value")
            worst = lead.iloc[0]
            count = family["variant"].nunique()
            text = str(worst["label"] or worst["variant"])
            name = PERTURBATIONS.get(str(perturbation), str(perturbation)).replace("_", " ")
            text = name if perturbation == "clean" else f"{name}: {text}"
            text += f" (worst of {count})" if count > 1 else ""
            same = (family["variant"] == worst["variant"]) & (family["engine"] == worst["engine"])
            found.append(family[same].assign(tested_on=text))
    columns = ["detector", "regime", "tested_on", "metric", *_VALUES, *_COUNTS]
    return pd.concat(found)[columns].reset_index(drop=True)


def number(value: float, metric: str = "", n: float = np.inf) -> str:
    """One number as text: per cent for shares, no digit that `n` clips cannot carry."""
    if not np.isfinite(value):
        return "–"
    if not in_percent(metric):
        return f"{value:.{2 if n < 200 else 3}f}"
    return f"{100 * value:.{0 if n < 200 else 1}f} %"


def interval(value: float, low: float, high: float, metric: str = "", n: float = np.inf) -> str:
    """``value [low, high]`` as text; the value alone where there is no interval."""
    text = number(value, metric, n)
    if not (np.isfinite(low) and np.isfinite(high)):
        return text
    ends = [number(end, metric, n).removesuffix(" %") for end in (low, high)]
    return f"{text} [{ends[0]}, {ends[1]}]"


def formatted(table: pd.DataFrame) -> pd.DataFrame:
    """Text version of a table: one column per metric, ``value [low, high]``, then n.

    A table without a ``value`` column keeps its columns; its fractions get four digits.
    """
    if "value" not in table or table.empty:
        return table.map(_cell).rename(columns=lambda name: str(name).replace("_", " "))
    table = table.assign(metric=table["metric"] if "metric" in table else "value")
    keys = [name for name in table if name not in ("metric", *_VALUES, *_COUNTS)]
    rows = []
    for key, group in table.groupby(keys or (lambda _: 0), sort=False, dropna=False):
        names = key if isinstance(key, tuple) else (key,)
        row = {name.replace("_", " "): _cell(part) for name, part in zip(keys, names, strict=False)}
        for record in group.to_dict("records"):
            low, high = record.get("low", np.nan), record.get("high", np.nan)
            n = record.get("n_clips", np.inf)
            title = metric_name(record["metric"])
            row[title] = interval(record["value"], low, high, record["metric"], n)
        for count in (name for name in _COUNTS if name in group):
            row[count.replace("n_", "n ")] = f"{group[count].max():.0f}"
        rows.append(row)
    return pd.DataFrame(rows).fillna("–")


def _cell(value: Any) -> Any:
    if isinstance(value, float):
        return "–" if np.isnan(value) else f"{value:.4g}"
    return value


def table_html(table: pd.DataFrame, caption: str = "") -> str:
    """HTML of a table; every name in it is escaped."""
    text = formatted(table).to_html(index=False, border=0, escape=True, classes="offkey")
    if not caption:
        return text
    head, rest = text.split(">", 1)
    return f"{head}>\n  <caption>{html.escape(caption)}</caption>{rest}"
