"""Average histograms of pictures, class by class."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from offkey.reports import style
from offkey.reports.tables import need

COLUMNS = ["histogram", "bin", "class", "mean", "n_clips"]
_CLASSES = ("human", "AI")


def bin_table(
    values: np.ndarray, targets: np.ndarray, names: list[str], histogram: str
) -> pd.DataFrame:
    """Mean height of every bin in either class, of one `histogram` (``colours``, ``derivatives``).

    Parameters
    ----------
    values : ndarray of shape (n_clips, n_bins)
    targets : ndarray of shape (n_clips,)
        1 for AI, 0 for human.
    names : list of str
        Of the bins.
    """
    parts = [
        pd.DataFrame({"bin": names, "mean": values[targets == target].mean(axis=0)}).assign(
            **{"class": word, "n_clips": (targets == target).sum()}
        )
        for target, word in enumerate(_CLASSES)
    ]
    return pd.concat(parts, ignore_index=True).assign(histogram=histogram)[COLUMNS]


@style.themed
def plot_bins(table: pd.DataFrame) -> Figure:
    """Draw the colours as bars side by side, the derivatives as two maps and their difference."""
    need(table, *COLUMNS)
    fig = style.figure(4.6)
    grid = fig.add_gridspec(2, 6, height_ratios=(1, 1.1))
    colours = table[table["histogram"] == "colours"]
    for place, colour in enumerate(("red", "blue")):
        axis = fig.add_subplot(grid[0, 3 * place : 3 * place + 3])
        mine = colours[colours["bin"].str.startswith(colour)]
        inks = {word: style.colour(word) for word in _CLASSES}
        sns.barplot(mine, x="bin", y="mean", hue="class", palette=inks, saturation=1, legend=False,
                    ax=axis)  # fmt: skip
        axis.set(title=f"{colour} of the picture", xlabel="bin, from none to full", ylim=(0, 1))
        axis.set(ylabel="mean height (0–1)" if place == 0 else "", xticklabels=[])
    derivatives = table[table["histogram"] == "derivatives"]
    size = round(np.sqrt(len(derivatives) / 2))
    human, ai = (
        derivatives.loc[derivatives["class"] == word, "mean"].to_numpy().reshape(size, size)
        for word in _CLASSES
    )
    most = max(float(np.abs(ai - human).max()), 1e-6)
    for place, (title, picture, low, high, cmap) in enumerate((
        ("human", human, 0, 1, style.scale()),
        ("AI", ai, 0, 1, style.scale()),
        ("AI minus human", ai - human, -most, most, style.diverging()),
    )):  # fmt: skip
        axis = fig.add_subplot(grid[1, 2 * place : 2 * place + 2])
        sns.heatmap(
            picture.T[::-1], ax=axis, cmap=cmap, vmin=low, vmax=high, square=True,
            xticklabels=False, yticklabels=False, cbar_kws={"shrink": 0.6},
        )  # fmt: skip
        axis.set_title(title, fontsize=10)
        axis.set(xlabel="slope in time", ylabel="slope in frequency" if place == 0 else "")
    n = " and ".join(f"{table.loc[table['class'] == w, 'n_clips'].max()} {w}" for w in _CLASSES)
    style.caption(
        fig,
        "Average histograms of the spectrogram pictures",
        f"n = {n} clips. Each clip's peak bin, mostly background, is set to the mean and the rest "
        "scaled to 0–1 before averaging.",
        [Patch(color=ink, label=word) for word, ink in inks.items()],
    )
    return fig
