"""Sentences that the tables carry, written by rule; where none is carried, that is said."""

from __future__ import annotations

import pandas as pd

from offkey.reports.tables import comparable, need, over_seeds, pick
from offkey.reports.words import PERTURBATIONS, interval, number

# Where the AUC loses less than this share of what the balanced accuracy loses, the order of the
# clips is mostly kept and a new threshold would win most of the loss back.
THRESHOLD_SHARE = 0.25
LEVEL = 0.05


def conclusions(
    scores: pd.DataFrame, tests: pd.DataFrame, *, detector: str | None = None
) -> list[str]:
    """Say what the tables show.

    Parameters
    ----------
    scores : DataFrame
        The scores table.
    tests : DataFrame
        Paired tests of every variant against clean: ``detector, regime, perturbation, label, drop,
        low, high, detectable_drop`` (points), ``p_tracks_holm, n_clips, n_tracks``.
    detector : str, optional
        Which one, where the tables hold several.

    Returns
    -------
    list of str
    """
    need(tests, "detector", "regime", "perturbation", "label", "drop", "low", "high")
    rows = over_seeds(comparable(pick(scores, "detector", detector)))
    trials = pick(tests, "detector", detector)
    trials = trials[(trials["regime"] == "clean") & trials["drop"].notna()]
    sentences = _clean(rows)
    for kind, family in trials.groupby("perturbation", sort=False):
        sentences.append(_edit(str(kind), family, rows))
    return [*sentences, *_repairs(rows), *_undecided(trials)]


def _clean(rows: pd.DataFrame) -> list[str]:
    clean = rows[(rows["variant"] == "clean") & (rows["regime"] == "clean")]
    found = {row["metric"]: row for row in clean.to_dict("records")}
    if "balanced_accuracy" not in found:
        return []
    row = found["balanced_accuracy"]
    beats = "which is better than guessing" if row["low"] > 0.5 else "which may be guessing"
    return [
        f"On clean music the detector reaches a balanced accuracy of {_value(row)} "
        f"({row['n_clips']:.0f} clips of {row['n_tracks']:.0f} tracks), {beats}."
    ]


def _edit(kind: str, family: pd.DataFrame, rows: pd.DataFrame) -> str:
    worst = family.sort_values("drop").iloc[-1]
    lost = _points(worst["drop"], worst["low"], worst["high"], worst.get("n_clips", 0))
    several = f", the worst of {len(family)} levels" if len(family) > 1 else ""
    name = PERTURBATIONS.get(kind, kind.replace("_", " "))
    start = f"{name[0].upper()}{name[1:]} ({worst['label']}{several})"
    if kind == "round_trip":
        start = f"The control ({worst['label']}{several}: only the tool's traces remain)"
    if not _shown(worst):
        return f"{start}: no loss of balanced accuracy is shown ({lost} points)."
    text = f"{start} costs {lost} points of balanced accuracy"
    ranks = rows[
        (rows["variant"] == worst["variant"])
        & (rows["regime"] == "clean")
        & (rows["metric"] == "drop_auc")
    ]
    if ranks.empty:
        return f"{text}."
    auc = ranks.iloc[0]
    words = "mostly a shifted threshold"
    if auc["value"] > THRESHOLD_SHARE * worst["drop"] and auc["low"] > 0:
        words = "the classes can be told apart less well"
    return f"{text}; the AUC loses {interval(auc['value'], auc['low'], auc['high'])}: {words}."


def _repairs(rows: pd.DataFrame) -> list[str]:
    accuracy = rows[rows["metric"] == "balanced_accuracy"]
    clean = accuracy[accuracy["regime"] == "clean"].set_index("variant")
    sentences = []
    for row in accuracy[accuracy["regime"] == "retrained"].to_dict("records"):
        if row["variant"] not in clean.index or row["variant"] == "clean":
            continue
        before = clean.loc[row["variant"]]
        apart = row["low"] > before["high"] or row["high"] < before["low"]
        verdict = (
            "the intervals do not overlap"
            if apart
            else "the intervals overlap, which decides nothing"
        )
        sentences.append(
            f"Tested on {row['label']}, a detector trained on that edit reaches {_value(row)}, the "
            f"clean-trained one {_value(before)}; {verdict}."
        )
    return sentences


def _undecided(trials: pd.DataFrame) -> list[str]:
    open_ = trials[[not _shown(row) for _, row in trials.iterrows()]]
    if open_.empty or "detectable_drop" not in trials:
        return []
    names = ", ".join(open_["label"].astype(str))
    least = open_["detectable_drop"].max()
    return [f"No verdict for {names}: a drop below {least:.1f} points could not be seen here."]


def _shown(test: pd.Series) -> bool:
    """Whether a loss is carried by its interval and by the test corrected for all variants."""
    return bool(test["low"] > 0 and test.get("p_tracks_holm", 0.0) < LEVEL)


def _value(row: pd.Series | dict) -> str:
    return interval(row["value"], row["low"], row["high"], "balanced_accuracy", row["n_clips"])


def _points(value: float, low: float, high: float, n: float) -> str:
    texts = [number(part, "accuracy", n).removesuffix(" %") for part in (value, low, high)]
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"
