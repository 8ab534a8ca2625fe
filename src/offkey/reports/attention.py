"""Where a detector looks: mean Grad-CAM as maps and profiles, and whether these can be believed."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from offkey.reports import style
from offkey.reports.spectrogram import TICKS_HZ
from offkey.reports.tables import need

CALLED = ("human", "AI")
EVEN = 0.2
Dash = Literal["-", "--"]
# kind of mask -> (words, colour's meaning, line)
MASKS: dict[str, tuple[str, str, Dash]] = {
    "grad_cam": ("replaced where Grad-CAM points", "edited", "-"),
    "random": ("the same shapes elsewhere", "clean", "--"),
}


def with_verdicts(table: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Add to maps or profiles the column ``passed``: whether they withstood the deletion check.

    They do where, on the mean over all shares, the score falls with Grad-CAM's masks and falls more
    than with random ones: both intervals lie above 0.

    Parameters
    ----------
    table : DataFrame
        Either of :func:`offkey.audits.explain.average_maps`.
    summary : DataFrame
        From :func:`offkey.audits.explain.deletion_summary`.
    """
    passed = {key: _passed(found) for key, found in _checks(summary).items()}
    keys = zip(table["variant"], table["called"], strict=True)
    return table.assign(passed=[passed.get(key, False) for key in keys])


@style.themed
def plot_attention(maps: pd.DataFrame) -> Figure:
    """Draw the mean map per verdict (rows) and variant (columns), in Hz and seconds.

    Parameters
    ----------
    maps : DataFrame
        First table of :func:`offkey.audits.explain.average_maps`; with ``passed`` (from
        :func:`with_verdicts`), maps that did not pass are drawn pale and marked.
    """
    need(maps, "variant", "label", "called", "n_clips", "n_ai", "time_s", "frequency_hz", "value")
    variants, rows = _panels(maps)
    fig = style.figure(0.6 + 2.1 * len(rows), max(5.0, 2.2 + 2.2 * len(variants)))
    axes = fig.subplots(len(rows), len(variants), squeeze=False, sharex=True, sharey=True)
    heat = ScalarMappable(Normalize(0, np.ceil(20 * maps["value"].max()) * 5), style.scale())
    for (line, column), axis in np.ndenumerate(axes):
        mine = maps[(maps["variant"] == variants[column]) & (maps["called"] == rows[line])]
        _map(axis, mine, heat)
        if line == 0:
            label = maps.loc[maps["variant"] == variants[column], "label"].iloc[0]
            axis.set_title(f"{style.short(label)}\n")
        if line == len(rows) - 1:
            axis.set_xlabel("time in the window (s)")
    for axis, name in zip(axes[:, 0], rows, strict=True):
        axis.set_ylabel(f"called {name}\nfrequency (Hz)")
    bar = fig.colorbar(heat, ax=axes, label="windows (%)", pad=0.01, aspect=30)
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

    Parameters
    ----------
    profiles : DataFrame
        Second table of :func:`offkey.audits.explain.average_maps`; ``passed`` as in
        :func:`plot_attention`.
    """
    need(profiles, "variant", "label", "called", "frequency_hz", "value", "low", "high", "n_clips")
    variants, _ = _panels(profiles)
    fig = style.figure(3.0, max(5.0, 1.0 + 2.3 * len(variants)))
    axes = np.atleast_1d(fig.subplots(1, len(variants), sharex=True, sharey=True))
    hz = np.sort(profiles["frequency_hz"].unique())
    for axis, variant in zip(axes, variants, strict=True):
        mine = profiles[profiles["variant"] == variant]
        axis.axvline(100 * EVEN, color=style.base("faint"), linestyle=(0, (1, 2)), linewidth=1.4)
        for name, rows in mine.groupby("called"):
            rows = rows.sort_values("frequency_hz")
            ink, at = style.colour(str(name)), np.arange(len(rows))
            faded = 1.0 if _believed(rows) else 0.35
            low, high = 100 * rows["low"], 100 * rows["high"]
            axis.fill_betweenx(at, low, high, color=ink, alpha=0.18 * faded, linewidth=0)
            axis.plot(100 * rows["value"], at, _line(name), color=ink, alpha=faded)
        axis.set_title(style.short(mine["label"].iloc[0]))
        axis.set_xlabel("windows (%)")
    _hz_axis(axes[0], hz)
    axes[0].set(ylim=(-0.5, len(hz) - 0.5), ylabel="frequency (Hz, mel scale)")
    axes[0].set_xlim(0, None)
    handles = [
        Line2D([], [], color=style.colour(name), linestyle=_line(name), label=f"called {name}")
        for name in CALLED
    ]
    style.caption(
        fig,
        "Which frequencies speak for the verdict?",
        "In how many windows a frequency is among the fifth of the cells in which Grad-CAM finds "
        f"most for the verdict; dotted: spread evenly. n = {_span(profiles)} clips per line; band: "
        f"95 % interval over tracks.{_pale(profiles)}",
        handles,
    )
    return fig


@style.themed
def plot_deletion(summary: pd.DataFrame) -> Figure:
    """Draw how the score changes as more is replaced, per verdict (rows) and variant (columns).

    Parameters
    ----------
    summary : DataFrame
        From :func:`offkey.audits.explain.deletion_summary`.
    """
    need(summary, "variant", "label", "called", "share", "kind", "value", "low", "high", "n_clips")
    curves = summary[summary["share"].notna() & summary["kind"].isin(MASKS)]
    variants, rows = _panels(curves)
    fig = style.figure(0.6 + 2.2 * len(rows), max(6.0, 1.0 + 2.3 * len(variants)))
    axes = fig.subplots(len(rows), len(variants), squeeze=False, sharex=True, sharey=True)
    for (line, column), axis in np.ndenumerate(axes):
        of_variant = curves[curves["variant"] == variants[column]]
        mine = of_variant[of_variant["called"] == rows[line]]
        axis.axhline(0, color=style.base("faint"), linewidth=1)
        for kind, part in mine.groupby("kind"):
            _fall(axis, part.sort_values("share"), str(kind))
        n = f"n = {mine['n_clips'].max():.0f}" if len(mine) else "no clip"
        axis.set_title(f"{style.short(of_variant['label'].iloc[0])} ({n})")
        if line == len(rows) - 1:
            axis.set_xlabel("share replaced (%)")
    for axis, name in zip(axes[:, 0], rows, strict=True):
        axis.set_ylabel(f"called {name}\nscore change (points)")
    handles = [
        Line2D([], [], color=style.colour(ink), linestyle=line, marker="o", ms=4, label=words)
        for words, ink, line in MASKS.values()
    ]
    style.caption(
        fig,
        "Does the score fall faster where Grad-CAM points?",
        "Score: the probability of what the clip was called, as more of its cells are replaced by "
        "those of other clips. n = clips; band: 95 % interval over tracks. A map can be believed "
        "where the solid line falls, and falls below the dashed one.",
        handles,
        columns=2,
    )
    return fig


def deletion_sentences(summary: pd.DataFrame) -> list[str]:
    """Say how many maps pass, then each with its numbers; the rule is :func:`with_verdicts`'s.

    Parameters
    ----------
    summary : DataFrame
        From :func:`offkey.audits.explain.deletion_summary`.
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


