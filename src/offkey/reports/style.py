"""How every figure looks: two themes, one palette fixed by meaning, sizes, captions."""

from __future__ import annotations

import colorsys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec

import matplotlib.style
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from offkey.core.errors import unknown
from offkey.reports.words import in_percent, metric_name

THEMES = ("light", "dark")
WIDTH_IN = 6.0
"""So wide that its text can be read when it is shown 360 pixels wide."""
DPI = 144
TITLE_LINE_IN, LEGEND_LINE_IN, NOTE_LINE_IN, MARGIN_IN = 0.25, 0.215, 0.165, 0.08
SMALL, NOTE = 8.5, 9.0
"""Text where many labels stand side by side; text of notes. In points, as all sizes of text."""

_BASE = {
    "light": {"paper": "#ffffff", "ink": "#1b1f24", "faint": "#5f6873", "grid": "#e2e5e9"},
    "dark": {"paper": "#14171b", "ink": "#e7eaee", "faint": "#9aa4b0", "grid": "#2d333b"},
}
# Named by what they stand for in the table below: (light, dark).
_BLUE, _ORANGE = ("#0072b2", "#56b4e9"), ("#d55e00", "#ff8c42")
_INK, _GREY = ("#1b1f24", "#e7eaee"), ("#6b7280", "#b0b8c2")
_GREEN, _AMBER, _ROSE = ("#008a63", "#2fd1a3"), ("#b07500", "#f0b53c"), ("#b5568c", "#e59ac4")
_SKY, _RED, _PURPLE = ("#1f5fbf", "#7cb4ff"), ("#c2255c", "#ff7ba5"), ("#7b2d9b", "#cf8af0")
_BROWN, _OLIVE, _TEAL = ("#8c564b", "#d8a79c"), ("#7d7d1e", "#d3d36a"), ("#00838f", "#4fd6e6")
# One colour for one thing on every figure. No two things of one kind share one.
_PALETTE = {
    **{"human": _BLUE, "AI": _ORANGE},
    **{"clean": _GREY, "pitch": _SKY, "tempo": _GREEN, "pitch_tempo": _RED, "edited": _RED},
    **{"vocoder": _SKY, "librosa": _RED, "signalsmith": _AMBER},
    **{"resnet": _PURPLE, "cnn": _TEAL, "forest": _GREEN, "histogram": _AMBER, "dual": _BROWN},
    **{"peaks": _RED, "comb": _SKY, "metadata": _GREY, "ensemble": _INK},
    **{"shortcut": _OLIVE, "codec_floor": _ROSE},
    **{"trained:clean": _INK, "trained:retrained": _GREEN, "trained:joint": _ROSE},
    **{"trained:augmented": _SKY, "trained:iterative": _AMBER, "trained:iterative_head": _BROWN},
    **{"trained:iterative_replay": _PURPLE, "trained:iterative_tempo_first": _OLIVE},
    **{"trained:heard": _INK, "trained:heard_same_size": _SKY, "trained:unheard": _RED},
}
_GOLDEN = 0.618

_theme: ContextVar[str] = ContextVar("theme", default="")
P = ParamSpec("P")


def _rc(name: str) -> dict[str, Any]:
    paper, ink, faint, grid = _BASE[name].values()
    inks = {
        paper: ("figure.facecolor", "savefig.facecolor", "axes.facecolor"),
        ink: ("axes.labelcolor", "axes.titlecolor", "text.color"),
        faint: ("axes.edgecolor", "xtick.color", "ytick.color"),
        grid: ("grid.color",),
    }
    bold = dict.fromkeys(("axes.titleweight", "figure.titleweight"), "bold")
    off = ("legend.frameon", "axes.spines.top", "axes.spines.right")
    sizes = {"axes.titlesize": 11, "axes.labelsize": 10, "font.size": 10, "figure.titlesize": 12.5}
    ticks = dict.fromkeys(("xtick.labelsize", "ytick.labelsize", "legend.fontsize"), 9.5)
    return {
        **{key: value for value, keys in inks.items() for key in keys},
        **dict.fromkeys(("xtick.labelcolor", "ytick.labelcolor"), ink),
        **bold, **dict.fromkeys(off, False), **sizes, **ticks,
        **dict.fromkeys(("figure.dpi", "savefig.dpi"), DPI),
        **{"axes.grid": True, "axes.axisbelow": True, "axes.titlelocation": "left"},
        # A name from a file may hold dollar signs: it is text, not a formula.
        **{"lines.linewidth": 1.6, "text.parse_math": False, "axes.unicode_minus": True},
        **{"svg.hashsalt": "offkey", "svg.fonttype": "path"},
    }  # fmt: skip


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
    """Colour of a class, edit, engine, detector or (``"trained:NAME"``) regime in this theme.

    A name without a fixed colour gets the spare hue number `spare`; no two numbers give the same.
    """
    dark = _theme.get() == "dark"
    if meaning in _PALETTE:
        return _PALETTE[meaning][dark]
    hue = (0.93 + _GOLDEN * spare) % 1
    return to_hex(colorsys.hls_to_rgb(hue, 0.7 if dark else 0.36, 0.5))


def inks(names: Iterable[str]) -> dict[str, str]:
    """Colour of each name: its own where it has one, else a hue that no other of them has."""
    names = list(dict.fromkeys(names))
    spare = [name for name in names if name not in _PALETTE]
    return {name: colour(name, spare.index(name) if name in spare else 0) for name in names}


