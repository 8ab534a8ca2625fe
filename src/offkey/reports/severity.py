"""Severity curves: how a metric falls along an edit, with the tool's own share beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.estimates import CHANCE
from offkey.reports.lines import draw_line
from offkey.reports.tables import comparable, need, over_seeds, pick

# perturbation -> (words for the levels, level that changes nothing; None: not one number)
EDITS = {
    "pitch": ("pitch shift (semitones)", 0.0),
    "tempo": ("tempo (×)", 1.0),
    "speed": ("playback speed (×)", 1.0),
    "pitch_tempo": ("pitch shift and tempo", None),
}
# What stands beside the curve: prefix of the variant -> tick label
ASIDE = {"round_trip": "round trip", "original": "random"}
# Control at the levels of the edit itself, drawn as a line of its own
CONTROL = {"pitch": "bandlimit"}
PANEL_IN = 2.3
_NOTE_AUC = " AUC has none: where it stays and accuracy falls, only the threshold is wrong."


def has_levels(table: pd.DataFrame) -> bool:
    """Whether :func:`plot_severity` has a curve to draw of these scores."""
    return bool(table["perturbation"].isin(list(EDITS)).any())


@style.themed
def plot_severity(
    scores: pd.DataFrame,
    *,
    metrics: Sequence[str] = ("balanced_accuracy", "auc"),
    detector: str | None = None,
    engines: bool = False,
) -> Figure:
    """Draw one row per edit and one column per metric, its levels in order, clean among them.

    Beside each curve stand the round trip (edited and edited back: what the tool alone does) and
    the random draws. The dashed line beside the pitch shifts is the clean clip without the band
    that a shift empties.

    Parameters
    ----------
    scores : DataFrame
        The scores table, of one regime.
    metrics : sequence of str
        Columns; one without numbers is left out.
    detector : str, optional
        Which one, where the table holds several.
    engines : bool
        All engines, a colour each; otherwise the first one alone.
    """
    need(scores, "detector", "regime", "variant", "perturbation", "level", "metric", "value")
    rows = pick(comparable(pick(scores, "detector", detector)), "regime", None)
    rows = over_seeds(rows[rows["metric"].isin(metrics)], widest=False)
    named = [name for name in dict.fromkeys(rows["engine"]) if name][: None if engines else 1]
    rows = rows[rows["engine"].isin(["", *named])]
    shown = [name for name in EDITS if (rows["perturbation"] == name).any()]
    need(rows[rows["perturbation"].isin(shown)], "metric")
    measured = [metric for metric in metrics if (rows["metric"] == metric).any()]
    fig = style.figure(0.3 + PANEL_IN * len(shown))
    axes = fig.subplots(len(shown), len(measured), squeeze=False, sharey="col", sharex="row")
    for (line, column), axis in np.ndenumerate(axes):
        _panel(axis, rows[rows["metric"] == measured[column]], shown[line], named)
        axis.set_xlabel(EDITS[shown[line]][0])
        axis.set_title(style.axis_name(measured[column]) if line == 0 else "")
        style.number_axis(axis.yaxis, measured[column])
    for axis, metric in zip(axes[0], measured, strict=True):
        if axis.get_ylim()[0] < CHANCE.get(metric, -np.inf):
            style.mark(axis, CHANCE[metric], "guessing", across=True)
    inks = {f"edited by {name}": (style.colour(name), "-") for name in named}
    if rows["perturbation"].isin(CONTROL.values()).any():
        inks["control: only the emptied band"] = (style.base("faint"), "--")
    seeds = int(rows["n_seeds"].max())
    style.caption(
        fig,
        f"What edits do to the detector '{style.short(rows['detector'].iloc[0])}'",
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks a dot. Bar: "
        f"95 % confidence interval over tracks{f', averaged over {seeds} seeds' * (seeds > 1)}. "
        f"The threshold is fixed on clean clips.{_NOTE_AUC * ('auc' in measured)} Levels stand in "
        "order, not to scale.",
        style.keys(inks, "o"),
    )
    return fig


def _panel(axis: Axes, rows: pd.DataFrame, edit: str, engines: list[str]) -> None:
    neutral, kind = EDITS[edit][1], rows["perturbation"]
    edits, clean = rows[kind == edit], rows[kind == "clean"].assign(name="clean", level=neutral)
    if neutral is None:
        edits = edits.assign(name=edits["label"])
    else:
        edits = pd.concat([edits, rows[kind == CONTROL.get(edit)]])
        signed = style.signed_number if neutral == 0 else "{:g}".format
        edits = edits.assign(name=edits["level"].map(signed))
    levels = pd.concat([clean, edits])
    order = list(dict.fromkeys(levels.sort_values("level", kind="stable")["name"]))
    aside = rows.assign(name=rows["variant"].str.split("@").str[0].map(
        {f"{prefix}_{edit}": words for prefix, words in ASIDE.items()}))  # fmt: skip
    aside = aside[aside["name"].notna()]
    names = [*order, *dict.fromkeys(aside["name"])]
    levels, aside = (part.assign(x=part["name"].map(names.index)) for part in (levels, aside))
    there = {*levels["engine"], *aside["engine"]}
    used = [name for name in engines if name in there] or [""]
    for number, name in enumerate(used):
        ink = style.colour(name) if name else style.base("ink")
        shift = 0.24 * (number - (len(used) - 1) / 2)
        mine = levels[levels["engine"].eq(name) & levels["perturbation"].eq(edit)]
        own = levels[levels["variant"] == "clean"]
        line = "-" if neutral is not None else ""
        draw_line(axis, pd.concat([own, mine]), "x", ink, shift=shift, line=line)
        draw_line(axis, aside[aside["engine"] == name], "x", ink, shift=shift, line="")
    control = levels[levels["perturbation"] == CONTROL.get(edit)]
    draw_line(axis, control, "x", style.base("faint"), shift=-0.3, line="--")
    if len(aside):
        axis.axvline(len(order) - 0.5, color=style.base("grid"), linewidth=3)
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=style.SMALL)
    axis.grid(axis="x", visible=False)
