"""Tables that an earlier notebook made: found, or said which notebook makes them and how long."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import evaluation
from offkey.core import store, workspace
from offkey.core.errors import BadInput
from offkey.core.workspace import Workspace
from offkey.runner import durations, studies
from offkey.runner.progress_bar import clock

STUDY = "demo"
"""The embedded study: its settings are the notebooks' own, its durations are measured."""

# beginning of a table's name -> notebook that makes it
MAKERS = {
    "predictions_iterative": "06_iterative_training",
    "predictions_": "05_train_and_evaluate",
    "validation_": "05_train_and_evaluate",
    "compared": "09_compare_detectors",
    "losses": "10_severity_and_controls",
    "gains": "12_regimes_and_forgetting",
    "scores": "07_compare_augmentations",
}


def table(work: Workspace, name: str) -> pd.DataFrame:
    """Read a table of this or an earlier notebook, the own results first.

    Raises
    ------
    BadInput
        It stands nowhere; the message says which notebook makes it, and about how long.
    """
    path = find(work, name)
    if path is not None:
        return store.read_table(path)
    makers = (notebook for start, notebook in MAKERS.items() if name.startswith(start))
    maker = next(makers, "05_train_and_evaluate")
    raise BadInput(f"table '{name}' is not in {_places(work)}: run {_how(maker, {})} first.")


def find(work: Workspace, name: str) -> Path | None:
    """Where a table stands, the own results first; None where it stands nowhere."""
    paths = [folder / f"{name}.parquet" for folder in work.read_from]
    return next((path for path in paths if path.is_file()), None)


def predictions(work: Workspace, detector: str) -> pd.DataFrame:
    """All predictions, the own ones first, with those of `detector` trained on clean music.

    Raises
    ------
    BadInput
        There are none of that detector; the message says which notebook makes them.
    """
    if any(any(folder.glob("predictions_*.parquet")) for folder in work.read_from):
        found = evaluation.gather(*work.read_from)
        regimes = found.loc[found["detector"] == detector, "regime"]
        if regimes.isin(evaluation.FIXED_ON_CLEAN).any():
            return found
    wanted: dict[str, Any] = {"train_variants": ["clean"]}
    if detector != "resnet":
        wanted = {"detector_name": detector, "detector_settings": {}, **wanted}
    raise BadInput(
        f"{_places(work)}: no predictions of '{detector}' trained on clean music: "
        f"run {_how('05_train_and_evaluate', wanted)} first."
    )


def _places(work: Workspace) -> str:
    return " or ".join(str(folder) for folder in work.read_from)


def _how(notebook: str, parameters: Mapping[str, Any]) -> str:
    """A notebook with its parameters and how long it took: ``07 …  (about 11 s)``."""
    settings = " and ".join(f"{name}={json.dumps(value)}" for name, value in parameters.items())
    seconds = seconds_of(notebook)
    words = f"{notebook} with {settings}" if settings else notebook
    return f"{words} (about {clock(seconds)})" if seconds else words


def seconds_of(notebook: str) -> float | None:
    """How long a notebook took in the embedded study, here or as published; None if unknown."""
    root = workspace.project_root()
    if root is None:
        return None
    seconds = durations.read(root / "results" / STUDY) | durations.read(root / "runs" / STUDY)
    if not seconds:
        return None
    names = [run.name for run in studies.load(STUDY).runs if run.notebook == notebook]
    return next((seconds[name] for name in names if name in seconds), None)