def _panels(table: pd.DataFrame) -> tuple[list[str], list[str]]:
    called = [name for name in CALLED if (table["called"] == name).any()]
    return list(dict.fromkeys(table["variant"])), called


def _believed(rows: pd.DataFrame) -> bool:
    return "passed" not in rows or bool(rows["passed"].all())


def _pale(table: pd.DataFrame) -> str:
    return "" if _believed(table) else " Pale: did not pass the check, so it says nothing."


def _map(axis: Axes, mine: pd.DataFrame, heat: ScalarMappable) -> None:
    if mine.empty:
        axis.set_title("no clip", loc="right", fontsize=8.5, weight="normal")
        return
    wide = mine.pivot(index="frequency_hz", columns="time_s", values="value")
    step = float(np.diff(wide.columns).mean()) if wide.shape[1] > 1 else 1.0
    extent = (0.0, wide.shape[1] * step, -0.5, len(wide) - 0.5)
    axis.imshow(
        100 * wide.to_numpy(), origin="lower", aspect="auto", extent=extent, clim=heat.get_clim(),
        cmap=heat.cmap, interpolation="nearest", alpha=1.0 if _believed(mine) else 0.35,
    )  # fmt: skip
    axis.grid(False)
    n, n_ai = mine["n_clips"].iloc[0], mine["n_ai"].iloc[0]
    right = n_ai if mine["called"].iloc[0] == "AI" else n - n_ai
    text = f"{n} clips, {right} rightly" if _believed(mine) else f"{n} clips, CHECK NOT PASSED"
    axis.set_title(text, loc="right", fontsize=8.5, weight="normal")
    _hz_axis(axis, wide.index.to_numpy())


def _fall(axis: Axes, rows: pd.DataFrame, kind: str) -> None:
    _, meaning, line = MASKS[kind]
    ink = style.colour(meaning)
    share = np.concatenate([[0.0], 100 * rows["share"]])
    value, low, high = (
        np.concatenate([[0.0], -100 * rows[name]]) for name in ("value", "low", "high")
    )
    axis.fill_between(share, low, high, color=ink, alpha=0.18, linewidth=0)
    axis.plot(share, value, line, color=ink, marker="o", markersize=4)


def _line(called: object) -> Dash:
    return "-" if called == "AI" else "--"


def _hz_axis(axis: Axes, hz: np.ndarray) -> None:
    # in panels as small as these, 125 Hz would touch 250 Hz
    ticks = [tick for tick in TICKS_HZ[1:] if hz[0] <= tick <= 1.02 * hz[-1]]
    names = [f"{tick // 1000} k" if tick >= 1000 else str(tick) for tick in ticks]
    axis.set_yticks(np.interp(ticks, hz, np.arange(len(hz))), names)


def _span(table: pd.DataFrame) -> str:
    counts = table.groupby(["variant", "called"])["n_clips"].first()
    low, high = counts.min(), counts.max()
    return f"{low}" if low == high else f"{low} to {high}"
