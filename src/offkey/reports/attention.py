"""Where a detector looks: mean Grad-CAM as maps and profiles, and whether these can be believed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from offkey.reports import style
from offkey.reports.lines import draw_line
from offkey.reports.spectrogram import hz_ticks
from offkey.reports.tables import need

CALLED = ("human", "AI")
EVEN, PALE, PANEL_IN = 0.2, 0.35, 2.2
_PLAIN: dict[str, Any] = {"fontsize": style.NOTE, "weight": "normal"}
# kind of mask -> (words, colour's meaning, line)
MASKS = {
    "grad_cam": ("replaced where Grad-CAM points", "edited", "-"),
    "random": ("the same shapes elsewhere", "clean", "--"),
}
LINES = {"human": "--", "AI": "-"}


def with_verdicts(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Add to maps or profiles the column ``passed``: whether they withstood the deletion check.

    They do where, on the mean over all shares, the score falls with Grad-CAM's masks and falls more
    than with random ones: both intervals lie above 0. `table` is either of
    :func:`offkey.audits.explain.average_maps`, `summary` from
    :func:`offkey.audits.explain.deletion_summary`.
    """
    passed = {key: _passed(found) for key, found in _checks(summary).items()}
    keys = zip(table["variant"], table["called"], strict=True)
    return table.assign(passed=[passed.get(key, False) for key in keys])


@style.themed
def plot_attention(maps: pd.DataFrame) -> Figure:
    """Draw the mean map per variant (rows) and verdict (columns), in Hz and seconds.

    `maps` is the first table of :func:`offkey.audits.explain.average_maps`; with ``passed`` (from
    :func:`with_verdicts`), maps that did not pass are drawn pale and marked.
    """
    need(maps, "variant", "label", "called", "n_clips", "n_ai", "time_s", "frequency_hz", "value")
    fig, axes = _grid(maps)
    heat = ScalarMappable(Normalize(0, np.ceil(20 * maps["value"].max()) * 5), style.scale())
    for (variant, called), axis in axes.items():
        mine = maps[(maps["variant"] == variant) & (maps["called"] == called)]
        if mine.empty:
            axis.set_title("no clip", **_PLAIN)
            continue
        wide = mine.pivot(index="frequency_hz", columns="time_s", values="value")
        step = float(np.diff(wide.columns).mean()) if wide.shape[1] > 1 else 1.0
        axis.imshow(
            100 * wide.to_numpy(), origin="lower", aspect="auto", clim=heat.get_clim(),
            extent=(0.0, wide.shape[1] * step, -0.5, len(wide) - 0.5), cmap=heat.cmap,
            interpolation="nearest", alpha=1.0 if _believed(mine) else PALE,
        )  # fmt: skip
        n, n_ai = mine["n_clips"].iloc[0], mine["n_ai"].iloc[0]
        right = f"{n_ai if called == 'AI' else n - n_ai} rightly"
        checked = right if _believed(mine) else "CHECK NOT PASSED"
        axis.set_title(f"called {called}: {n} clips,\n{checked}", **_PLAIN)
        axis.grid(False)
        axis.set_yticks(*hz_ticks(wide.index.to_numpy()))
        axis.set_xlabel("time in the window (s)")
        axis.label_outer()
    bar = fig.colorbar(heat, ax=list(axes.values()), label="windows (%)", pad=0.01, aspect=30)
    bar.ax.axhline(100 * EVEN, color=style.base("ink"), linewidth=1.4)
    style.caption(
        fig,
        "Where does the detector find what speaks for its verdict?",
        "In how many windows a cell is among the fifth in which Grad-CAM finds most for the "
        f"verdict; spread evenly it would be {100 * EVEN:.0f} % (mark in the scale). n = "
        f"{_span(maps)} clips per picture. Windows are cut anywhere, so what changes along time is "
        f"mostly the network's own, e.g. at its edges.{_pale(maps)}",
    )
    return fig


@style.themed
def plot_attention_profile(profiles: pd.DataFrame) -> Figure:
    """Draw, per variant, the mean over time against frequency, both verdicts with their bands.

    `profiles` is the second table of :func:`offkey.audits.explain.average_maps`; ``passed`` as in
    :func:`plot_attention`.
    """
    need(profiles, "variant", "label", "called", "frequency_hz", "value", "low", "high", "n_clips")
    variants = list(dict.fromkeys(profiles["variant"]))
    fig, axes = style.panels(len(variants), 2, 2.8, sharex=True, sharey=True)
    hz = np.sort(profiles["frequency_hz"].unique())
    for axis, variant in zip(axes, variants, strict=True):
        mine = profiles[profiles["variant"] == variant]
        for name, rows in mine.groupby("called"):
            rows = rows.sort_values("frequency_hz")
            ink, at = style.colour(str(name)), np.arange(len(rows))
            faded = 1.0 if _believed(rows) else PALE
            low, high = 100 * rows["low"], 100 * rows["high"]
            axis.fill_betweenx(at, low, high, color=ink, alpha=0.18 * faded, linewidth=0)
            axis.plot(100 * rows["value"], at, LINES[str(name)], color=ink, alpha=faded)
        style.mark(axis, 100 * EVEN, "")
        axis.set_title(style.short(mine["label"].iloc[0]))
        axis.set(xlabel="windows (%)", ylabel="frequency (Hz, mel scale)")
        axis.label_outer()
    axes[0].set_yticks(*hz_ticks(hz))
    axes[0].set(ylim=(-0.5, len(hz) - 0.5), xlim=(0, None))
    style.caption(
        fig,
        "Which frequencies speak for the verdict?",
        "In how many windows a frequency is among the fifth of the cells in which Grad-CAM finds "
        f"most for the verdict; dotted: spread evenly. n = {_span(profiles)} clips per line; band: "
        f"95 % confidence interval over tracks.{_pale(profiles)}",
        style.keys({f"called {name}": (style.colour(name), line) for name, line in LINES.items()}),
    )
    return fig


