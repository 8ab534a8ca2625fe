"""What was trained on against what was tested on, as a heat map with intervals."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from offkey.reports import style
from offkey.reports.heatmap import brackets, heat_map
from offkey.reports.tables import last_stage, need, over_seeds, pick, seeds_note
from offkey.reports.words import metric_name, regime_name


@style.themed
def plot_regimes(
    scores: pd.DataFrame, *, metric: str = "balanced_accuracy", detector: str | None = None
) -> Figure:
    """Draw a row per trained model and a column per tested variant.

    A frame marks the cells whose model was trained on exactly what it is tested on. Of the
    iterative regime the last stage is shown.

    Parameters
    ----------
    scores : DataFrame
        The scores table.
    metric : str
        Higher must be better.
    detector : str, optional
        Which one, where the table holds several.
    """
    need(scores, "regime", "train_variant", "variant", "label", "metric", "value")
    rows = pick(scores, "detector", detector)
    rows = rows[(rows["subset"] == "all") & (rows["metric"] == metric)]
    need(rows, "metric")
    rows = over_seeds(last_stage(rows))
    labels = rows.drop_duplicates("variant").set_index("variant")["label"]
    rows = rows.assign(row=[_row_name(one, labels) for one in rows.to_dict("records")])
    names = sorted(dict.fromkeys(rows["row"]), key=lambda name: name != "clean")
    variants = sorted(dict.fromkeys(rows["variant"]), key=lambda name: name != "clean")
    fig = heat_map(rows, names, variants, metric)
    axis = fig.axes[0]
    axis.set_ylabel("trained on")
    own = rows[(rows["train_variant"] == rows["variant"]) & rows["regime"].isin(_SINGLE)]
    for one in own.to_dict("records"):
        corner = (variants.index(one["variant"]) - 0.5, names.index(one["row"]) - 0.5)
        axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=style.colour("AI"), lw=2))
    style.caption(
        fig,
        f"Trained on one thing, tested on another: {metric_name(metric)}",
        f"n = {rows['n_clips'].max():.0f} clips of {rows['n_tracks'].max():.0f} tracks per cell; "
        f"{brackets(variants)}.{seeds_note(rows)} Framed: tested on what it was trained on.",
    )
    return fig


_SINGLE = ("clean", "retrained")


def _row_name(row: dict, labels: pd.Series) -> str:
    if row["regime"] not in _SINGLE:
        return regime_name(row["regime"]).removeprefix("trained ").removeprefix("on ")
    trained = row["train_variant"]
    return style.short(labels.get(trained, trained), 20)
