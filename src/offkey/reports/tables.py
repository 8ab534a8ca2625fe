"""Rows of the scores table that belong together, and the headline table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput
from offkey.reports.words import (
    COUNTS,
    OVER_GROUPS,
    PERTURBATIONS,
    VALUES,
    edit_name,
    metric_name,
    regime_name,
)


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


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Rows (of scores or predictions) in which every regime stands for one model per variant.

    Of ``retrained``, the model that was trained on the variant it is tested on (a single retrained
    model is kept whole, under the name of what it was trained on); of ``iterative``, the last
    stage; of scores, those over all clips.
    """
    rows = table[table["subset"] == "all"] if "subset" in table else table
    retrained = rows["regime"] == "retrained"
    trained_on = rows.loc[retrained, "train_variant"].unique()
    if len(trained_on) == 1 and (rows.loc[retrained, "variant"] != trained_on[0]).any():
        name = f"trained on {str(trained_on[0]).replace('_', ' ')}"
        rows = rows.assign(regime=rows["regime"].where(~retrained, name))
    else:
        rows = rows[~retrained | (rows["train_variant"] == rows["variant"])]
    return last_stage(rows)


def stage_order(stage: str) -> tuple[int, str]:
    """Order of ``"0 clean"``, ``"1 pitch"``, …: by number, so that 10 comes after 2."""
    number = str(stage).split(" ")[0]
    return (int(number) if number.isdecimal() else 0, str(stage))


def last_stage(table: pd.DataFrame) -> pd.DataFrame:
    """Of every iterative regime only the last stage; everything of the others."""
    keep = ~table["regime"].str.startswith("iterative")
    for regime in table.loc[~keep, "regime"].unique():
        mine = table["regime"] == regime
        last = max(table.loc[mine, "stage"].unique(), key=stage_order)
        keep |= mine & (table["stage"] == last)
    return table[keep]


def over_seeds(scores: pd.DataFrame, *, widest: bool = True) -> pd.DataFrame:
    """Mean value over the seeds; the interval reaches from the lowest to the highest of theirs.

    Not `widest`: the mean of their lower and of their upper ends, which is the spread that comes
    from the clips alone.
    """
    low, high = ("min", "max") if widest else ("mean", "mean")
    how = {"value": "mean", "low": low, "high": high, "group_low": low, "group_high": high}
    how = {
        name: kind for name, kind in (how | dict.fromkeys(COUNTS, "max")).items() if name in scores
    }
    keys = [name for name in scores if name not in ("seed", *how)]
    grouped = scores.groupby(keys, sort=False, dropna=False)
    merged = grouped.agg({**how, "seed": "nunique"}).reset_index()
    return merged.rename(columns={"seed": "n_seeds"})


def seeds_note(rows: pd.DataFrame, *, spans: bool = True) -> str:
    """How many seeds the numbers are the mean of, for the line below a figure; empty for one.

    Parameters
    ----------
    rows : DataFrame
        With ``n_seeds``.
    spans : bool
        The intervals are :func:`over_seeds`'.
    """
    low, high = rows["n_seeds"].min(), rows["n_seeds"].max()
    if high == 1:
        return ""
    seeds = f"{high:.0f} seeds" if low == high else f"{low:.0f} to {high:.0f} seeds"
    whole = "; intervals reach from the lowest to the highest of theirs" if spans else ""
    return f" Mean of {seeds}{whole}."


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
        ``detector, regime, tested_on, label, metric, value, low, high, n_clips, n_tracks``;
        ``label`` says all of it in words. The worst of several levels is picked by looking at the
        result, so it is a bound, not an estimate.
    """
    rows = comparable(scores)
    rows = over_seeds(rows[rows["metric"].isin(metrics)])
    need(rows, "detector", "regime", "variant", "metric")
    found = []
    for _, group in rows.groupby(["detector", "regime"], sort=False):
        for perturbation, family in group.groupby("perturbation", sort=False):
            lead = family[family["metric"] == metrics[0]]
            lead = lead if len(lead) else family
            # of equals the first, as in the sentences: sums of fractions differ by rounding alone
            worst = lead.loc[lead["value"].round(9).sort_values(kind="stable").index[0]]
            count = family["variant"].nunique()
            text = str(worst["label"] or worst["variant"])
            name = PERTURBATIONS.get(str(perturbation), str(perturbation)).replace("_", " ")
            alone = perturbation == "clean" or str(perturbation).startswith("original_")
            text = name if alone else f"{name}: {text}"
            engines = family["engine"].nunique()
            text += f" by {worst['engine']}" if engines > 1 else ""
            text += f" (worst of {count})" if count > 1 else ""
            same = (family["variant"] == worst["variant"]) & (family["engine"] == worst["engine"])
            found.append(family[same].assign(tested_on=text))
    table = pd.concat(found)
    about = zip(table["regime"], table["tested_on"], table["metric"], strict=True)
    table["label"] = [
        f"{metric_name(metric)}, {regime_name(regime)}, tested on {tested_on}"
        for regime, tested_on, metric in about
    ]
    columns = ["detector", "regime", "tested_on", "label", "metric", *_numbers(table)]
    return table[columns].reset_index(drop=True)


def _numbers(table: pd.DataFrame) -> list[str]:
    return [name for name in (*VALUES, *OVER_GROUPS, *COUNTS) if name in table]


def per_variant(
    scores: pd.DataFrame,
    metrics: Sequence[str] = ("balanced_accuracy", "auc", "false_accusation_rate", "miss_rate"),
) -> pd.DataFrame:
    """Every tested variant of the table's models, in its order, with a few metrics.

    Returns
    -------
    DataFrame
        ``detector, regime, tested_on, metric, value, low, high, n_clips, n_tracks``.
    """
    rows = over_seeds(last_stage(scores[scores["subset"] == "all"]))
    rows = rows[rows["metric"].isin(metrics)]
    need(rows, "detector", "regime", "variant", "metric")
    rank = {metric: place for place, metric in enumerate(metrics)}
    rows = rows.sort_values("metric", key=lambda names: names.map(rank), kind="stable")
    keys = ["detector", "regime", "train_variant", "engine"]
    keys = [key for key in keys if rows[key].replace("", np.nan).nunique() > 1]
    columns = [*keys, "tested_on", "metric", *_numbers(rows)]
    return rows.assign(tested_on=rows["label"])[columns].reset_index(drop=True)


def edit_labels(rows: pd.DataFrame) -> pd.Series:
    """What each variant of a table is called, by variant: with its engine where two share a label.

    `rows` has ``variant, label`` and, where edits have one, ``engine``.
    """
    first = rows.drop_duplicates("variant").set_index("variant")
    if "engine" not in first:
        return first["label"]
    named = [edit_name(*pair) for pair in zip(first["label"], first["engine"], strict=True)]
    return first["label"].where(~first["label"].duplicated(keep=False), named)


def main_variants(predictions: pd.DataFrame) -> pd.DataFrame:
    """Rows of the clean clips and of the original study's random draws; all where none is there."""
    main = predictions["perturbation"].str.startswith("original_")
    if not main.any():
        return predictions
    return predictions[main | (predictions["perturbation"] == "clean")]
