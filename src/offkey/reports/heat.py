"""One heat map for every matrix: the number in each cell, the scale set to the data."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from offkey.reports import style
from offkey.reports.estimates import CHANCE
from offkey.reports.words import in_percent

STEP = 0.05


def heat(
    axis: Axes,
    matrix: pd.DataFrame,
    metric: str,
    *,
    text: pd.DataFrame | None = None,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw a matrix of one metric, rows from above; NaN stays empty.

    Parameters
    ----------
    axis : Axes
    matrix : DataFrame
    metric : str
        Decides unit and, where the numbers come near chance, a scale that has it in the middle.
    text : DataFrame, optional
        What stands in the cells instead of the numbers.
    limits : tuple of float, optional
        Ends of the scale; usually the data's, rounded outwards.
    """
    low, high = np.nanmin(matrix), np.nanmax(matrix)
    chance = CHANCE.get(metric, -np.inf)
    ends = limits or (np.floor(low / STEP) * STEP, max(np.ceil(high / STEP) * STEP, low + STEP))
    near = limits is None and low < chance + STEP
    if near:
        reach = max(STEP, chance - low, high - chance)
        ends = (chance - reach, chance + reach)
    if text is None:
        percent = in_percent(metric)
        text = matrix.map(lambda value: f"{100 * value:.0f}" if percent else f"{value:.2f}")
    sns.heatmap(
        matrix, ax=axis, annot=text.where(matrix.notna(), ""), fmt="", cbar=False, vmin=ends[0],
        vmax=ends[1], cmap=style.diverging() if near else style.scale(),
        annot_kws={"fontsize": style.NOTE}, linewidths=1, linecolor=style.base("paper"),
    )  # fmt: skip
    axis.set(xlabel="", ylabel="")
    axis.grid(False)
    axis.xaxis.tick_top()
    axis.tick_params(length=0)
    axis.set_yticklabels([style.short(name, 30) for name in matrix.index], rotation=0)
    names = [style.short(name, 24) for name in matrix.columns]
    if max(map(len, names)) > 8:
        axis.set_xticklabels(names, rotation=40, ha="left", rotation_mode="anchor")
    else:
        axis.set_xticklabels(names)
