"""Which trained detectors can be asked: those of a study, and those that come with the package."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from offkey import detectors
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors import Detector, trained

SHIPPED = Path(detectors.__file__).parent / "shipped"
"""Detectors that come with the package."""


def models_at_hand(models: Path, dataset: str = "") -> dict[str, Detector]:
    """One trained detector of every kind that listens, and those that come with the package.

    Parameters
    ----------
    models : Path
        Where studies keep theirs.
    dataset : str
        Detectors trained on this data set are preferred.

    Returns
    -------
    dict of str to Detector
        By kind, the shipped ones as ``"comb (shipped)"``. A detector that reads the facts of the
        file alone is left out: no edit of the sound moves it. One that may take a second look,
        which takes seconds, comes last.

    Raises
    ------
    BadInput
        There is none; the message says which notebook makes one.
    """
    found = {}
    for kind in detectors.NAMES:
        if detectors.kind(kind).LISTENS:
            for folder in _best(models, kind, dataset):
                found[kind] = detectors.load(folder)
    for path in sorted(SHIPPED.rglob("model.json")):
        one = detectors.load(path.parent)
        found[f"{one.NAME} (shipped)"] = one
    if not found:
        raise BadInput(
            f"no trained detector in {models}: run 05_train_and_evaluate first "
            "(09_compare_detectors trains one of every kind)."
        )
    return dict(sorted(found.items(), key=lambda item: hasattr(item[1].settings, "separator")))


def overview(models: Mapping[str, Detector]) -> pd.DataFrame:
    """Of each detector what it was trained on, and its threshold."""
    about = [(name, trained.described(one.folder), one.threshold) for name, one in models.items()]
    return pd.DataFrame(about, columns=["detector", "trained_on", "threshold"])


def _best(models: Path, kind: str, dataset: str) -> list[Path]:
    """The folder of the best detector of a kind, as :func:`trained.default` ranks them."""
    try:
        first, others = trained.default(models, kind)
    except BadInput:  # this study trains other kinds
        return []
    ranked = [first, *others]
    cards = {folder: store.read_json(folder / "model.json") for folder in ranked}
    return [f for f in ranked if cards[f].get("dataset") == dataset][:1] or ranked[:1]
