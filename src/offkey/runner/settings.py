"""What ``--set`` says: which runs, which parameter, and which entry of it.

``name=x`` sets the parameter of every run that has it, ``run.name=x`` of one; ``name.entry=x``
changes one entry of a parameter that is a dict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offkey.core.errors import BadInput, unknown
from offkey.runner.notebook_parameters import Parameter

FOLDERS = ("data_dir", "out_dir")
"""Parameters that the runner fills in; they name places, not what is computed."""
BELONGS: dict[str, tuple[str, Any]] = {
    "dataset_options": ("dataset", {}),
    "families": ("dataset", []),  # all that can be left out
    "sources": ("dataset", ["none"]),
    "detector_settings": ("detector_name", {}),
}
"""What is chosen for one data set or detector, and its value where ``--set`` names another."""


@dataclass(frozen=True)
class Setting:
    """One value; `run` is empty for every run, `entry` for the whole parameter."""

    run: str
    name: str
    entry: str
    value: Any


def resolve(
    settings: Mapping[str, Any], declared: Mapping[str, Mapping[str, Parameter]]
) -> list[Setting]:
    """Find what each word of the command line means; those for one run come last.

    Parameters
    ----------
    settings : mapping of str to value
        From the command line.
    declared : mapping of mapping of str to Parameter
        Per run the parameters of its notebook.

    Raises
    ------
    BadInput
        There is no such run or parameter, or the parameter has no entries.
    """
    found = [_resolve(key, value, declared) for key, value in settings.items()]
    return sorted(found, key=lambda setting: (setting.run != "", setting.entry != ""))


def _resolve(key: str, value: Any, declared: Mapping[str, Mapping[str, Parameter]]) -> Setting:
    everyone = {
        name: parameter
        for own in declared.values()
        for name, parameter in own.items()
        if name not in FOLDERS
    }
    if key in everyone:
        return Setting("", key, "", value)
    run = next((run for run in declared if key.startswith(f"{run}.")), "")
    rest = key.removeprefix(f"{run}.") if run else key
    known = {n: p for n, p in declared[run].items() if n not in FOLDERS} if run else everyone
    name, dot, entry = rest.partition(".")
    if name in known and not entry:
        return Setting(run, name, "", value)
    if name in known and known[name].type == "dict":
        return Setting(run, name, entry, value)
    if name in known:
        raise BadInput(f"--set {key}: parameter '{name}' is no dict, so it has no '{entry}'.")
    if run:
        raise BadInput(f"run '{run}': {unknown('parameter', rest, known)}")
    raise unknown("run", name, declared) if dot else unknown("parameter", key, known)


def over(
    given: Mapping[str, Any], settings: list[Setting], run: str, own: Mapping[str, Parameter]
) -> dict[str, Any]:
    """A run's parameters with what the command line says; see ``BELONGS``."""
    values = dict(given)
    mine = [one for one in settings if one.run in ("", run) and one.name in own]
    for name, (owner, neutral) in BELONGS.items():
        before = given.get(owner, own[owner].default) if owner in own else None
        if name in own and any(one.name == owner and one.value != before for one in mine):
            values[name] = neutral
    for one in mine:
        if one.entry:
            values[one.name] = {**values.get(one.name, own[one.name].default), one.entry: one.value}
        else:
            values[one.name] = one.value
    return values
