"""Conclusions, made from the tables by rule: short sentences, no claim without a test."""

from __future__ import annotations

import numpy as np
import pandas as pd

from offkey.reports.tables import comparable, need, over_seeds, pick
from offkey.reports.words import (
    DETECTORS,
    LEVEL,
    PERTURBATIONS,
    SIGNIFICANT,
    interval,
    points,
    regime_name,
)

# Where the whole interval of the loss of AUC lies below this share of the loss of balanced
# accuracy, the order of the clips is mostly kept: most of the loss is a threshold shift.
THRESHOLD_SHARE = 0.25


def conclusions(
    scores: pd.DataFrame,
    tests: pd.DataFrame,
    *,
    detector: str | None = None,
    gains: pd.DataFrame | None = None,
) -> list[str]:
    """Say what the tables show.

    Parameters
    ----------
    scores : DataFrame
        The scores table.
    tests : DataFrame
        Paired tests of every variant against clean: ``detector, regime, perturbation, label, drop,
        low, high, detectable_drop`` (points), ``p_tracks_holm`` (NaN where ``tested`` is not),
        ``n_clips, n_tracks``. A loss is significant where ``p_tracks_holm`` says so; edits without
        a test of their own get no sentence.
    detector : str, optional
        Which one, where the tables hold several.
    gains : DataFrame, optional
        From :func:`offkey.evaluation.compare_regimes`: each training against training on clean
        music.

    Returns
    -------
    list of str
    """
    need(tests, "detector", "regime", "perturbation", "label", "drop", "p_tracks_holm")
    mine = pick(scores, "detector", detector)
    rows = over_seeds(comparable(mine))
    trials = pick(tests, "detector", detector)
    trials = trials[(trials["regime"] == "clean") & trials["drop"].notna()]
    trials = trials[trials["p_tracks_holm"].notna()]
    sentences = _clean(rows)
    for kind, family in trials.groupby("perturbation", sort=False):
        sentences.append(_edit(str(kind), family, rows))
    sentences += _undecided(trials)
    return sentences if gains is None else [*sentences, *_gains(gains), *_retrained_on_clean(mine)]


def _clean(rows: pd.DataFrame) -> list[str]:
    clean = rows[(rows["variant"] == "clean") & (rows["regime"] == "clean")]
    found = {row["metric"]: row for row in clean.to_dict("records")}
    if "balanced_accuracy" not in found:
        return []
    row = found["balanced_accuracy"]
    beats = "better than guessing" if row["low"] > 0.5 else "not shown to be better than guessing"
    return [
        f"On clean music the detector reaches a balanced accuracy of {_accuracy(row)} "
        f"({row['n_clips']:.0f} clips of {row['n_tracks']:.0f} tracks): {beats}."
    ]


def _edit(kind: str, family: pd.DataFrame, rows: pd.DataFrame) -> str:
    worst = family.sort_values("drop", ascending=False, kind="stable").iloc[0]
    lost = points(worst["drop"], worst["low"], worst["high"], worst.get("n_clips", 0))
    several = f", the worst of {len(family)} levels" if len(family) > 1 else ""
    name = PERTURBATIONS.get(kind, kind.replace("_", " "))
    engine = worst.get("engine", "")
    tool = f" by {engine}" if engine not in ("", "vocoder") else ""
    what = f"{worst['label']}{tool}{several}".removeprefix(name).strip(", ")
    start = f"{name[0].upper()}{name[1:]}" + (f" ({what})" if what else "")
    if kind == "round_trip":
        start = f"The round trip ({what}), which leaves only the tool's traces,"
    if not _significant(worst, "drop"):
        text = f"{start} costs" if kind == "round_trip" else f"{start}: a loss of"
        return f"{text} {lost} points of balanced accuracy, not significant."
    text = f"{start} costs {lost} points of balanced accuracy."
    ranks = rows[
        (rows["variant"] == worst["variant"])
        & (rows["regime"] == "clean")
        & (rows["metric"] == "drop_auc")
    ]
    if ranks.empty:
        return text
    auc = ranks.iloc[0]
    words = "whether the threshold shifted or the classes moved together is not shown"
    if auc["high"] < THRESHOLD_SHARE * worst["drop"]:
        words = "mostly a threshold shift"
    elif auc["value"] > THRESHOLD_SHARE * worst["drop"] and auc["low"] > 0:
        words = "the classes are less separable"
    return f"{text} The AUC loses {interval(auc['value'], auc['low'], auc['high'])}: {words}."


def _undecided(trials: pd.DataFrame) -> list[str]:
    open_ = trials[[not _significant(row, "drop") for _, row in trials.iterrows()]]
    if open_.empty or "detectable_drop" not in trials:
        return []
    least, most = (f"{open_['detectable_drop'].agg(how):.1f}" for how in ("min", "max"))
    size = most if least == most else f"{least} to {most}"
    return [
        f"The loss is significant ({SIGNIFICANT}) for {len(trials) - len(open_)} of {len(trials)} "
        f"edits tested. For the others the detectable difference is {size} points, in one "
        "comparison alone."
    ]


