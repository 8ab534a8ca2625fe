"""Arrays in, numbers out: pure functions with known-answer tests.

:mod:`classification` how well scores tell the classes apart · :mod:`alike` the same over
pairs of like clips · :mod:`robustness` how they move
under an edit · :mod:`proportions` intervals of rates · :mod:`uncertainty` bootstrap over tracks ·
:mod:`paired` tests of differences · :mod:`continual` transfer and forgetting ·
:mod:`cutoffs` scores from which a verdict is given, or none.
"""

from offkey.metrics.alike import auc_of_like
from offkey.metrics.classification import (
    Reliability,
    accuracy,
    auc,
    balanced_accuracy,
    brier,
    checked,
    confusion,
    ece,
    eer,
    false_accusation_rate,
    miss_rate,
    oracle_threshold,
    reliability,
)

__all__ = [
    "Reliability",
    "accuracy",
    "auc",
    "auc_of_like",
    "balanced_accuracy",
    "brier",
    "checked",
    "confusion",
    "ece",
    "eer",
    "false_accusation_rate",
    "miss_rate",
    "oracle_threshold",
    "reliability",
]