def base(name: str) -> str:
    """``paper``, ``ink``, ``faint`` or ``grid`` in the theme at hand."""
    return _BASE[_theme.get() or "light"][name]


def scale() -> Colormap:
    """Sequential map from paper to a strong blue: more is further from the paper."""
    light, dark = ("#f4f8fb", "#a9cfe8", "#3f88bd", "#08406e"), ("#1c2127", "#2f78ad", "#8fd0ff")
    return LinearSegmentedColormap.from_list("offkey", dark if _theme.get() == "dark" else light)


def diverging() -> Colormap:
    """Vermilion below the middle, blue above, paper between."""
    stops = [colour("AI"), base("paper"), colour("human")]
    return LinearSegmentedColormap.from_list("offkey-signed", stops)


def figure(height_in: float) -> Figure:
    """Empty figure that lays itself out; :func:`caption` adds what title and note need."""
    return Figure(figsize=(WIDTH_IN, height_in), layout="constrained")


def panels(n: int, across: int, panel_in: float, **shared: Any) -> tuple[Figure, list[Axes]]:
    """Figure with `n` panels of one height, row by row."""
    across = min(across, n)
    down = -(-n // across)
    fig = figure(0.3 + panel_in * down)
    axes = list(fig.subplots(down, across, squeeze=False, **shared).flat)
    for axis in axes[n:]:
        axis.axis("off")
    return fig, axes[:n]


def caption(
    fig: Figure, title: str, note: str, handles: Sequence[Artist] = (), lead: str = ""
) -> None:
    """Put title, lead and legend above the panels and a note (n, what the bars are) below them.

    The figure grows by what they need, so the panels keep their size.
    """
    width, height = fig.get_size_inches()
    head, told, foot = (
        textwrap.wrap(text, int(letters * width))
        for text, letters in ((title, 9.4), (lead, 12.4), (note, 13.6))
    )
    longest = max((len(str(handle.get_label())) for handle in handles), default=0)
    columns = max(1, min(4, int((width - 0.2) / (0.075 * longest + 0.55))))
    title_in = TITLE_LINE_IN * len(head) + MARGIN_IN / 2
    lines = len(told) - (-len(handles) // columns)
    total = height + title_in + LEGEND_LINE_IN * lines + NOTE_LINE_IN * len(foot) + 4 * MARGIN_IN
    below = MARGIN_IN * 2 + NOTE_LINE_IN * len(foot)
    fig.set_size_inches(width, total)
    layout = fig.get_layout_engine()
    assert isinstance(layout, ConstrainedLayoutEngine)
    layout.set(rect=(0, below / total, 1, height / total))
    left, top = MARGIN_IN / width, 1 - MARGIN_IN / total
    first = top - title_in / total
    fig.suptitle("\n".join(head), x=left, y=top, ha="left", va="top").set_in_layout(False)
    fig.text(left, first, "\n".join(told), ha="left", va="top").set_in_layout(False)
    if handles:
        fig.legend(
            handles=handles, loc="upper left", ncols=columns, borderaxespad=0, borderpad=0.1,
            bbox_to_anchor=(left, first - LEGEND_LINE_IN * len(told) / total),
            columnspacing=1.4, handlelength=1.8,
        ).set_in_layout(False)  # fmt: skip
    fig.text(
        left, MARGIN_IN / total, "\n".join(foot), va="bottom", fontsize=NOTE, color=base("faint")
    ).set_in_layout(False)


def keys(drawn: Mapping[str, tuple[str, str]], marker: str = "") -> list[Line2D]:
    """Legend of lines: name -> (colour, line style); the dots of dashed ones are hollow."""
    return [
        Line2D(
            [],
            [],
            color=ink,
            ls=line,
            marker=marker,
            label=short(name, 44),
            mfc=base("paper") if line == "--" else ink,
        )
        for name, (ink, line) in drawn.items()
    ]


def mark(axis: Axes, value: float, text: str, *, across: bool = False) -> None:
    """Dotted line at a value (chance, no change), named where it stands; `across`: at a height."""
    how: dict[str, Any] = {"color": base("faint"), "linestyle": (0, (1, 2)), "linewidth": 1.4}
    words: dict[str, Any] = {"fontsize": NOTE, "color": base("faint"), "va": "bottom"}
    if across:
        axis.axhline(value, **how)
        axis.text(0.995, value, text, transform=axis.get_yaxis_transform(), ha="right", **words)
    else:
        axis.axvline(value, **how)
        axis.text(value, 1, text, transform=axis.get_xaxis_transform(), ha="center", **words)


def number_axis(axis: Axis, metric: str, *, signed: bool = False) -> None:
    """Shares as per cent without the sign, differences (`signed`) as points with theirs."""
    if signed:
        axis.set_major_formatter(lambda value, _: signed_number(round(100 * value, 6)))
    elif in_percent(metric):
        axis.set_major_formatter(lambda value, _: f"{100 * value:.3g}")


def signed_number(value: float, zero: str = "0") -> str:
    """A number with its sign, a true minus."""
    return f"{value:+.3g}".replace("-", "−") if value else zero


def axis_name(metric: str) -> str:
    """Words for the axis of a metric, with its unit."""
    return metric_name(metric) + (" (%)" if in_percent(metric) else "")


def short(text: object, length: int = 28) -> str:
    """One line of at most `length` characters, for a label."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"
