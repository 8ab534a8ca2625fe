"""What is known about earlier runs: fingerprints, states on disk, what can be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import offkey
from offkey.core import store
from offkey.runner import notebook_parameters
from offkey.runner.studies import Study

COMPLETE, FAILED, SKIPPED, RUNNING = "complete", "failed", "skipped", "running"
INTERRUPTED, OUTDATED, NOT_RUN = "interrupted", "outdated", "not run"


def code_fingerprint() -> str:
    """Name the code of this package and what is shipped with it: a change makes results new."""
    root = Path(offkey.__file__).parent
    shipped = (".py", ".csv", ".safetensors", ".json", ".j2", ".css")
    files = sorted(file for file in root.rglob("*") if file.suffix in shipped)
    return store.fingerprint(
        [[file.relative_to(root).as_posix(), store.file_sha256(file)] for file in files]
    )


def fingerprints(
    study: Study, parameters: dict[str, dict[str, Any]], notebooks: Path
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

    Returns
    -------
    dict of str
        Per run the fingerprint of its notebook's cells, its parameters, this package's code and
        the fingerprints of the runs it comes after.
    """
    code = code_fingerprint()
    found: dict[str, str] = {}

    def name(run_name: str) -> str:
        if run_name not in found:
            run = study.run(run_name)
            cells = notebook_parameters.sources(notebooks / f"{run.notebook}.ipynb")
            before = {other: name(other) for other in run.after}
            found[run_name] = store.fingerprint(cells, parameters[run_name], code, before)
        return found[run_name]

    return {run.name: name(run.name) for run in study.runs}


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
