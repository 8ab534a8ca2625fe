"""What is known about earlier runs: fingerprints, states on disk, what can be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offkey import datasets
from offkey.core import code, store
from offkey.runner import notebook_parameters
from offkey.runner.studies import Study

COMPLETE, FAILED, SKIPPED, RUNNING = "complete", "failed", "skipped", "running"
INTERRUPTED, OUTDATED, NOT_RUN = "interrupted", "outdated", "not run"
SHIPPED = (".csv", ".safetensors", ".json", ".j2", ".css")
"""Endings of the package's files that results depend on, beside its code."""


def code_fingerprint() -> str:
    """Name the code of this package and what is shipped with it: a change makes results new.

    Comments and docstrings do not count, see :mod:`offkey.core.code`; nor does the detector that
    ships, which is a study's result.
    """
    root = code.PACKAGE
    shipped = sorted(
        file
        for file in root.rglob("*")
        if file.suffix in SHIPPED and file.parent != root / "detectors" / "shipped"
    )
    return store.fingerprint(
        code.fingerprint(*root.rglob("*.py")),
        [[file.relative_to(root).as_posix(), store.file_sha256(file)] for file in shipped],
    )


def fingerprints(
    study: Study, parameters: dict[str, dict[str, Any]], notebooks: Path, data: Path
) -> dict[str, str]:
    """Name every run by what makes its result.

    Parameters
    ----------
    study : Study
        The study.
    parameters : dict of dict
        Effective parameters per run.
    notebooks : Path
        Folder of the sources.
    data : Path
        Folder of the data sets.

    Returns
    -------
    dict of str
        Per run the fingerprint of its notebook's cells, its parameters, the content of its data
        set, this package's code and the fingerprints of the runs it comes after.

    Raises
    ------
    BadInput
        There is no such data set, or no music where it is said to be.
    """
    package = code_fingerprint()
    found: dict[str, str] = {}
    known: dict[str, str] = {}

    def name(run_name: str) -> str:
        if run_name not in found:
            run = study.run(run_name)
            cells = notebook_parameters.sources(notebooks / f"{run.notebook}.ipynb")
            before = {other: name(other) for other in run.after}
            made_from = _with_content(parameters[run_name], data, known)
            found[run_name] = store.fingerprint(cells, made_from, package, before)
        return found[run_name]

    return {run.name: name(run.name) for run in study.runs}


def _with_content(parameters: dict[str, Any], data: Path, known: dict[str, str]) -> dict[str, Any]:
    """Parameters with the content of the data set in the place of the options that lead to it.

    `known` keeps what was found, since most runs of a study read the same music.
    """
    name, options = parameters.get("dataset"), parameters.get("dataset_options")
    if not isinstance(name, str) or not isinstance(options, dict):
        return parameters
    seed = parameters.get("seed", 0)
    asked = store.fingerprint(name, seed, options)
    if asked not in known:
        known[asked] = datasets.identity(name, data, seed=seed, **options)
    return {**parameters, "dataset_options": known[asked]}


def read(folder: Path, run: str) -> dict[str, Any]:
    """State of a run as it was recorded; empty when it never ran."""
    path = folder / f"{run}.json"
    if not path.is_file():
        return {}
    state: dict[str, Any] = store.read_json(path)
    return state


def write(folder: Path, run: str, **state: Any) -> None:
    """Record the state of a run; the duration of its last complete execution is kept."""
    usual = state.get("seconds") if state["status"] == COMPLETE else None
    state["usual_seconds"] = usual or read(folder, run).get("usual_seconds")
    store.write_json(folder / f"{run}.json", {"run": run, **state})


def is_current(state: dict[str, Any], fingerprint: str, output: Path) -> bool:
    """Whether a result can be kept: complete, of the same fingerprint, and still as written."""
    return (
        state.get("status") == COMPLETE
        and "products" in state
        and state["fingerprint"] == fingerprint
        and output.is_file()
        and state["output_sha256"] == store.file_sha256(output)
    )