def _gains(gains: pd.DataFrame) -> list[str]:
    shown = gains[gains["p_tracks_holm"] < LEVEL]
    sentences = []
    for row in shown.to_dict("records"):
        ends = (row["low"], row["high"]) if row["gain"] > 0 else (-row["high"], -row["low"])
        moved = points(abs(row["gain"]), *ends, row.get("n_clips", np.inf))
        name = regime_name(row["regime"])
        seeds = "one seed" if row["n_seeds"] == 1 else f"{row['n_seeds']:.0f} seeds"
        sentences.append(
            f"{name[0].upper()}{name[1:]}, the detector {'gains' if row['gain'] > 0 else 'loses'} "
            f"{moved} points on {row['label']} over training on clean music ({seeds})."
        )
    tested = int(gains["p_tracks_holm"].notna().sum())
    if tested > len(shown):
        sentences.append(
            f"Of {tested} comparisons of another training with training on clean music, "
            f"{tested - len(shown)} show no significant difference ({SIGNIFICANT})."
        )
    return sentences


def _retrained_on_clean(scores: pd.DataFrame) -> list[str]:
    """What the detectors that were retrained on one edit reach on clean music."""
    rows = scores[(scores["subset"] == "all") & (scores["metric"] == "balanced_accuracy")]
    labels = rows.drop_duplicates("variant").set_index("variant")["label"]
    rows = over_seeds(rows[(rows["variant"] == "clean") & (rows["regime"] == "retrained")])
    if rows.empty:
        return []
    each = [
        f"{_accuracy(row)} ({labels.get(row['train_variant'], row['train_variant'])})"
        for row in rows.to_dict("records")
    ]
    return [
        f"On clean music the detectors retrained on one edit reach {', '.join(each)}. "
        "These are not tested against training on clean music."
    ]


def world_sentences(
    unheard: pd.DataFrame,
    costs: pd.DataFrame,
    floors: pd.DataFrame,
    above: pd.DataFrame,
) -> list[str]:
    """Say what holding out a family or source costs, and how the detector compares with baselines.

    Parameters
    ----------
    unheard, floors : DataFrame
        Scores of what was held out (column ``held_out``), and of the baselines.
    costs : DataFrame
        From :func:`offkey.evaluation.compare_held_out`.
    above : DataFrame
        From :func:`offkey.evaluation.compare_detectors` with ``shortcut`` as the baseline.
    """
    sentences = []
    auc = over_seeds(unheard[(unheard["metric"] == "auc") & (unheard["subset"] == "all")])
    for row in costs.to_dict("records"):
        mine = auc[auc["held_out"] == row["held_out"]].set_index("regime")
        levels = {name: _interval(values) for name, values in mine.iterrows()}
        lost = points(-row["gain"], -row["high"], -row["low"], row["n_clips"])
        few = levels.get("heard_same_size", "")
        few += " on as few tracks, " if few else ""
        significant = row["gain"] < 0 and row["p_tracks_holm"] < LEVEL
        sentences.append(
            f"{row['held_out']} held out: AUC {levels['unheard']}. With it in training: {few}"
            f"{levels['heard']} on all tracks ({row['n_clips']:.0f} clips). Holding it out costs "
            f"{lost} points of balanced accuracy, {'' if significant else 'not '}significant."
        )
    return [*sentences, *_baselines(floors, above)]


def _baselines(floors: pd.DataFrame, above: pd.DataFrame) -> list[str]:
    rows = over_seeds(floors[(floors["metric"] == "auc") & (floors["variant"] == "clean")])
    sentences = [
        f"Codec, sample rate and bit rate of the file alone reach an AUC of {_interval(row)} "
        "(codec baseline)."
        for row in rows[rows["detector"] == "codec_floor"].to_dict("records")
    ]
    shortcut = rows[rows["detector"] == "shortcut"]
    if shortcut.empty:
        return sentences
    gains = above[above["variant"] == "clean"].set_index("detector")
    for row in rows[~rows["detector"].isin(list(DETECTORS))].to_dict("records"):
        gain = gains.loc[row["detector"]]
        won = points(gain["gain"], gain["low"], gain["high"], gain["n_clips"])
        verdict = f"significant ({SIGNIFICANT})"
        if not _significant(gain, "gain"):
            verdict = "not significant"
        sentences.append(
            f"'{row['detector']}' reaches an AUC of {_interval(row)}, the shortcut baseline "
            f"{_interval(shortcut.iloc[0])}. Its gain over that baseline is {won} points of "
            f"balanced accuracy, {verdict}."
        )
    return sentences


def _interval(row: pd.Series | dict) -> str:
    return interval(row["value"], row["low"], row["high"], n=row["n_clips"])


def _accuracy(row: pd.Series | dict) -> str:
    return interval(row["value"], row["low"], row["high"], "balanced_accuracy", row["n_clips"])


def _significant(test: pd.Series, what: str) -> bool:
    """Whether a loss or gain is above 0 by the paired test, corrected for its family."""
    return bool(test[what] > 0 and test["p_tracks_holm"] < LEVEL)
