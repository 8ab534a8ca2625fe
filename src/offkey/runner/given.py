"""What a notebook was given: values as Jupyter and papermill hand them over, checked by name."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import yaml

from offkey import datasets, detectors, perturbations
from offkey.core.errors import BadInput, OffkeyError, unknown
from offkey.detectors import external
from offkey.perturbations import engines
from offkey.runner import studies
from offkey.runner.notebook_parameters import Parameter

INJECTED = "# Parameters"
"""How the cell begins that papermill adds behind the one tagged ``parameters``."""

VARIANTS = ("train_variants", "test_variants", "stages", "same_edit", "matched", "tested")
"""Parameters that name variants."""

STAGES = ("head", "replay_share")
"""What ``stage_settings`` may hold besides settings of the detector."""


def values(
    notebook: str, declared: Mapping[str, Parameter], namespace: Mapping[str, Any]
) -> dict[str, Any]:
    """The parameters of a notebook that runs: right in name, type and meaning, or refused.

    What plain papermill makes of a list, a truth value or a dict is accepted: ``"[0]"``, ``0`` and
    ``"tempo0.9"`` where a list is wanted, ``"true"``, ``"{tracks: 60}"``.

    Parameters
    ----------
    notebook : str
        Its name, for messages.
    declared : mapping of str to Parameter
        From the notebook's file.
    namespace : mapping
        The notebook's variables, with ``In``, the cells that ran.

    Raises
    ------
    BadInput
        The message names notebook, parameter and value.
    """
    for name in _names(namespace.get("In", [])):
        if name not in declared:
            raise BadInput(f"{notebook}: {unknown('parameter', name, declared)}")
    found = {}
    for name, parameter in declared.items():
        value = namespace.get(name, parameter.default)
        try:
            found[name] = parameter.check(_plain(value, parameter.type))
        except TypeError as error:
            raise BadInput(f"{notebook}, parameter '{name}': {error}.") from error
    for name, check in _checks(found).items():
        try:
            check()
        except (OffkeyError, TypeError, ValueError) as error:
            raise BadInput(f"{notebook}, parameter '{name}' = {found[name]!r}: {error}") from error
    return found


def _names(cells: Sequence[str]) -> set[str]:
    """What the last parameters cell assigns, and the cell that papermill added behind it."""
    latest: dict[str, set[str]] = {}
    for text in cells:
        try:
            body = ast.parse(text).body
        except SyntaxError:  # a magic, or a cell that failed
            continue
        names = {
            target.id for node in body for target in _targets(node) if isinstance(target, ast.Name)
        }
        if text.lstrip().startswith(INJECTED):
            latest["injected"] = names
        elif {"data_dir", "out_dir"} <= names:
            latest = {"own": names}
    return set().union(*latest.values())


def _targets(node: ast.stmt) -> Iterable[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AnnAssign) else []


def _plain(value: Any, kind: str) -> Any:
    """What papermill's command line made of a value, turned back."""
    outer = kind.partition("[")[0]
    if isinstance(value, str) and (outer in ("list", "dict")) and value.lstrip()[:1] in ("[", "{"):
        try:
            value = studies.read_yaml(value)
        except yaml.YAMLError:
            return value
    if outer == "bool" and isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower(), value)
    if outer == "list" and isinstance(value, tuple):
        return list(value)
    if outer == "list" and isinstance(value, str | int | float):
        return [value]
    return value


def _checks(given: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    """What the values mean, by parameter: each call raises where a value cannot be used."""
    engine = given.get("engine", perturbations.DEFAULT_ENGINE)
    checks: dict[str, Callable[[], Any]] = {
        "dataset": lambda: datasets.module(given["dataset"]),
        "engine": lambda: engines.get(engine),
        "detector_name": lambda: _detector(given),
        "detector": lambda: external.described(given["detector"]),
        "detector_settings": lambda: detectors.settings(
            given["detector_name"], **given["detector_settings"]
        ),
        "stage_settings": lambda: _stage_settings(given["detector_name"], given["stage_settings"]),
        "features": lambda: detectors.features(
            given.get("detector_name", "resnet"), **given["features"]
        ),
        "systems": lambda: [detectors.settings(k, **v) for k, v in given["systems"].items()],
        "settings": lambda: detectors.settings("dual", **given["settings"]),
        "example": lambda: perturbations.find([given["example"]], engine),
        "model_seeds": lambda: _some(given["model_seeds"], "seed"),
    }
    for name in VARIANTS:
        checks[name] = partial(_variants, given.get(name, []), engine)
    return {name: check for name, check in checks.items() if name in given}


def _detector(given: Mapping[str, Any]) -> None:
    """One of ours where it is made; where only its tables are read, it may be anybody's."""
    name = given["detector_name"]
    if "detector" in given:
        external.check_name(name, detectors.NAMES)
    elif "detector_settings" in given:
        detectors.kind(name)


def _stage_settings(detector: str, settings: Mapping[str, Any]) -> None:
    known = [*STAGES, *(field.name for field in fields(detectors.kind(detector).Settings))]
    for name in settings:
        if name not in known:
            raise unknown("setting of a stage", name, known)


def _some(items: Sequence[Any], what: str) -> None:
    if not items:
        raise BadInput(f"give at least one {what}.")


def _variants(names: Sequence[Any], engine: str) -> None:
    for name in names:
        if not isinstance(name, str):
            raise BadInput(f"{name!r} is no name: write names in quotes.")
    perturbations.find(names, engine)
