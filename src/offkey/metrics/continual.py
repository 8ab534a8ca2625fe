"""What a detector that learns one variant after another keeps, gains and forgets.

All functions take ``matrix``, shape (n_stages, n_stages): ``matrix[i, j]`` is the balanced
accuracy after stage i on the variant that stage j learned, both in the order of learning.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from offkey.core.errors import BadInput


def _square(matrix: ArrayLike) -> np.ndarray:
    values = np.asarray(matrix, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or len(values) < 2:
        raise BadInput(
            f"the stage × variant matrix has shape {values.shape}: it needs one column for the "
            "variant of each stage, and at least two stages."
        )
    if not np.isfinite(values).all():
        stage, variant = np.argwhere(~np.isfinite(values))[0]
        raise BadInput(
            f"the stage × variant matrix holds no number for stage {stage}, variant {variant}: "
            "test every stage on every variant."
        )
    return values


def final_accuracy(matrix: ArrayLike) -> float:
    """Mean over the variants after the last stage (ACC)."""
    return float(_square(matrix)[-1].mean())


def backward_transfer(matrix: ArrayLike) -> float:
    """What later stages did to earlier variants, ``mean_{j<T}(R[T, j] - R[j, j])``.

    Lopez-Paz and Ranzato 2017. Below 0: earlier variants got worse.
    """
    values = _square(matrix)
    return float((values[-1] - np.diag(values))[:-1].mean())


def forward_transfer(matrix: ArrayLike, initial: ArrayLike = 0.5) -> float:
    """What earlier stages did for variants not yet learned, ``mean_{j>1}(R[j-1, j] - b[j])``.

    Lopez-Paz and Ranzato 2017.

    Parameters
    ----------
    matrix : array of shape (n_stages, n_stages)
    initial : float or array of shape (n_stages,)
        Balanced accuracy of the untrained detector on each variant; a coin by default.
    """
    values = _square(matrix)
    before = np.broadcast_to(np.asarray(initial, dtype=np.float64), len(values))
    return float((np.diag(values, 1) - before[1:]).mean())


def forgetting(matrix: ArrayLike) -> np.ndarray:
    """Best earlier result minus the last one, for every variant but the last, shape (n_stages-1,).

    Chaudhry et al. 2018: ``f[j] = max_{l<T} R[l, j] - R[T, j]``. Below 0: the last stage is best.
    """
    values = _square(matrix)
    return values[:-1, :-1].max(axis=0) - values[-1, :-1]
