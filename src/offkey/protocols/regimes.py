"""What a training is called, from what it learns."""

from __future__ import annotations

from collections.abc import Sequence

from offkey.core.errors import BadInput
from offkey.perturbations import Condition


def regime_of(learnt: Sequence[Condition]) -> tuple[str, str]:
    """Name a regime and what it learns from, as the columns ``regime, train_variant`` have it.

    Parameters
    ----------
    learnt : sequence of Condition
        Clean music alone is ``clean``, one edit ``retrained``, several variants ``joint``, or
        ``augmented`` where random draws made for training are among them.
    """
    names = [condition.variant for condition in learnt]
    if not names:
        raise BadInput("nothing to learn from: name at least one variant.")
    if len(names) == 1:
        return ("clean" if names == ["clean"] else "retrained"), names[0]
    drawn = any(condition.perturbation == "augmentation" for condition in learnt)
    regime = "augmented" if drawn else "joint"
    return regime, regime
