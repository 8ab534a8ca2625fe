"""A detector on one screen: what it is, what it learnt from, what it reaches, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from offkey.reports.page_parts import duration, facts, templates, write_page
from offkey.reports.tables import need
from offkey.reports.words import edit_name, interval, metric_name, table_html

METRICS = ("balanced_accuracy", "auc", "false_accusation_rate", "miss_rate")
_HIDDEN = ("detector", "settings", "features", "sha256", "stages", "threshold", "band")


def write_card(
    path: Path,
    model: dict[str, Any],
    scores: pd.DataFrame,
    losses: pd.DataFrame,
    cost: dict[str, Any],
    *,
    about: str,
    data: str,
) -> Path:
    """Write a model card, an HTML page, from the tables.

    Parameters
    ----------
    path : Path
        Of the page, e.g. ``cards/resnet.html``.
    model : dict
        The detector's ``model.json``.
    scores, losses : DataFrame
        The scores table, and :func:`offkey.evaluation.losses`; this detector's rows are taken.
    cost : dict
        A row of :func:`offkey.detectors.costs.benchmark`.
    about : str
        What kind of detector it is, in a sentence or two.
    data : str
        Title of the data set.
    """
    name = str(model["detector"])
    mine = scores[(scores["detector"] == name) & (scores["subset"] == "all")]
    mine = mine[mine["metric"].isin(METRICS)]
    need(mine, "metric", "variant", "label", "engine")
    mine = mine.assign(edit=_edits(mine))
    lost = losses[losses["detector"] == name]
    told = lost[(lost["p_tracks_holm"] < 0.05) & (lost["drop"] > 0)]
    table = mine[["edit", "metric", "value", "low", "high", "n_clips", "n_tracks"]]
    trained = cost["training_s"]
    page = {
        "title": f"Model card: {name}",
        "about": " ".join(about.split()),
        "data": data,
        "learnt": ", ".join(model.get("trained_on", ["unknown music"])),
        "threshold": f"{model['threshold']:.3f}",
        "n": f"{mine['n_clips'].max():.0f} clips of {mine['n_tracks'].max():.0f} tracks",
        "clean": [_said(row) for row in mine[mine["variant"] == "clean"].to_dict("records")],
        "hurt": [
            f"{edit}: {_points(row)}"
            for edit, row in zip(_edits(told), told.to_dict("records"), strict=True)
        ],
        "n_edits": int(lost["p_tracks_holm"].notna().sum()),
        "detectable": f"{lost['detectable_drop'].max():.0f}" if len(lost) else "some",
        "cost": {
            "a clip": f"{cost['ms_per_clip']:.0f} ms (slowest {cost['slowest_ms']:.0f} ms)",
            "on disk": f"{cost['megabytes']:.1f} MB",
            "training": "not available" if pd.isna(trained) else duration(trained),
        },
        "table": Markup(table_html(table.rename(columns={"edit": "tested on"}))),
        "settings": facts(model["settings"]),
        "features": facts(model["features"]),
        "more": facts({key: value for key, value in model.items() if key not in _HIDDEN}),
    }
    body = templates().get_template("card.html.j2").render(page=page)
    return write_page(path, str(page["title"]), body, ways={"home": ("the study", "../index.html")})


def _edits(rows: pd.DataFrame) -> list[str]:
    """Every row's edit with its engine: two engines may make the same shift."""
    return [edit_name(*pair) for pair in zip(rows["label"], rows["engine"], strict=True)]


def _said(row: Mapping[Any, Any]) -> str:
    text = interval(row["value"], row["low"], row["high"], row["metric"], row["n_clips"])
    return f"{metric_name(row['metric'])} {text}"


def _points(row: Mapping[Any, Any]) -> str:
    low, high = (f"{100 * row[end]:.0f}".replace("-", "−") for end in ("low", "high"))
    return f"{100 * row['drop']:.0f} points lost [{low}, {high}]"
