"""Training regimes: which variants a detector learns from, in which order, with which seeds.

``clean`` and ``retrained`` train on one variant, ``joint`` on several at once, ``augmented`` on
many random draws, ``iterative`` on one variant after another. A trained detector is kept under the
fingerprint of everything that made it, so a notebook that asks for the same one gets it without
training.
"""

from offkey.protocols.iterative import iterative_seeds, train_stages
from offkey.protocols.regimes import regime_of
from offkey.protocols.seeds import (
    Trained,
    histories,
    predict_seeds,
    train_seeds,
    validation_seeds,
)
from offkey.protocols.single import predict, train, validation

__all__ = [
    "Trained",
    "histories",
    "iterative_seeds",
    "predict",
    "predict_seeds",
    "regime_of",
    "train",
    "train_seeds",
    "train_stages",
    "validation",
    "validation_seeds",
]
