"""Paired differences as a table for people: points with their interval, and what could be seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput
from offkey.reports.tables import edit_labels
from offkey.reports.words import points, regime_name

_KINDS = {"drop": "points lost", "gain": "points gained", "effect": "points gained"}
_P = {"p_tracks_holm": "p_tracks", "p_holm": "p_tracks"}
_COUNTS = ("n_lost", "n_gained", "n_seeds", "n_clips", "n_tracks")


def difference_table(found: pd.DataFrame, *keys: str) -> pd.DataFrame:
    """Losses or gains of balanced accuracy in points (0-100), with all that belongs to them.

    Parameters
    ----------
    found : DataFrame
        Of :mod:`offkey.evaluation`: ``drop``, ``gain`` or ``effect`` with ``low, high``, as
        fractions, and of the other columns of such a table those it has.
    *keys : str
        Columns that say what a row is about.

    Returns
    -------
    DataFrame
        Texts: the keys, ``points lost`` or ``points gained`` with the 95 % interval over tracks,
        the lowest and highest of several seeds, the detectable difference, the Holm-adjusted p (of
        a row that is no test of its own the plain one, "not tested"), counts.

    Raises
    ------
    BadInput
        There is no difference in the table.
    """
    kind = next((name for name in _KINDS if name in found), "")
    if not kind:
        raise BadInput(f"a table of differences has one of the columns {', '.join(_KINDS)}.")
    several = "n_seeds" in found and bool((found["n_seeds"] > 1).any())
    counts = [name for name in _COUNTS if name in found and (name != "n_seeds" or several)]
    if "label" in keys and "variant" in found:
        found = found.assign(label=found["variant"].map(edit_labels(found)))
    rows = []
    for row in found.to_dict("records"):
        n = row.get("n_clips", np.inf)
        text: dict[str, Any] = {key: row[key] for key in keys}
        if "regime" in text:
            text["regime"] = regime_name(str(text["regime"]))
        text[f"{_KINDS[kind]} [95 %]"] = points(row[kind], row["low"], row["high"], n)
        if several and "seed_low" in row:
            ends = [points(row[end], np.nan, np.nan, n) for end in ("seed_low", "seed_high")]
            text["lowest to highest seed"] = " to ".join(ends)
        if "detectable_drop" in row:
            text["detectable difference"] = f"{row['detectable_drop']:.1f}"
        for name in (name for name in _P if name in row):
            adjusted = _p(row[name])
            text["Holm-adjusted p"] = adjusted or f"not tested ({_p(row[_P[name]])})"
        rows.append(text | {name: f"{row[name]:.0f}" for name in counts})
    return pd.DataFrame(rows)


def _p(value: float) -> str:
    if np.isnan(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.2g}"


def family_note(found: pd.DataFrame) -> str:
    """Over which tests Holm's correction is, for the line below a table or figure.

    Parameters
    ----------
    found : DataFrame
        With ``p_tracks_holm``, NaN in rows that are no test of their own; one family of them.
    """
    inside = int(found["p_tracks_holm"].notna().sum())
    note = f"Holm-adjusted over the {inside} comparisons tested"
    if inside == len(found):
        return f"{note}."
    return (
        f"{note}; not tested: edits that change nothing by construction (null edits, gain) and "
        "those by librosa beside the same edit by the vocoder, one algorithm."
    )
