"""Scores table → what training one variant after another keeps and forgets."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from offkey.core.errors import BadInput
from offkey.metrics import continual


def forgetting_matrix(
    scores: pd.DataFrame,
    *,
    metric: str = "balanced_accuracy",
    detector: str = "",
    regime: str = "iterative",
) -> pd.DataFrame:
    """R[stage, variant] of the iterative regime, mean over the seeds.

    Parameters
    ----------
    scores : DataFrame
        From :func:`offkey.evaluation.score`.
    metric : str
    detector : str
        Which one, where the table holds several.
    regime : str
        ``iterative``, or another order or setting under a name of its own.

    Returns
    -------
    DataFrame
        Stages in order down, variants across: first those that a stage learned, in that order,
        then the others. ``attrs["trained_on"]`` holds each stage's ``train_variant``.
    """
    rows = scores[
        (scores["regime"] == regime) & (scores["subset"] == "all") & (scores["metric"] == metric)
    ]
    if detector:
        rows = rows[rows["detector"] == detector]
    if rows.empty:
        known = sorted(scores.loc[scores["regime"] == regime, "detector"].unique())
        raise BadInput(
            f"no '{metric}' of detector '{detector or 'any'}' in regime '{regime}': the scores "
            f"have {regime} rows of {', '.join(known) or 'no detector'}."
        )
    detectors = sorted(rows["detector"].unique())
    if len(detectors) > 1:
        raise BadInput(
            f"several detectors ({', '.join(detectors)}): choose one with detector=NAME."
        )
    learned = rows[["stage", "train_variant"]].drop_duplicates()
    if learned["stage"].duplicated().any():
        stage = learned.loc[learned["stage"].duplicated(), "stage"].iloc[0]
        raise BadInput(f"stage '{stage}' was trained on several variants: keep one order of them.")
    pairs = zip(learned["stage"], learned["train_variant"], strict=True)
    trained_on = dict(sorted(pairs, key=lambda pair: _place(pair[0])))
    tested = list(dict.fromkeys(rows["variant"]))
    first = [variant for variant in dict.fromkeys(trained_on.values()) if variant in tested]
    matrix = rows.pivot_table(index="stage", columns="variant", values="value", aggfunc="mean")
    matrix = matrix.reindex(
        index=list(trained_on), columns=first + [name for name in tested if name not in first]
    )
    matrix.attrs["trained_on"] = list(trained_on.values())
    return matrix


def _place(stage: str) -> tuple[int, str]:
    """Order of ``"0 clean"``, ``"1 pitch"``, …: by number, so that 10 comes after 2."""
    number = stage.split(" ")[0]
    return (int(number) if number.isdecimal() else 0, stage)


def transfer(
    matrix: pd.DataFrame, trained_on: Sequence[str] = (), *, initial: float = 0.5
) -> pd.DataFrame:
    """Sum up R[stage, variant]: final accuracy, backward and forward transfer, forgetting.

    Parameters
    ----------
    matrix : DataFrame
        From :func:`forgetting_matrix`.
    trained_on : sequence of str
        Variant that each stage learned; by default what the matrix itself says.
    initial : float
        Balanced accuracy of the untrained detector.

    Returns
    -------
    DataFrame
        ``measure, variant, value``; ``variant`` is empty for what sums up all of them. Formulas in
        :mod:`offkey.metrics.continual`.
    """
    learned = list(trained_on or matrix.attrs.get("trained_on", ()))
    absent = [variant for variant in learned if variant not in matrix.columns]
    if len(learned) != len(matrix) or absent or len(set(learned)) < len(learned):
        raise BadInput(
            f"{len(matrix)} stages learned {', '.join(learned) or 'unknown variants'}, tested were "
            f"{', '.join(map(str, matrix.columns))}: name with trained_on one tested variant for "
            "each stage, no two alike."
        )
    square = matrix[learned].to_numpy()
    forgotten = continual.forgetting(square)
    rows = [
        ("final_accuracy", "", continual.final_accuracy(square)),
        ("backward_transfer", "", continual.backward_transfer(square)),
        ("forward_transfer", "", continual.forward_transfer(square, initial)),
        ("forgetting", "", float(forgotten.mean())),
    ]
    rows += [
        ("forgetting", variant, float(value))
        for variant, value in zip(learned[:-1], forgotten, strict=True)
    ]
    return pd.DataFrame(rows, columns=["measure", "variant", "value"])
