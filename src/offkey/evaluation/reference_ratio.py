"""Errors under edits as a share of a reference detector's, after Hendrycks and Dietterich."""

from __future__ import annotations

import pandas as pd

from offkey.core.errors import unknown
from offkey.evaluation.predictions import CLEAN
from offkey.metrics import robustness

COLUMNS = ["detector", "perturbation", "error_ratio", "rise_ratio", "drop", "n_levels"]


def relative(scores: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Compare every detector with one of them, perturbation by perturbation.

    Parameters
    ----------
    scores : DataFrame
        The scores table, one model per detector.
    reference : str
        The detector that is divided by.

    Returns
    -------
    DataFrame
        ``error_ratio``: mean of 1 − balanced accuracy over the levels, as a share of the
        reference's. ``rise_ratio``: the same for the error's rise above clean. NaN where the
        reference's own is under one point. ``drop``: mean balanced accuracy lost, as a fraction.
        ``n_levels``: levels both were tested at.
    """
    rows = scores[(scores["metric"] == "balanced_accuracy") & (scores["subset"] == "all")]
    if reference not in set(rows["detector"]):
        raise unknown("detector", reference, sorted(set(rows["detector"])))
    error = 1 - rows.pivot_table(index="variant", columns="detector", values="value")
    kinds = rows.drop_duplicates("variant").set_index("variant")["perturbation"]
    found = []
    for detector in error:
        both = error[[reference]].assign(mine=error[detector]).dropna()
        if CLEAN not in both.index:
            continue
        start, theirs = (float(both[name].loc[CLEAN]) for name in ("mine", reference))
        edited = both.drop(index=CLEAN)
        for kind, part in edited.groupby(kinds.loc[edited.index], sort=False):
            given = (part["mine"].to_numpy(), part[reference].to_numpy())
            found.append(
                {
                    "detector": detector,
                    "perturbation": kind,
                    "error_ratio": robustness.relative_robustness(*given),
                    "rise_ratio": robustness.relative_robustness(
                        *given, clean_error=start, reference_clean_error=theirs
                    ),
                    "drop": float(given[0].mean() - start),
                    "n_levels": len(part),
                }
            )
    return pd.DataFrame(found, columns=COLUMNS)
