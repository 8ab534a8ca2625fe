"""Training and validation loss per epoch."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from offkey.reports import style
from offkey.reports.tables import need
from offkey.reports.words import stage_name

ACROSS, PANEL_IN = 2, 2.1


@style.themed
def plot_history(history: pd.DataFrame, *, panel: str = "", clips: int = 0) -> Figure:
    """Draw both losses; a ring marks the epoch with the lowest validation loss.

    Parameters
    ----------
    history : DataFrame
        ``epoch, train_loss, val_loss``, and `panel` where there are several trainings.
    panel : str
        Column that tells trainings apart (``"stage"``, ``"regime"``, ``"seed"``); empty: one.
    clips : int
        Number of training clips for the note; 0: not said.
    """
    need(history, "epoch", "train_loss", "val_loss", *([panel] if panel else []))
    groups = list(history.groupby(panel, sort=False)) if panel else [("", history)]
    fig, axes = style.panels(len(groups), ACROSS, PANEL_IN, sharey=True)
    for axis, (name, rows) in zip(axes, groups, strict=True):
        rows = rows.sort_values("epoch")
        train, val = style.base("faint"), style.colour("trained:retrained")
        axis.plot(rows["epoch"], rows["train_loss"], color=train, linestyle="--", label="training")
        axis.plot(rows["epoch"], rows["val_loss"], color=val, label="validation")
        if rows["val_loss"].notna().any():
            best = rows.nsmallest(1, "val_loss").iloc[0]
            axis.plot(best["epoch"], best["val_loss"], "o", mfc="none", mec=val, ms=10,
                      label="lowest validation loss")  # fmt: skip
        axis.set_title(style.short(stage_name(str(name)) if panel == "stage" else name))
        axis.set_xlabel("epoch")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set_ylim(bottom=0)
    axes[0].set_ylabel("loss (cross-entropy)")
    count = f"n = {clips} training clips. " if clips else ""
    style.caption(
        fig,
        "Did the training settle?",
        f"{count}A validation loss that rises while the training loss falls is overfitting.",
        axes[0].get_legend_handles_labels()[0],
    )
    return fig
