"""Which trained detectors can be asked: those of a study, and the one that is shipped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from offkey import detectors
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors import Detector, trained, verdicts
from offkey.metrics.cutoffs import CutOffs


def models_at_hand(models: Path, dataset: str = "") -> dict[str, Detector]:
    """One trained detector of every kind that listens, and the shipped one.

    Parameters
    ----------
    models : Path
        Where studies keep theirs.
    dataset : str
        Detectors trained on this data set are preferred.

    Returns
    -------
    dict of str to Detector
        By kind, the shipped one as ``"comb (shipped)"``. A detector that reads the facts of the
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
    if (trained.SHIPPED / "model.json").is_file():
        one = trained.load(trained.SHIPPED)
        found[f"{one.NAME} (shipped)"] = one
    if not found:
        raise BadInput(
            f"no trained detector in {models}: run 05_train_and_evaluate first "
            "(09_compare_detectors trains one of every kind)."
        )
    return dict(sorted(found.items(), key=lambda item: hasattr(item[1].settings, "separator")))


def overview(models: Mapping[str, Detector]) -> pd.DataFrame:
    """Of each detector what it was trained on, and from which score on it says AI."""
    about = [
        (name, trained.described(one.folder), cut_offs(one).ai_from) for name, one in models.items()
    ]
    return pd.DataFrame(about, columns=["detector", "trained_on", "AI_from"])


def cut_offs(one: Detector) -> CutOffs:
    """The cut-offs on a detector's card; without any, both are its threshold."""
    known = verdicts.read(store.read_json(one.folder / "model.json"))
    return known.cut_offs if known else CutOffs(one.threshold, one.threshold)


def _best(models: Path, kind: str, dataset: str) -> list[Path]:
    """The folder of the best detector of a kind, as :func:`trained.default` ranks them."""
    try:
        first, others = trained.default(models, kind)
    except BadInput:  # this study trains other kinds
        return []
    ranked = [first, *others]
    cards = {folder: store.read_json(folder / "model.json") for folder in ranked}
    return [f for f in ranked if cards[f].get("dataset") == dataset][:1] or ranked[:1]
