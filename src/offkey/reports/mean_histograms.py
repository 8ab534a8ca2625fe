"""Average histograms of pictures, class by class."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.tables import need

COLUMNS = ["histogram", "bin", "class", "mean", "n_clips"]
_CLASSES = ("human", "AI")


def bin_table(
    values: np.ndarray, targets: np.ndarray, names: list[str], histogram: str
) -> pd.DataFrame:
    """Mean height of every bin in either class.

    Parameters
    ----------
    values : ndarray of shape (n_clips, n_bins)
    targets : ndarray of shape (n_clips,)
        1 for AI, 0 for human.
    names : list of str
        Of the bins.
    histogram : str
        ``colours`` or ``derivatives``.
    """
    rows = []
    for target, word in enumerate(_CLASSES):
        mine = values[targets == target]
        for name, mean in zip(names, mine.mean(axis=0), strict=True):
            rows.append((histogram, name, word, float(mean), len(mine)))
    return pd.DataFrame(rows, columns=COLUMNS)


@style.themed
def plot_bins(table: pd.DataFrame) -> Figure:
    """Draw the colours as bars side by side, the derivatives as two maps and their difference."""
    need(table, *COLUMNS)
    fig = style.figure(5.4, 8.0)
    grid = fig.add_gridspec(2, 6, height_ratios=(1, 1.2))
    colours = table[table["histogram"] == "colours"]
    wide = colours.pivot(index="bin", columns="class", values="mean").reindex(
        list(dict.fromkeys(colours["bin"]))
    )
    for place, colour in enumerate(("red", "blue")):
        axis = fig.add_subplot(grid[0, 3 * place : 3 * place + 3])
        mine = wide[wide.index.str.startswith(colour)]
        x = np.arange(len(mine))
        for shift, word in ((-0.2, "human"), (0.2, "AI")):
            axis.bar(x + shift, mine[word], 0.4, color=style.colour(word), label=word)
        axis.set(title=f"{colour} of the picture", xlabel="bin, from none to full", xticks=x)
        axis.set(ylim=(0, 1), ylabel="mean height (0–1)" if place == 0 else "")
        axis.grid(axis="x", visible=False)
        if place == 0:
            axis.legend(loc="upper left")
    derivatives = table[table["histogram"] == "derivatives"]
    size = round(np.sqrt(len(derivatives) / 2))
    maps = {
        word: derivatives.loc[derivatives["class"] == word, "mean"].to_numpy().reshape(size, size)
        for word in _CLASSES
    }
    shown = {**maps, "AI minus human": maps["AI"] - maps["human"]}
    for place, (title, picture) in enumerate(shown.items()):
        axis = fig.add_subplot(grid[1, 2 * place : 2 * place + 2])
        apart = title not in maps
        most = max(float(np.abs(picture).max()), 1e-6)
        mesh = axis.imshow(
            picture.T, origin="lower", cmap=style.diverging() if apart else style.scale(),
            vmin=-most if apart else 0, vmax=most if apart else 1,
        )  # fmt: skip
        axis.set(title=title, xlabel="slope in time", xticks=[], yticks=[])
        axis.set_ylabel("slope in frequency" if place == 0 else "")
        axis.grid(False)
        bar = fig.colorbar(mesh, ax=axis, shrink=0.8, aspect=14)
        bar.outline.set_visible(False)
    n = " and ".join(f"{table.loc[table['class'] == w, 'n_clips'].max()} {w}" for w in _CLASSES)
    style.caption(
        fig,
        "Average histograms of the spectrogram pictures",
        f"n = {n} clips. Each clip's peak bin, mostly background, is set to the mean and the rest "
        "scaled to 0–1 before averaging.",
    )
    return fig
