"""Which edits are tests of their own: the family that Holm's correction is over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from offkey.metrics import paired

# nothing changes by construction: an edit of nothing, and a level that every detector takes out
UNTESTED = ("null_pitch", "null_tempo", "gain")
# one algorithm by two implementations: the second one checks the first
_TWIN = "@librosa"


def tested(conditions: pd.DataFrame) -> np.ndarray:
    """Which rows are tests of their own.

    Null edits and gain are not, since they change nothing by construction; nor is an edit by
    librosa beside the same edit by the vocoder, whose algorithm it shares. The other controls
    (round trip, band limit, resampling) are.

    Parameters
    ----------
    conditions : DataFrame
        ``variant`` and ``perturbation``; the rows of one model.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
    """
    names = conditions["variant"].astype(str)
    twin = names.str.contains(_TWIN, regex=False)
    twin &= names.str.replace(_TWIN, "", regex=False).isin(names)
    return np.asarray(~(twin | conditions["perturbation"].isin(UNTESTED)))


def corrected(rows: Sequence[dict[str, Any]], p: str) -> list[dict[str, Any]]:
    """Rows with ``tested`` and ``{p}_holm``: corrected over those tested, NaN for the others."""
    if not rows:
        return []
    inside = tested(pd.DataFrame(rows))
    holm = np.full(len(rows), np.nan)
    holm[inside] = paired.holm(np.array([row[p] for row in rows])[inside])
    return [
        {**row, "tested": bool(is_in), f"{p}_holm": float(value)}
        for row, is_in, value in zip(rows, inside, holm, strict=True)
    ]
