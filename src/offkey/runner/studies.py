"""Study files: which notebooks run, in which order, with which parameters.

Everything is checked before anything starts: names, dependencies, and the type of every
parameter against the notebook's own ``parameters`` cell (``name: type = value  # help``).
"""

from __future__ import annotations

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from offkey.core import workspace
from offkey.core.errors import BadInput, unknown
from offkey.runner import notebook_parameters
from offkey.runner import settings as chosen
from offkey.runner.notebook_parameters import Parameter
from offkey.runner.settings import FOLDERS

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$")]

HERE = (
    "run the command inside the checkout of the project (the folder that holds studies/ and "
    "notebooks/), or give the study's file and --notebooks FOLDER."
)


class Run(BaseModel):
    """One notebook with its parameters."""

    model_config = ConfigDict(extra="forbid", strict=True)

    notebook: Name
    name: Name = ""
    title: str = ""
    after: list[str] = []
    cores: Annotated[int, Field(ge=1)] | Literal["all"] = 1
    parameters: dict[str, Any] = {}

    def model_post_init(self, _context: Any) -> None:
        self.notebook = self.notebook.removesuffix(".ipynb")
        self.name = self.name or self.notebook


class Study(BaseModel):
    """A study file; `runs` stand in reading order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    study: Name
    title: str = ""
    question: str = ""
    parameters: dict[str, Any] = {}
    runs: Annotated[list[Run], Field(min_length=1)]
    headline: dict[str, Any] = {}

    def run(self, name: str) -> Run:
        """The run of that name."""
        return next(run for run in self.runs if run.name == name)


def folder(kind: str) -> Path:
    """``studies/`` or ``notebooks/`` of the checkout this process works in."""
    return (workspace.project_root() or Path.cwd()) / kind


def find(name: str) -> Path:
    """Path of a study given by its file or by its name in ``studies/``."""
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml"):
        raise BadInput(f"study file {path} does not exist.")
    known = {file.stem: file for file in folder("studies").glob("*.yaml")}
    if not known:
        raise BadInput(f"there is no study in {folder('studies')}: {HERE}")
    if name not in known:
        raise unknown("study", name, known)
    return known[name]


def load(name: str) -> Study:
    """Read a study file and check its shape, names and dependencies.

    Parameters
    ----------
    name : str
        A path, or the name of a file in ``studies/``.

    Raises
    ------
    BadInput
        The file is missing or not YAML, has an unknown or ill-typed entry, names a run twice,
        refers to an unknown run, or its dependencies form a circle.
    """
    path = find(name)
    try:
        study = Study.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise BadInput(f"{path}: {_first_problem(error)}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"{path} is not valid YAML: {reason}.") from error
    try:
        _check_order(study)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    return study


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    if first["type"] == "extra_forbidden":
        model: type[BaseModel] = Run if "runs" in first["loc"] else Study
        return str(unknown("entry", where.rsplit(".", 1)[-1], model.model_fields))
    return f"{where}: {first['msg']}."


def _check_order(study: Study) -> None:
    names = [run.name for run in study.runs]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"two runs are called '{name}': give one of them another 'name'.")
    for run in study.runs:
        for dependency in run.after:
            if dependency not in names:
                raise BadInput(f"run '{run.name}': {unknown('run in after', dependency, names)}")
    try:
        TopologicalSorter({run.name: run.after for run in study.runs}).prepare()
    except CycleError as error:
        raise BadInput(
            f"runs wait for each other in a circle: {' → '.join(error.args[1])}."
        ) from error


_HINT = (
    "; put a text that holds # [ ] { } , or : in quotes, and the setting in the other kind of "
    "quotes, e.g. --set 'dataset_options={source: \"my [live] #1\"}'."
)


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Turn ``key=value`` words of the command line into a dict; values are YAML."""
    parsed = {}
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals or not key:
            raise BadInput(f"--set {setting}: write key=value.")
        try:
            parsed[key] = read_yaml(text)
        except yaml.YAMLError as error:
            raise BadInput(f"--set {setting}: the value is not valid YAML{_HINT}") from error
        if " #" in text and not any(mark in text for mark in "'\""):
            raise BadInput(f"--set {setting}: in YAML the rest behind '#' is a comment{_HINT}")
    return parsed


def parameters(
    study: Study, notebooks: Path, settings: dict[str, Any] | None = None
) -> dict[str, dict[str, Any]]:
    """Work out every run's parameters and check them against its notebook.

    Parameters
    ----------
    study : Study
        The study.
    notebooks : Path
        Folder of the ``.ipynb`` sources.
    settings : dict
        From the command line, see :mod:`offkey.runner.settings`. They win over the run's
        parameters, which win over the study's, which win over the notebook's.

    Returns
    -------
    dict of dict
        Per run all parameters with their values, without ``data_dir`` and ``out_dir``. The source
        of a data set is an absolute path: a relative one counts from where the command runs.

    Raises
    ------
    BadInput
        Unknown notebook, run or parameter, or a value of the wrong type.
    """
    declared = {run.name: _declared(run, notebooks) for run in study.runs}
    everyone = set().union(*declared.values()) - set(FOLDERS)
    for name in study.parameters:
        if name not in everyone:
            raise unknown("parameter of the study", name, everyone)
    said = chosen.resolve(settings or {}, declared)
    effective = {}
    for run in study.runs:
        own = declared[run.name]
        for name in run.parameters:
            if name not in own or name in FOLDERS:
                raise BadInput(
                    f"run '{run.name}': {unknown('parameter', name, set(own) - set(FOLDERS))}"
                )
        shared = {name: value for name, value in study.parameters.items() if name in own}
        given = chosen.over({**shared, **run.parameters}, said, run.name, own)
        effective[run.name] = {
            name: _placed(name, _typed(given.get(name, parameter.default), parameter, run.name))
            for name, parameter in own.items()
            if name not in FOLDERS
        }
    return effective


def _placed(name: str, value: Any) -> Any:
    """A value whose path means the same from everywhere: notebooks run in a folder of their own."""
    source = value.get("source") if name == "dataset_options" and isinstance(value, dict) else None
    if not isinstance(source, str) or not source:
        return value
    return {**value, "source": str(Path(source).expanduser().absolute())}


def _declared(run: Run, notebooks: Path) -> dict[str, Parameter]:
    path = notebooks / f"{run.notebook}.ipynb"
    if not path.is_file():
        known = {file.stem for file in notebooks.glob("*.ipynb")}
        if not known:
            raise BadInput(f"there are no notebooks in {notebooks}: {HERE}")
        raise BadInput(f"run '{run.name}': {unknown('notebook', run.notebook, known)}")
    return notebook_parameters.inspect(path)


def _typed(value: Any, parameter: Parameter, run: str) -> Any:
    try:
        return parameter.check(value)
    except TypeError as error:
        raise BadInput(f"run '{run}', parameter '{parameter.name}': {error}.") from error


class _PlainLoader(yaml.SafeLoader):
    """YAML without dates, and with 1e-4 read as a number."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if not tag.endswith(":timestamp")]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_PlainLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def read_yaml(text: str) -> Any:
    """Read YAML as data only; dates stay text and ``1e-4`` is a number."""
    return yaml.load(text, Loader=_PlainLoader)