@style.themed
def plot_deletion(summary: pd.DataFrame) -> Figure:
    """Draw how the score changes as cells are replaced, per variant (rows) and verdict (columns).

    `summary` is from :func:`offkey.audits.explain.deletion_summary`.
    """
    need(summary, "variant", "label", "called", "share", "kind", "value", "low", "high", "n_clips")
    curves = summary[summary["share"].notna() & summary["kind"].isin(MASKS)]
    fig, axes = _grid(curves)
    for (variant, called), axis in axes.items():
        mine = curves[(curves["variant"] == variant) & (curves["called"] == called)]
        axis.axhline(0, color=style.base("faint"), linewidth=1)
        for number, (kind, (_, meaning, line)) in enumerate(MASKS.items()):
            rows = mine[mine["kind"] == kind].set_index("share")[["value", "low", "high"]]
            rows = pd.concat([-rows, pd.DataFrame(0.0, index=[0.0], columns=rows.columns)])
            rows = rows.assign(x=100 * rows.index)
            draw_line(axis, rows, "x", style.colour(meaning), shift=0.5 * number, line=line)
        n = f"n = {mine['n_clips'].max():.0f}" if len(mine) else "no clip"
        axis.set_title(f"called {called} ({n})", **_PLAIN)
        style.number_axis(axis.yaxis, "", signed=True)
        axis.set_xlabel("share replaced (%)")
        axis.label_outer()
    style.caption(
        fig,
        "Does the score fall faster where Grad-CAM points?",
        "Score: the probability of what the clip was called, in points, as more of its cells are "
        "replaced by those of other clips. n = clips; bar: 95 % confidence interval over tracks. A "
        "map can be believed where the solid line falls, and falls below the dashed one.",
        style.keys({words: (style.colour(ink), line) for words, ink, line in MASKS.values()}, "o"),
    )
    return fig


def deletion_sentences(summary: pd.DataFrame) -> list[str]:
    """Say how many maps pass, then each with its numbers; the rule is :func:`with_verdicts`'s.

    `summary` is from :func:`offkey.audits.explain.deletion_summary`.
    """
    need(summary, "variant", "label", "called", "share", "kind", "value", "low", "high", "n_clips")
    labels = dict(zip(summary["variant"], summary["label"], strict=True))
    checks = _checks(summary)
    n_passed = sum(map(_passed, checks.values()))
    sentences = [
        f"{n_passed} of {len(checks)} maps pass the check."
        if n_passed
        else "No map passes the check: nothing can be said about where this detector looks."
    ]
    for (variant, called), found in checks.items():
        fall, random = found["grad_cam"], found["random"]
        text = "passes" if _passed(found) else "does not pass: read nothing from it"
        if not np.isfinite(found["difference"]["low"]):
            text = "cannot be checked with so few tracks: read nothing from it"
        sentences.append(
            f"{labels[variant]}, called {called} ({fall['n_clips']:.0f} clips of "
            f"{fall['n_tracks']:.0f} tracks): the map {text}. Where it points the score changes by "
            f"{_points(fall)} points, elsewhere by {_points(random)}; within a clip the difference "
            f"is {_points(found['difference'])}."
        )
    return sentences


def _checks(summary: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Per variant and verdict the three rows of the mean over all shares."""
    whole = summary[summary["share"].isna() & summary["called"].isin(CALLED)]
    return {
        (str(variant), str(called)): {row["kind"]: row for row in part.to_dict("records")}
        for (variant, called), part in whole.groupby(["variant", "called"], sort=False)
    }


def _passed(found: dict[str, Any]) -> bool:
    return bool(found["grad_cam"]["low"] > 0 and found["difference"]["low"] > 0)


def _points(row: dict[str, Any]) -> str:
    ends = (-100 * row[name] for name in ("value", "high", "low"))
    value, low, high = (f"{end:+.1f}".replace("-", "−") for end in ends)
    return f"{value} [{low}, {high}]" if np.isfinite(row["low"]) else value


def _grid(table: pd.DataFrame) -> tuple[Figure, dict[tuple[str, str], Axes]]:
    """A panel per variant (down) and verdict (across), the variant's name at the left."""
    called = [name for name in CALLED if (table["called"] == name).any()]
    labels = dict(zip(table["variant"], table["label"], strict=True))
    fig = style.figure(0.3 + PANEL_IN * len(labels))
    axes = fig.subplots(len(labels), len(called), squeeze=False, sharex=True, sharey=True)
    for axis, label in zip(axes[:, 0], labels.values(), strict=True):
        axis.set_ylabel(style.short(label), weight="bold")
    keys = [(variant, name) for variant in labels for name in called]
    return fig, dict(zip(keys, axes.flat, strict=True))


def _believed(rows: pd.DataFrame) -> bool:
    return "passed" not in rows or bool(rows["passed"].all())


def _pale(table: pd.DataFrame) -> str:
    return "" if _believed(table) else " Pale: did not pass the check, so it says nothing."


def _span(table: pd.DataFrame) -> str:
    counts = table.groupby(["variant", "called"])["n_clips"].first()
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"
