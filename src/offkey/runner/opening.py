"""What every notebook does first: look at what it was given, say where things are, show errors.

One call, ``work = opening.begin("05_train_and_evaluate", globals())``. A study gives a notebook
every parameter and its folders; opened by hand it has the parameters of the embedded study, reads
what that study left and writes to ``data/explored``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from IPython import get_ipython

import offkey
from offkey.core import store, workspace
from offkey.core.errors import BadInput, OffkeyError
from offkey.core.workspace import Workspace
from offkey.runner import given, made, notebook_parameters
from offkey.runner.notebook_parameters import Parameter
from offkey.runner.progress_bar import clock

NAMED = {"data_dir", "out_dir", "dataset", "detector_name", "train_variants"}
"""Parameters that name places, or that the names of tables and folders already tell apart."""

MAKING = {"dataset_options", "detector_settings", "features", "engine", "seed", "model_seeds"}
"""Parameters that make other data or another detector, where there is data to make."""


def begin(notebook: str, namespace: dict[str, Any]) -> Workspace:
    """Check the parameters of a notebook before any work, and open its folders.

    Parameters
    ----------
    notebook : str
        Its name.
    namespace : dict
        Its ``globals()``; values that papermill passed on as text are put back as what they mean.

    Returns
    -------
    Workspace
        Where it reads and writes.

    Raises
    ------
    BadInput
        A parameter is unknown or cannot be used, or nobody said where data is kept.
    """
    show_errors_in_one_sentence()
    declared = notebook_parameters.inspect(_file(notebook))
    values = given.values(notebook, declared, namespace)
    namespace.update(values)
    work = _workspace(notebook, declared, values)
    # a study says all this on its own pages
    if not os.environ.get(store.WRITTEN):
        _say(notebook, work, _changed(declared, values))
    return work


def _file(notebook: str) -> Path:
    checkout = Path(offkey.__file__).parents[2]
    for folder in (workspace.project_root(), checkout, Path.cwd()):
        for place in [folder / "notebooks", folder] if folder else []:
            if (place / f"{notebook}.ipynb").is_file():
                return place / f"{notebook}.ipynb"
    raise BadInput(
        f"{notebook}.ipynb is neither in {Path.cwd()} nor in a checkout around it: start the "
        "notebook from the folder of the project."
    )


def _changed(declared: Mapping[str, Parameter], values: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that are not the embedded study's, and that no name shows."""
    return {
        name: values[name]
        for name, parameter in declared.items()
        if name not in NAMED and values[name] != parameter.default
    }


def _workspace(
    notebook: str, declared: Mapping[str, Parameter], values: Mapping[str, Any]
) -> Workspace:
    data, out, dataset = values["data_dir"], values["out_dir"], values["dataset"]
    root = workspace.project_root()
    if not data and not os.environ.get("OFFKEY_DATA") and root is None:
        raise BadInput(
            f"{notebook}: {Path.cwd()} is outside the project, so nobody knows where audio and "
            "models are kept: give data_dir (papermill: -p data_dir /path/to/offkey/data), or set "
            "OFFKEY_DATA."
        )
    work = Workspace.open(data, out, dataset)
    if out:
        return work
    also = [work.out]
    if root is not None:
        also += [root / folder / dataset.replace("_", "-") for folder in ("runs", "results")]
    changed = _changed(declared, values)
    if not changed:
        return Workspace(work.data, work.out, tuple(also[1:]))
    # other settings must not overwrite, nor be mixed with, what the study's settings made
    mine = work.out.with_name(f"{work.out.name}-{store.fingerprint(changed)[:6]}")
    other = "dataset_options" in declared and MAKING & changed.keys()
    return Workspace(work.data, mine, () if other else tuple(also))


def _say(notebook: str, work: Workspace, changed: Mapping[str, Any]) -> None:
    print(f"Audio, variants and models: {_short(work.data)}")
    print(f"Tables and figures: {_short(work.out)}")
    standing = [_short(folder) for folder in work.also if (folder / "tables").is_dir()]
    if standing:
        print(f"Tables that are not there are read from {' and '.join(standing)}.")
    if changed and work.out.parent.name == "explored":
        print(
            f"Not as in the study: {', '.join(changed)}. To go on from here, give the next "
            f'notebook out_dir = "{work.out}".'
        )
    seconds = made.seconds_of(notebook)
    if seconds and not changed:
        print(f"What stands is taken, what is missing is made: all of it takes {clock(seconds)}.")


def _short(path: Path) -> str:
    root = workspace.project_root()
    return str(path.relative_to(root)) if root and path.is_relative_to(root) else str(path)


def show_errors_in_one_sentence() -> None:
    """Show an expected error, or a stop, as one sentence; the cell has failed all the same."""
    shell = get_ipython()
    if shell is not None:
        shell.set_custom_exc((OffkeyError, KeyboardInterrupt), _show)


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
    tb_offset: int | None = None,
) -> list[str]:
    lines = [f"\x1b[31m{kind.__name__}: {error}\x1b[0m"]
    if isinstance(error, KeyboardInterrupt):
        lines = ["Stopped. What is complete is kept: run the cell again to go on."]
    shell._showtraceback(kind, error, lines)
    return lines
