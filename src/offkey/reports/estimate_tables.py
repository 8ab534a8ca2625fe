"""Tables as :func:`offkey.reports.estimates.plot_estimates` takes them, one per question."""

from __future__ import annotations

import numpy as np
import pandas as pd

from offkey.reports.estimates import COLUMNS, DIFFERENCE, FOUND, SIGNIFICANT
from offkey.reports.tables import comparable, need, over_seeds, pick
from offkey.reports.words import PERTURBATIONS

LEVEL = 0.05
NARROW_ST = 0.5
MOST = 10
"""Edits in a figure that shows those that cost most."""
TOOL = ("round_trip", "null_pitch", "null_tempo", "resample_only")
CONTROLS = (*TOOL, "bandlimit")
_PREFIX = "generator="
_BEST, _KEPT = "oracle_balanced_accuracy", "balanced_accuracy"
_LOST = {"drop_balanced_accuracy": "accuracy at the clean threshold",
         "drop_auc": "AUC, which has no threshold"}  # fmt: skip


def _by(engine: pd.Series) -> pd.Series:
    """`` by ENGINE`` where it is not the usual one."""
    return (" by " + engine).where(~engine.isin(["", "vocoder"]), "")


def _differences(table: pd.DataFrame, value: str) -> pd.DataFrame:
    filled = np.where(table["p_tracks_holm"] < LEVEL, *SIGNIFICANT)
    table = table.assign(metric=DIFFERENCE, value=table[value], filled=filled)
    return table[[name for name in (*COLUMNS, "filled", "n_seeds") if name in table]]


def drop_table(tests: pd.DataFrame) -> pd.DataFrame:
    """Losses of every edit, grouped by kind of edit, a colour per engine.

    `tests` is from :func:`offkey.evaluation.losses`, one model.
    """
    need(tests, "perturbation", "label", "drop", "low", "high", "p_tracks_holm", "engine")
    edit = tests["perturbation"]
    group = edit.map(PERTURBATIONS).fillna(edit).str.replace("_", " ")
    group = group.mask(edit.isin(TOOL), "control: the tool, no edit")
    group = group.mask(edit.str.startswith("original_"), "random draws")
    own = (edit.str.replace("_", " ") + " ").where(edit.isin(TOOL[1:]), "")
    table = tests.assign(group=group, label=own + tests["label"], kind=tests["engine"])
    return _differences(table, "drop")


def worst_drops(tests: pd.DataFrame) -> pd.DataFrame:
    """Of every kind of edit the level that costs most, the costliest first; controls below them.

    `tests` as for :func:`drop_table`.
    """
    need(tests, "perturbation", "label", "drop", "engine")
    edit, control = tests["perturbation"], tests["perturbation"].isin(CONTROLS)
    several = edit.map(edit.value_counts()) > 1
    name = edit.map(PERTURBATIONS).fillna(edit).str.removeprefix("control: ")
    name = name.mask(edit == "round_trip", "round trip")
    group = np.where(control, "controls", "edits, each at the level that costs most")
    label = (name + ": " + tests["label"] + _by(tests["engine"])).where(several, name)
    table = tests.assign(group=group, label=label, kind="").sort_values(
        "drop", ascending=False, kind="stable"
    )
    table = table.drop_duplicates("perturbation")
    controls = table["perturbation"].isin(CONTROLS)
    return _differences(pd.concat([table[~controls].head(MOST), table[controls]]), "drop")


def gain_table(gains: pd.DataFrame) -> pd.DataFrame:
    """Gains of every way of training, a row per edit tested on.

    `gains` is from :func:`offkey.evaluation.compare_regimes`.
    """
    need(gains, "regime", "label", "gain", "low", "high", "p_tracks_holm")
    label, kind = "tested on " + gains["label"], "trained:" + gains["regime"]
    return _differences(gains.assign(group="", label=label, kind=kind), "gain")


def level_table(
    scores: pd.DataFrame, *, label: str, kind: str, metric: str = "auc"
) -> pd.DataFrame:
    """Rows out of a scores table, mean over seeds; columns name a row and decide its colour."""
    need(scores, "metric", "subset", label, kind)
    rows = scores[(scores["metric"] == metric) & (scores["subset"] == "all")]
    rows = over_seeds(rows, widest=False)
    colours = ("trained:" if kind == "regime" else "") + rows[kind].astype(str)
    return rows.assign(label=rows[label], kind=colours, group="")[[*COLUMNS, "n_seeds"]]


