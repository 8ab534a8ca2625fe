"""One way to draw an estimate against a level: dots with bars, joined, named at their right end."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from offkey.reports import style

Ends = list[tuple[float, str, str]]
"""Height of each line's end, its name and its colour."""
_LABEL_IN = 0.17


def draw_line(
    axis: Axes, rows: pd.DataFrame, x: str, ink: str, *, shift: float = 0.0, line: str = "-"
) -> None:
    """Draw ``value`` with its 95 % confidence interval ``low, high`` against the column `x`.

    `shift` moves it to one side, so that bars of several lines do not lie over each other; dots
    of dashed lines are hollow; an empty `line` leaves the dots alone.
    """
    rows = rows.sort_values(x)
    at = rows[x].to_numpy(float) + shift
    axis.vlines(at, rows["low"], rows["high"], color=ink, linewidth=1.6)
    inside = style.base("paper") if line == "--" else ink
    axis.plot(at, rows["value"], f"o{line}", color=ink, markerfacecolor=inside, markersize=4)


def name_ends(axis: Axes, ends: Ends, height_in: float) -> None:
    """Write each line's name at the right of a panel of that height, none over another.

    The panel must have its final limits.
    """
    low, high = axis.get_ylim()
    gap = (high - low) * _LABEL_IN / height_in
    ends = sorted(ends)
    places = np.array([end[0] for end in ends])
    for number in range(1, len(places)):
        places[number] = max(places[number], places[number - 1] + gap)
    places -= max(0.0, places[-1] - high)
    for number in reversed(range(len(places) - 1)):
        places[number] = min(places[number], places[number + 1] - gap)
    for place, (_, name, ink) in zip(places, ends, strict=True):
        axis.text(1.015, place, name, color=ink, va="center", weight="bold",
                  transform=axis.get_yaxis_transform())  # fmt: skip
