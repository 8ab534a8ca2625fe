"""How every figure looks: two themes, one palette fixed by meaning, sizes, captions."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec

import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from offkey.core.errors import unknown

THEMES = ("light", "dark")
WIDTH_IN = 9.0
DPI = 144
TITLE_LINE_IN, LEGEND_LINE_IN, NOTE_LINE_IN, MARGIN_IN = 0.25, 0.215, 0.165, 0.08

_BASE = {
    "light": {"paper": "#ffffff", "ink": "#1b1f24", "faint": "#5f6873", "grid": "#e2e5e9"},
    "dark": {"paper": "#14171b", "ink": "#e7eaee", "faint": "#9aa4b0", "grid": "#2d333b"},
}

# Classes and regimes: Okabe & Ito's set. Perturbations: Tol's "muted" set, so that a colour never
# means a class in one figure and an edit in the next. (light, dark)
_PALETTE = {
    "human": ("#0072b2", "#56b4e9"),
    "AI": ("#d55e00", "#ff8c42"),
    "trained:clean": ("#1b1f24", "#e7eaee"),
    "trained:retrained": ("#009e73", "#2fd1a3"),
    "trained:joint": ("#b5568c", "#e59ac4"),
    "trained:iterative": ("#b07500", "#f0b53c"),
    "trained:augmented": ("#3b8fc4", "#7cc8f5"),
    "clean": ("#6b7280", "#b6bdc7"),
    "pitch": ("#332288", "#a79bff"),
    "tempo": ("#1f8a78", "#5fd3c0"),
    "pitch_tempo": ("#882255", "#e07aa8"),
    "control": ("#7d7d1e", "#d3d36a"),
    "edited": ("#882255", "#e07aa8"),
    "engine:vocoder": ("#3d4f66", "#b9c6d8"),
    "engine:librosa": ("#aa4499", "#ec9fdf"),
}
_SPARE = ("#4d7f17", "#a3d65c"), ("#8c564b", "#d8a79c"), ("#5f6873", "#9aa4b0")

_theme: ContextVar[str] = ContextVar("theme", default="")
P = ParamSpec("P")


def _rc(name: str) -> dict[str, Any]:
    base = _BASE[name]
    return {
        "figure.facecolor": base["paper"],
        "savefig.facecolor": base["paper"],
        "axes.facecolor": base["paper"],
        "axes.edgecolor": base["faint"],
        "axes.labelcolor": base["ink"],
        "axes.titlecolor": base["ink"],
        "text.color": base["ink"],
        "xtick.color": base["faint"],
        "ytick.color": base["faint"],
        "xtick.labelcolor": base["ink"],
        "ytick.labelcolor": base["ink"],
        "grid.color": base["grid"],
        "legend.frameon": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlelocation": "left",
        "axes.titlesize": 10.5,
        "axes.titleweight": "bold",
        "axes.labelsize": 9.5,
        "font.size": 9.5,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "figure.titlesize": 12.5,
        "figure.titleweight": "bold",
        "lines.linewidth": 1.8,
        "figure.dpi": DPI,
        "savefig.dpi": DPI,
        # A name from a file may hold dollar signs: it is text, not a formula.
        "text.parse_math": False,
        "axes.unicode_minus": True,
        "svg.hashsalt": "offkey",
        "svg.fonttype": "path",
    }


@contextmanager
def theme(name: str) -> Iterator[None]:
    """Draw in the ``"light"`` or ``"dark"`` theme, whatever the user's own matplotlib style is."""
    if name not in THEMES:
        raise unknown("theme", name, THEMES)
    token = _theme.set(name)
    try:
        with matplotlib.style.context(["default", _rc(name)]):
            yield
    finally:
        _theme.reset(token)


def themed(plot: Callable[P, Figure]) -> Callable[P, Figure]:
    """Let a plot be called by hand: outside any theme it is drawn in the light one."""

    @wraps(plot)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Figure:
        if _theme.get():
            return plot(*args, **kwargs)
        with theme("light"):
            return plot(*args, **kwargs)

    return drawn


def colour(meaning: str, spare: int = 0) -> str:
    """Colour of a class, an edit, or (``"trained:NAME"``) a regime in the theme at hand.

    A name without a fixed colour gets the spare colour number `spare`.
    """
    pair = _PALETTE.get(meaning) or _SPARE[spare % len(_SPARE)]
    return pair[_theme.get() == "dark"]


def base(name: str) -> str:
    """``paper``, ``ink``, ``faint`` or ``grid`` in the theme at hand."""
    return _BASE[_theme.get() or "light"][name]


def scale() -> Colormap:
    """Sequential map from paper to a strong blue: more is further from the paper."""
    dark = _theme.get() == "dark"
    stops = (
        ["#1c2127", "#1d3f5e", "#2f78ad", "#8fd0ff"]
        if dark
        else ["#f4f8fb", "#a9cfe8", "#3f88bd", "#08406e"]
    )
    return LinearSegmentedColormap.from_list("offkey", stops)


def diverging() -> Colormap:
    """Blue below zero, vermilion above, paper between."""
    stops = [colour("human"), base("paper"), colour("AI")]
    return LinearSegmentedColormap.from_list("offkey-signed", stops)


def on(background: Any) -> str:
    """Text colour that can be read on `background` (relative luminance, WCAG 2.1)."""
    rgb = np.asarray(to_rgb(background))
    linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    return "#101418" if luminance > 0.18 else "#ffffff"


def figure(height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """Empty figure that lays itself out; :func:`caption` adds what title and note need."""
    return Figure(figsize=(width_in, height_in), layout="constrained")


def caption(
    fig: Figure, title: str, note: str, handles: Sequence[Artist] = (), columns: int = 3
) -> None:
    """Put title and legend above the panels and a note (n, what the band is) below, on the left.

    The figure grows by what they need, so the panels keep their size.
    """
    width, height = fig.get_size_inches()
    head = textwrap.wrap(title, int(9.4 * width))
    foot = textwrap.wrap(note, int(15.0 * width))
    legend_lines = -(-len(handles) // columns)
    above = MARGIN_IN * 1.4 + TITLE_LINE_IN * len(head) + LEGEND_LINE_IN * legend_lines
    below = MARGIN_IN * 2 + NOTE_LINE_IN * len(foot)
    total = height + above + below
    fig.set_size_inches(width, total)
    layout = fig.get_layout_engine()
    if isinstance(layout, ConstrainedLayoutEngine):
        layout.set(rect=(0, below / total, 1, height / total))
    else:
        for axis in fig.axes:
            box = axis.get_position(original=True)
            bottom = (box.y0 * height + below) / total
            axis.set_position((box.x0, bottom, box.width, box.height * height / total))
    left = MARGIN_IN / width
    top = 1 - MARGIN_IN / total
    fig.suptitle("\n".join(head), x=left, y=top, ha="left", va="top").set_in_layout(False)
    if handles:
        corner = (left, top - TITLE_LINE_IN * len(head) / total)
        fig.legend(
            handles=handles, loc="upper left", bbox_to_anchor=corner, ncols=columns,
            borderaxespad=0, borderpad=0.1, columnspacing=1.6, handlelength=2.2,
        ).set_in_layout(False)  # fmt: skip
    text = fig.text(left, MARGIN_IN / total, "\n".join(foot), ha="left", va="bottom", fontsize=8.5)
    text.set_color(base("faint"))
    text.set_in_layout(False)


def short(text: object, length: int = 28) -> str:
    """One line of at most `length` characters, for a label."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"
