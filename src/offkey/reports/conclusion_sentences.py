"""Sentences that the tables carry, written by rule; where none is carried, that is said."""

from __future__ import annotations

import numpy as np
import pandas as pd

from offkey.reports.tables import comparable, need, over_seeds, pick
from offkey.reports.words import PERTURBATIONS, interval, points, regime_name

# Where the AUC surely loses less than this share of what the balanced accuracy loses, the order of
# the clips is mostly kept and a new threshold would win most of the loss back.
THRESHOLD_SHARE = 0.25
LEVEL = 0.05
DEAF = ("codec_floor", "shortcut")
"""Detectors that never listen."""
SIGNIFICANT = f"Holm-adjusted p < {LEVEL:g}"


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
        ``n_clips, n_tracks``. A loss is significant where ``p_tracks_holm`` says so; edits that are
        no test of their own have no sentence.
    detector : str, optional
        Which one, where the tables hold several.
    gains : DataFrame, optional
        From :func:`offkey.evaluation.compare_regimes`: what each training wins over clean music.

    Returns
    -------
    list of str
    """
    need(tests, "detector", "regime", "perturbation", "label", "drop", "p_tracks_holm")
    rows = over_seeds(comparable(pick(scores, "detector", detector)))
    trials = pick(tests, "detector", detector)
    trials = trials[(trials["regime"] == "clean") & trials["drop"].notna()]
    trials = trials[trials["p_tracks_holm"].notna()]
    sentences = _clean(rows)
    for kind, family in trials.groupby("perturbation", sort=False):
        sentences.append(_edit(str(kind), family, rows))
    repairs = [] if gains is None else _repairs(gains)
    return [*sentences, *repairs, *_undecided(trials)]


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
    worst = family.sort_values("drop", ascending=False, kind="stable").iloc[0]
    lost = points(worst["drop"], worst["low"], worst["high"], worst.get("n_clips", 0))
    several = f", the worst of {len(family)} levels" if len(family) > 1 else ""
    name = PERTURBATIONS.get(kind, kind.replace("_", " "))
    engine = worst.get("engine", "")
    tool = f" by {engine}" if engine not in ("", "vocoder") else ""
    what = f"{worst['label']}{tool}{several}".removeprefix(name).strip(", ")
    start = f"{name[0].upper()}{name[1:]}" + (f" ({what})" if what else "")
    if kind == "round_trip":
        start = f"The control ({worst['label']}{several}: only the tool's traces remain)"
    if not _significant(worst, "drop"):
        return f"{start}: a loss of {lost} points of balanced accuracy, not significant."
    text = f"{start} costs {lost} points of balanced accuracy"
    ranks = rows[
        (rows["variant"] == worst["variant"])
        & (rows["regime"] == "clean")
        & (rows["metric"] == "drop_auc")
    ]
    if ranks.empty:
        return f"{text}."
    auc = ranks.iloc[0]
    words = "whether a new threshold would win it back is not shown"
    if auc["high"] < THRESHOLD_SHARE * worst["drop"]:
        words = "mostly a shifted threshold"
    elif auc["value"] > THRESHOLD_SHARE * worst["drop"] and auc["low"] > 0:
        words = "the classes can be told apart less well"
    return f"{text}; the AUC loses {interval(auc['value'], auc['low'], auc['high'])}: {words}."


def _repairs(gains: pd.DataFrame) -> list[str]:
    shown = gains[gains["p_tracks_holm"] < LEVEL]
    sentences = []
    for row in shown.to_dict("records"):
        ends = (row["low"], row["high"]) if row["gain"] > 0 else (-row["high"], -row["low"])
        moved = points(abs(row["gain"]), *ends, row.get("n_clips", np.inf))
        sentences.append(
            f"Tested on {row['label']}, the detector {regime_name(row['regime'])} "
            f"{'wins' if row['gain'] > 0 else 'loses'} {moved} points against the one trained on "
            f"clean music ({_seeds(row['n_seeds'])})."
        )
    tested = int(gains["p_tracks_holm"].notna().sum())
    hidden = tested - len(shown)
    if hidden:
        sentences.append(
            f"Of {tested} comparisons of another training with training on clean music, {hidden} "
            f"show no significant difference ({SIGNIFICANT})."
        )
    return sentences


def world_sentences(
    unheard: pd.DataFrame,
    costs: pd.DataFrame,
    floors: pd.DataFrame,
    above: pd.DataFrame,
    real: pd.DataFrame,
) -> list[str]:
    """Say what is left where the detector has heard nothing, and what stands above the floors.

    Parameters
    ----------
    unheard, floors, real : DataFrame
        Scores of what was left out (column ``held_out``), of the floors, and of two human sources
        told apart.
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
        verdict = f"not having heard it costs {lost} points of balanced accuracy"
        if not (row["gain"] < 0 and row["p_tracks_holm"] < LEVEL):
            verdict = f"a cost of {lost} points of balanced accuracy, not significant"
        sentences.append(
            f"{row['held_out']} left out of training: AUC {levels['unheard']} instead of "
            f"{levels['heard_same_size']} for as many tracks with it, and {levels['heard']} for "
            f"all ({row['n_clips']:.0f} clips); {verdict}."
        )
    return [*sentences, *_floors(floors, above, real)]


