"""What a study and each of its notebooks found: a sentence or two, made from their tables.

Every page opens with them. A table that is not there, or holds no such rows, gives no sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from offkey.core import store
from offkey.reports.attention import deletion_sentences
from offkey.reports.conclusion_sentences import SIGNIFICANT
from offkey.reports.tables import comparable, over_seeds
from offkey.reports.words import edit_name, interval, points

LEVEL = 0.05
# The ensemble is made of the others; metadata reads the file, not the music.
NOT_ALONE = ("ensemble", "metadata")
# How far from the predicted place lines count as found there, in semitones.
NEAR_ST = 0.05

Read = Callable[[str], pd.DataFrame]


def of_study(tables: Path, figure: str) -> list[str]:
    """Three sentences: what was found.

    Parameters
    ----------
    tables : Path
        Folder of the study's tables.
    figure : str
        Name of the headline figure: ``dose`` compares detectors, any other one detector's edits.
    """
    detectors, edits = (_detectors, _dose, _baselines), (_clean, _losses, _gains)
    first, then = (detectors, edits) if figure == "dose" else (edits, detectors)
    read = partial(_read, tables)
    return [sentence for make in (*first, *then) if (sentence := make(read))][:3]


def of_notebook(notebook: str, tables: Path, figures: Sequence[str] = ()) -> list[str]:
    """One or two sentences that answer a notebook's question; none where no table says so.

    Parameters
    ----------
    notebook : str
        Its name; the number before the first ``_`` says what it asks.
    tables : Path
        Folder of the tables of its study.
    figures : sequence of str
        Names of its figures; those of a notebook on one detector end in the detector's.
    """
    read = partial(_read, tables)
    named = (
        name.partition("_")[2] for name in figures if name.startswith(("history_", "deletion_"))
    )
    model = next(named, "")
    makers: dict[str, tuple[Callable[[Read], str], ...]] = {
        "01": (_data,),
        "02": (partial(_edits, table="measurements_pitch"),),
        "03": (partial(_edits, table="measurements_tempo"),),
        "04": (partial(_edits, table="measurements_pitch_tempo"),),
        "05": (partial(_trained, table=f"scores_{model}"),),
        "06": (_one_after_another,),
        "07": (_losses, _gains),
        "08": (_clean, _losses),
        "09": (_detectors,),
        "10": (_losses,),
        "11": (_threshold,),
        "12": (_gains,),
        "13": (_held_out,),
        "14": (_baselines,),
        "15": (partial(_maps, table=f"deletion_{model}"),),
        "17": (_published,),
        "18": (_second_look,),
        "20": (_dose, _lines),
    }
    found = [make(read) for make in makers.get(notebook.partition("_")[0], ())]
    return [sentence for sentence in found if sentence]


def numbers_of_study(tables: Path, figure: str) -> pd.DataFrame:
    """AUC per edit (rows) and detector (columns), as text, for a study that compares detectors.

    Empty for others; parameters as in :func:`of_study`.
    """
    rows = _shown(_read(tables, "scores_compared"), "auc")
    if figure != "dose" or rows.empty:
        return pd.DataFrame()
    rows = rows.assign(edit=rows.apply(_edit, axis=1), text=rows.apply(_value, axis=1))
    clean = rows[rows["variant"] == "clean"].sort_values("value", ascending=False)
    wide = rows.pivot(index="edit", columns="detector", values="text")
    wide = wide.loc[rows["edit"].drop_duplicates(), clean["detector"]]
    return wide.fillna("–").rename_axis(columns=None).reset_index()


def _read(tables: Path, name: str) -> pd.DataFrame:
    path = tables / f"{name}.parquet"
    return store.read_table(path) if path.is_file() else pd.DataFrame()


def _data(read: Read) -> str:
    rows = read("generators")
    if rows.empty:
        return ""
    parts = []
    for name, kind in (("AI", "generators"), ("human", "sources")):
        mine = rows[rows["class"] == name]
        count = mine[["train", "val", "test"]].to_numpy().sum()
        parts.append(f"{count} {name} clips of {mine['source'].nunique()} {kind}")
    return f"{' and '.join(parts)}."


def _edits(read: Read, table: str) -> str:
    rows = read(table)
    if rows.empty:
        return ""
    rows = rows[rows["quantity"] != "level"]
    error = rows.assign(error=(rows["measured"] - rows["asked"]).abs())
    worst = [
        f"{row['quantity']} by "
        + (
            f"{100 * row['error']:.2g} %"
            if row["unit"] == "×"
            else f"{row['error']:.2g} {row['unit']}"
        )
        for _, row in error.groupby(["quantity", "unit"], as_index=False)["error"].max().iterrows()
    ]
    return (
        f"On the clips measured, no edit misses what was asked by more than: {', '.join(worst)} "
        f"({rows['variant'].nunique()} edits)."
    )


def _trained(read: Read, table: str) -> str:
    rows = _shown(read(table), "balanced_accuracy")
    if rows.empty:
        return ""
    learnt = rows[rows["variant"] == rows["train_variant"]]
    clean = rows[(rows["variant"] == "clean") & (rows["train_variant"] != "clean")]
    others = rows[(rows["variant"] != rows["train_variant"]) & (rows["variant"] != "clean")]
    text = [f"{_value(row)} on what it was trained on" for _, row in learnt.iterrows()]
    text += [f"{_value(row)} on clean music" for _, row in clean.iterrows()]
    if len(others):
        worst = others.nsmallest(1, "value").iloc[0]
        text.append(f"{_value(worst)} on the worst of {len(others)} edits ({_edit(worst)})")
    first = f"The detector reaches a balanced accuracy of {', '.join(text)}"
    return f"{first} ({_size(rows.iloc[0])})."


def _one_after_another(read: Read) -> str:
    rows = _shown(read("scores_iterative"), "balanced_accuracy")
    rows = rows[rows["variant"] == "clean"] if len(rows) else rows
    if len(rows) < 2:
        return ""
    before, after = rows.iloc[0], rows.iloc[-1]
    return (
        f"On clean music the detector has a balanced accuracy of {_value(before)} before it learns "
        f"one edit after another, and {_value(after)} after the last ({_size(after)})."
    )


def _clean(read: Read) -> str:
    scores = read("scores")
    if scores.empty:
        return ""
    rows = over_seeds(comparable(scores))
    rows = rows[(rows["variant"] == "clean") & (rows["regime"] == "clean")]
    rows = rows[rows["detector"] == read("losses").get("detector", rows["detector"]).iloc[0]]
    found = rows.drop_duplicates("metric").set_index("metric", drop=False)
    if not {"balanced_accuracy", "auc"} <= set(found.index):
        return ""
    accuracy, auc = found.loc["balanced_accuracy"], found.loc["auc"]
    return (
        f"On clean music {_called(accuracy)} reaches a balanced accuracy of {_value(accuracy)} and "
        f"an AUC of {_value(auc)} ({_size(accuracy)})."
    )


def _losses(read: Read) -> str:
    rows = read("losses")
    if rows.empty or rows["p_tracks_holm"].notna().sum() == 0:
        return ""
    tested = rows[rows["p_tracks_holm"].notna()]
    told = tested[(tested["p_tracks_holm"] < LEVEL) & (tested["drop"] > 0)]
    worst = (told if len(told) else tested).sort_values("drop").iloc[-1]
    lost = points(worst["drop"], worst["low"], worst["high"], worst["n_clips"])
    who = (
        f"{len(told)} of {len(tested)} edits cost"
        if len(told)
        else f"None of {len(tested)} edits costs"
    )
    return (
        f"{who} balanced accuracy significantly ({SIGNIFICANT}); the largest "
        f"{'such ' if len(told) else ''}loss is {lost} points, by {_edit(worst)}."
    )


def _gains(read: Read) -> str:
    rows = read("gains")
    rows = rows[rows["p_tracks_holm"].notna()] if len(rows) else rows
    if rows.empty:
        return ""
    told = rows[rows["p_tracks_holm"] < LEVEL]
    start = f"Of {len(rows)} comparisons of training on edited music with training on clean music"
    if told.empty:
        return f"{start}, none is significant ({SIGNIFICANT})."
    better, worse = int((told["gain"] > 0).sum()), int((told["gain"] < 0).sum())
    return f"{start}, {better} show a significant gain and {worse} a significant loss."


def _detectors(read: Read) -> str:
    rows = _shown(read("scores_compared"), "auc")
    rows = rows[~rows["detector"].isin(NOT_ALONE)] if len(rows) else rows
    clean = rows[rows["variant"] == "clean"] if len(rows) else rows
    if clean.empty:
        return ""
    best = clean.nlargest(1, "value").iloc[0]
    edited = rows[(rows["detector"] == best["detector"]) & (rows["variant"] != "clean")]
    text = (
        f"Of {len(clean)} detectors {_called(best)} has the highest AUC on clean music: "
        f"{_value(best)} ({_size(best)})"
    )
    if edited.empty:
        return f"{text}."
    worst = edited.nsmallest(1, "value").iloc[0]
    return f"{text}; {_value(worst)} under the worst of {len(edited)} edits ({_edit(worst)})."


def _dose(read: Read) -> str:
    rows = read("dose_enough")
    if rows.empty:
        return ""
    parts = []
    for name, mine in rows.groupby("detector", sort=False):
        size = mine["semitones"].abs()
        if size.notna().any():
            least = mine.assign(size=size).nsmallest(1, "size").iloc[0]
            text = f"a pitch shift of {size.min():.2g} semitones is enough for '{name}'"
            parts.append(f"{text} (AUC {least['clean_auc']:.2f} to {least['half_auc']:.2f})")
        else:
            parts.append(f"no shift tested is enough for '{name}'")
    return f"To lose half of the AUC above guessing, {'; '.join(parts)}."


def _lines(read: Read) -> str:
    rows = read("line_movement")
    rows = rows[rows["variant"] != "clean"] if len(rows) else rows
    if rows.empty:
        return ""
    near = ((rows["value"] - rows["predicted"]).abs() <= NEAR_ST).sum()
    return (
        f"The decoders' lines of {rows['family'].nunique()} families were found within {NEAR_ST} "
        f"semitones of the predicted place in {near} of {len(rows)} cases (family and edit)."
    )


def _baselines(read: Read) -> str:
    rows = _shown(read("scores_beside_floors"), "auc")
    rows = rows if len(rows) else _shown(read("scores_floors"), "auc")
    rows = rows[rows["variant"] == "clean"] if len(rows) else rows
    deaf = rows[rows["detector"].isin(["codec_floor", "shortcut"])] if len(rows) else rows
    if deaf.empty:
        return ""
    names = {
        "codec_floor": "codec, sample rate and bit rate of the file",
        "shortcut": "level, bandwidth, silence and length",
    }
    parts = [f"{_value(row)} from {names[row['detector']]}" for _, row in deaf.iterrows()]
    heard = rows[rows["detector"] == "resnet"]
    beside = f"; the ResNet18 reaches {_value(heard.iloc[0])}" if len(heard) else ""
    return f"Baselines without the sound reach an AUC of {' and '.join(parts)}{beside}."


def _threshold(read: Read) -> str:
    rows = read("threshold_or_separability")
    if rows.empty:
        return ""
    worst = rows.nlargest(1, "total").iloc[0]
    parts = [100 * worst[part] for part in ("total", "threshold", "separability")]
    total, threshold, separability = (f"{part:.1f}" for part in parts)
    return (
        f"Of the largest loss, {total} points by {_edit(worst)}, {threshold} are a threshold shift "
        f"and {separability} a loss of separability."
    )


def _held_out(read: Read) -> str:
    rows = read("costs_unheard")
    if rows.empty:
        return ""
    told = rows[(rows["p_tracks_holm"] < LEVEL) & (rows["gain"] < 0)]
    worst = rows.nsmallest(1, "gain").iloc[0]
    lost = points(-worst["gain"], -worst["high"], -worst["low"], worst["n_clips"])
    return (
        f"Holding a family or source out of training costs significantly in {len(told)} of "
        f"{len(rows)} cases; most for {worst['held_out']}: {lost} points of balanced accuracy."
    )


def _maps(read: Read, table: str) -> str:
    rows = read(table)
    return deletion_sentences(rows)[0] if len(rows) else ""


def _published(read: Read) -> str:
    rows = read("histograms_published")
    rows = rows[rows["low"].notna() & rows["published"].notna()] if len(rows) else rows
    if rows.empty:
        return ""
    inside = rows["published"].between(rows["low"], rows["high"]).sum()
    return (
        f"{inside} of {len(rows)} published numbers lie inside the 95 % confidence interval of "
        "what the same kind of detector reaches here."
    )


def _second_look(read: Read) -> str:
    rows = read("gains_second_look")
    if rows.empty:
        return ""
    row = rows.iloc[0]
    won = points(row["gain"], row["low"], row["high"], row["n_clips"])
    verdict = "significant" if row["p_tracks_holm"] < LEVEL else "not significant"
    return (
        f"Looking again at the separated parts changes the balanced accuracy by {won} points "
        f"({_edit(row)}), {verdict}."
    )


def _shown(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One metric over all clips, the mean over seeds."""
    if scores.empty:
        return scores
    return over_seeds(scores[(scores["metric"] == metric) & (scores["subset"] == "all")])


def _value(row: pd.Series) -> str:
    return interval(row["value"], row["low"], row["high"], str(row["metric"]), row["n_clips"])


def _size(row: pd.Series) -> str:
    """How many clips and tracks, and the interval over families and sources where it is another."""
    text = f"{row['n_clips']:.0f} clips of {row['n_tracks']:.0f} tracks"
    ends = row.get("group_low", np.nan), row.get("group_high", np.nan)
    if np.isnan(ends[0]) or not row["n_groups"] < row["n_tracks"]:
        return text
    wider = interval(row["value"], *ends, str(row["metric"]), row["n_clips"])
    return f"{text}; over families and sources {wider[wider.find('[') :]}"


def _edit(row: pd.Series) -> str:
    engine = str(row.get("engine", "") or "")
    return edit_name(str(row["label"]), "" if engine == "vocoder" else engine)


def _called(row: pd.Series) -> str:
    return "the ResNet18" if row["detector"] == "resnet" else f"'{row['detector']}'"