def called_ai(
    scores: pd.DataFrame, *, variant: str = "clean", detector: str | None = None
) -> pd.DataFrame:
    """Share of each source's clips that is called AI: on clean clips, and under one edit.

    Parameters
    ----------
    scores : DataFrame
        The scores table with ``subset == "generator=NAME"`` rows of ``miss_rate`` (AI sources) and
        ``false_accusation_rate`` (human sources).
    variant : str
        Edit whose clips are tested beside the clean ones, or a perturbation (then its last level).
    detector : str, optional
        Which one, where the table holds several.
    """
    need(scores, "subset", "metric", "regime", "train_variant", "variant", "value", "n_clips")
    rows = pick(scores, "detector", detector)
    rows = rows[rows["subset"].str.startswith(_PREFIX)]
    rows = rows[rows["metric"].isin(["miss_rate", "false_accusation_rate"])]
    rows = rows[rows["value"].notna() & (rows["n_clips"] > 0)]
    need(rows, "subset")
    levels = rows.loc[rows["perturbation"] == variant, "variant"]
    chosen = levels.iloc[-1] if len(levels) else variant
    kept = rows["variant"].isin(["clean", *pick(rows, "variant", chosen)["variant"].unique()])
    rows = rows[kept].assign(subset="all", source=rows["subset"])
    rows = over_seeds(comparable(rows), widest=False)
    rows = rows[rows["regime"] == rows["regime"].iloc[0]]
    ai = rows["metric"] == "miss_rate"
    # A miss rate counts the clips that are NOT called AI: turn it and its interval round.
    turned = rows.assign(value=1 - rows["value"], low=1 - rows["high"], high=1 - rows["low"])
    rows = rows.where(~ai, turned).assign(
        group=np.where(ai, "AI: all should be called AI", "human: none should be"),
        label=rows["source"].str.removeprefix(_PREFIX) + rows["n_clips"].map("  n={:.0f}".format),
        kind=rows["label"],
        metric="called_ai_rate",
    )
    return rows.sort_values(["group", "label"], kind="stable")[[*COLUMNS, "n_seeds"]]


def threshold_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Split each loss of balanced accuracy in two parts that add up to it.

    Parameters
    ----------
    scores : DataFrame
        The scores table of one model, clean among the variants.

    Returns
    -------
    DataFrame
        ``variant, label, engine, total, threshold, separability, drop_auc, n_clips, n_tracks``.
        ``separability``: what the best threshold for the edited clips does not win back, best
        clean minus best edited balanced accuracy. ``threshold``: the rest, won back by moving it.
        The best threshold is found on the test clips and flatters both sides alike.
    """
    need(scores, "variant", "label", "metric", "value", "subset")
    rows = over_seeds(scores[scores["subset"] == "all"])
    keys, sizes = ["variant", "label", "engine"], rows[["n_clips", "n_tracks"]].max()
    wide = rows.pivot_table(index=keys, columns="metric", values="value", sort=False).reset_index()
    clean = wide[wide["variant"] == "clean"]
    need(clean, "variant")
    total, apart = (clean[name].iloc[0] - wide[name] for name in (_KEPT, _BEST))
    table = wide.assign(total=total, threshold=total - apart, separability=apart, **sizes)
    table = table[table["variant"] != "clean"].sort_values("total", ascending=False)
    columns = [*keys, "total", "threshold", "separability", "drop_auc", *sizes.index]
    return table[columns].reset_index(drop=True)


def threshold_losses(scores: pd.DataFrame) -> pd.DataFrame:
    """Of the costliest edits what accuracy loses at the fixed threshold, and what AUC loses.

    `scores` as for :func:`threshold_table`.
    """
    need(scores, "label", "engine", "metric", "value", "low", "high", "subset")
    rows = scores[(scores["subset"] == "all") & scores["metric"].isin(_LOST)]
    rows = over_seeds(rows, widest=False)
    rows = rows.assign(group="", label=rows["label"] + _by(rows["engine"]))
    lost = rows[rows["metric"] == "drop_balanced_accuracy"]
    most = lost.sort_values("value", ascending=False, kind="stable")["variant"].head(MOST)
    rows = rows.set_index("variant").loc[most].reset_index()
    rows = rows.assign(kind=rows["metric"].map(_LOST), metric=DIFFERENCE)
    return rows[[*COLUMNS, "n_seeds"]]


def fault_table(faults: pd.DataFrame) -> pd.DataFrame:
    """Accuracy as published and mended, the paired difference at the side, a row per fault.

    `faults` is from :func:`offkey.audits.revisited.effects`; a dot is filled where the difference
    is significant.
    """
    need(faults, "fault", "published", "mended", "effect", "low", "high", "p_holm", "n_clips")
    table = faults.assign(
        group="",
        label=faults["fault"],
        metric="balanced_accuracy",
        filled=np.where(faults["p_holm"] < LEVEL, *SIGNIFICANT),
        side=[_difference(row) for row in faults.to_dict("records")],
    )
    ways = [
        table.assign(
            value=table[way], low=table[f"{way}_low"], high=table[f"{way}_high"], kind=kind
        )
        for way, kind in (("published", "as published"), ("mended", "mended"))
    ]
    return pd.concat(ways).sort_index(kind="stable")[[*COLUMNS, "filled", "side"]]


def _difference(row: dict) -> str:
    value, low, high = (
        "–" if pd.isna(number) else f"{round(100 * number):+d}".replace("-", "−").replace("+0", "0")
        for number in (row["effect"], row["low"], row["high"])
    )
    return f"{value} points [{low}, {high}]" if low != "–" else f"{value} points"


def movement_table(movement: pd.DataFrame) -> pd.DataFrame:
    """Where the lines of every family went under every edit, in semitones, beside the prediction.

    `movement` is from :func:`offkey.audits.decoder_lines.movement`.
    """
    need(movement, "family", "label", "engine", "predicted", "value", "low", "high", "perturbation")
    edit = movement["perturbation"].map({"tempo": "tempo ", "pitch": "pitch "}).fillna("")
    table = movement.assign(
        group="",
        label=edit + movement["label"] + _by(movement["engine"]),
        kind=movement["family"],
        metric="semitones",
        expected=movement["predicted"],
        filled=np.where(movement["high"] - movement["low"] < NARROW_ST, *FOUND),
    )
    return table[[*COLUMNS, "expected", "filled"]]
