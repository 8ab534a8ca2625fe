"""The card of a detector that ships: what it learnt, where its cut-offs lie, what it fails on.

A part of the detector's ``model.json``. Every number comes from a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput
from offkey.metrics.cutoffs import ACCUSED, AI, HUMAN, MISSED, CutOffs
from offkey.reports.words import COUNTS, OVER_GROUPS, VALUES, edit_name, number

RATES = {"false_positive_rate": (HUMAN, AI), "found": (AI, AI), "miss_rate": (AI, HUMAN)}
"""True class and verdict of each rate. What is neither found nor missed is uncertain."""
HALF = 0.5


def verdict_card(
    clips: pd.DataFrame,
    cut_offs: CutOffs,
    scores: pd.DataFrame,
    shares: pd.DataFrame,
    others: pd.DataFrame,
    families: pd.DataFrame,
) -> dict[str, Any]:
    """Put together what a shipped detector says of itself.

    Parameters
    ----------
    clips : DataFrame
        The manifest of what it learnt from.
    cut_offs : CutOffs
    scores : DataFrame
        The scores table of its cross-fitted predictions.
    shares, others, families : DataFrame
        From :func:`offkey.evaluation.verdict_shares`: under every edit; of clean clips at the
        cut-offs of the other folds; of clean AI clips by family.

    Returns
    -------
    dict
        ``cutoffs, learnt_from, tested, limits``.

    Raises
    ------
    BadInput
        The predictions are not about the clips.
    """
    clean = shares[shares["variant"] == "clean"]
    tested = clean[clean["called"] == AI].set_index("true")["n_clips"]
    n_ai = int(clips["target"].sum())
    if (tested[HUMAN], tested[AI]) != (len(clips) - n_ai, n_ai):
        raise BadInput(
            f"the detector learns from {len(clips)} clips, its cross-fitted scores are of "
            f"{tested.sum()}: run 09_compare_detectors on the same data first."
        )
    edits = [variant for variant in dict.fromkeys(shares["variant"]) if variant != "clean"]
    return {
        "cutoffs": {
            **cut_offs._asdict(),
            "promise": f"at most 1 in {ACCUSED} human tracks is called AI, at most 1 in {MISSED} "
            "AI tracks human",
        },
        "learnt_from": _learnt_from(clips),
        "tested": {
            "how": f"Cross-fitted in {clips['fold'].nunique()} folds over whole families and "
            "sources: every clip was judged by a detector that had met nothing of its family or "
            "source. The detector that ships learnt from all of them. low, high: 95 % confidence "
            "interval over tracks; group_low, group_high: over families and sources.",
            "clean": _rates(clean, scores),
            "clean_at_cut_offs_of_other_folds": _rates(others),
            "edits": [_rates(shares[shares["variant"] == edit], scores) for edit in edits],
            "families": [
                {"family": row["family"], "found": _number(row, "n_clips", "n_tracks")}
                for row in _found(families).to_dict("records")
            ],
        },
        "limits": _limits(clips, shares, families),
    }


def verdict_table(shares: pd.DataFrame, by: str = "") -> pd.DataFrame:
    """Shares of verdicts as rows of ``RATES``, to be shown beside each other.

    Parameters
    ----------
    shares : DataFrame
        From :func:`offkey.evaluation.verdict_shares`.
    by : str
        What is shown in place of the edit, the largest first, e.g. ``family``. A family is a group
        of its own, so there is no interval over groups.
    """
    parts = [
        shares[(shares["true"] == true) & (shares["called"] == called)].assign(metric=name)
        for name, (true, called) in RATES.items()
    ]
    rows = pd.concat(parts)
    if by:
        rows = rows.sort_values("n_clips", ascending=False, kind="stable")
        return rows[[by, "metric", *VALUES, "n_clips", "n_tracks"]]
    tested_on = [_edit(row) for row in rows.to_dict("records")]
    return rows.assign(tested_on=tested_on)[["tested_on", "metric", *VALUES, *OVER_GROUPS]]


def _learnt_from(clips: pd.DataFrame) -> dict[str, Any]:
    ai, human = clips[clips["target"] == 1], clips[clips["target"] == 0]
    return {
        "clips": len(clips),
        "tracks": clips["track_id"].nunique(),
        "ai_clips": len(ai),
        "ai_families": ai["family"].nunique(),
        "human_clips": len(human),
        "human_sources": human["generator"].nunique(),
        "clip_s": round(float(clips["duration_s"].median()), 1),
    }


def _rates(shares: pd.DataFrame, scores: pd.DataFrame | None = None) -> dict[str, Any]:
    """What is known under one edit."""
    first = shares.iloc[0]
    found: dict[str, Any] = {"edit": _edit(first), "variant": first["variant"]}
    if scores is not None:
        rows = scores[(scores["metric"] == "auc") & (scores["variant"] == first["variant"])]
        found["auc"] = _number(rows.iloc[0], *OVER_GROUPS)
    for name, (true, called) in RATES.items():
        row = shares[(shares["true"] == true) & (shares["called"] == called)].iloc[0]
        found[name] = _number(row, *OVER_GROUPS, *(COUNTS if first["variant"] == "clean" else ()))
    return found


def _edit(row: Mapping[Any, Any] | pd.Series) -> str:
    return edit_name(str(row["label"]), str(row["engine"]))


def _number(row: Mapping[Any, Any] | pd.Series, *columns: str) -> dict[str, Any]:
    """A number with its interval over tracks; None where there is none, since JSON has no NaN."""
    found = {name: float(row[name]) for name in (*VALUES, *columns)}
    return {
        name: (int(value) if name in COUNTS else round(value, 4)) if np.isfinite(value) else None
        for name, value in found.items()
    }


def _found(shares: pd.DataFrame) -> pd.DataFrame:
    """Shares of the AI clips that are called AI, the smallest first."""
    rows = shares[(shares["true"] == AI) & (shares["called"] == AI)]
    return rows.sort_values(["value", "n_clips"], ascending=[True, False], kind="stable")


def _limits(clips: pd.DataFrame, shares: pd.DataFrame, families: pd.DataFrame) -> list[str]:
    """What it fails on, in sentences."""
    edited = shares[shares["variant"] != "clean"]
    accused = edited[(edited["true"] == HUMAN) & (edited["called"] == AI)]
    accused = accused[accused["low"] > 1 / ACCUSED]
    missed = [f"{row['family']} ({_of(row)})" for row in _below_half(families)]
    weak = [f"{_edit(row)} ({_percent(row)})" for row in _below_half(edited)]
    wrong = [f"{_edit(row)} ({_percent(row)})" for row in accused.to_dict("records")]
    codecs = " and ".join(sorted(clips["source_codec"].unique()))
    rate = clips["source_sample_rate_hz"].min() / 1000
    length = clips["duration_s"].median()
    sentences = {
        "Families of which it finds less than half": missed,
        "Edits after which it finds less than half of the AI clips": weak,
        f"Edits after which it calls significantly more than 1 in {ACCUSED} human clips AI": wrong,
    }
    return [
        *(f"{what}: {', '.join(names)}." for what, names in sentences.items() if names),
        f"The clips are {length:.0f} s long, of {codecs} files of at least {rate:g} kHz; the "
        "numbers hold for music, generators and edits like these.",
        "Its design was chosen with scores on these clips in view: the numbers are slightly "
        "optimistic.",
        "A verdict proves nothing about a person's work.",
    ]


def _below_half(shares: pd.DataFrame) -> list[dict[Any, Any]]:
    found = _found(shares)
    return found[found["value"] < HALF].to_dict("records")


def _of(row: Mapping[Any, Any]) -> str:
    return f"{row['value'] * row['n_clips']:.0f} of {row['n_clips']}"


def _percent(row: Mapping[Any, Any]) -> str:
    return number(row["value"], "share", row["n_clips"])