def _floors(floors: pd.DataFrame, above: pd.DataFrame, real: pd.DataFrame) -> list[str]:
    rows = over_seeds(floors[(floors["metric"] == "auc") & (floors["variant"] == "clean")])
    deaf = rows[rows["detector"] == "shortcut"]
    sentences = [
        f"Codec, sample rate and bit rate of the file alone give an AUC of {_interval(row)}."
        for row in rows[rows["detector"] == "codec_floor"].to_dict("records")
    ]
    if len(deaf):
        floor = deaf.iloc[0]
        gains = above[above["variant"] == "clean"].set_index("detector")
        for row in rows[~rows["detector"].isin(DEAF)].to_dict("records"):
            gain = gains.loc[row["detector"]]
            won = points(gain["gain"], gain["low"], gain["high"], gain["n_clips"])
            verdict = f"significant ({SIGNIFICANT})"
            if not _significant(gain, "gain"):
                verdict = "not significant"
            sentences.append(
                f"A detector that never listens reaches an AUC of {_interval(floor)}, "
                f"'{row['detector']}' one of {_interval(row)}; clip by clip it wins {won} "
                f"points of balanced accuracy, {verdict}."
            )
    pair = over_seeds(real[real["metric"] == "auc"])
    if len(pair) and np.isfinite(pair["low"].iloc[0]):
        sentences.append(
            "The same network, trained to tell two human sources apart, reaches an AUC of "
            f"{_interval(pair.iloc[0])} ({pair['n_clips'].iloc[0]:.0f} clips)."
        )
    return sentences


def _interval(row: pd.Series | dict) -> str:
    return interval(row["value"], row["low"], row["high"], n=row["n_clips"])


def _seeds(count: float) -> str:
    return "one seed" if count == 1 else f"{count:.0f} seeds"


def _undecided(trials: pd.DataFrame) -> list[str]:
    open_ = trials[[not _significant(row, "drop") for _, row in trials.iterrows()]]
    if open_.empty or "detectable_drop" not in trials:
        return []
    least, most = open_["detectable_drop"].min(), open_["detectable_drop"].max()
    least_text, most_text = f"{least:.1f}", f"{most:.1f}"
    size = most_text if least_text == most_text else f"{least_text} to {most_text}"
    return [
        f"Significant ({SIGNIFICANT} over the {len(trials)} edits tested) is the loss by "
        f"{len(trials) - len(open_)} of {len(trials)} edits. Detectable difference for the others, "
        f"in one comparison alone: {size} points."
    ]


def _significant(test: pd.Series, what: str) -> bool:
    """Whether a loss or gain is above 0 by the paired test, corrected for its family."""
    return bool(test[what] > 0 and test["p_tracks_holm"] < LEVEL)


def _value(row: pd.Series | dict) -> str:
    return interval(row["value"], row["low"], row["high"], "balanced_accuracy", row["n_clips"])
