"""A detector and some music given on the command line become a study of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from offkey import datasets, detectors, perturbations
from offkey.core.errors import BadInput
from offkey.core.workspace import Workspace
from offkey.detectors import external
from offkey.runner import notebook_parameters, studies
from offkey.runner.studies import Study

STUDY = "your-detector"
NOTEBOOK = "21_your_detector"


@dataclass(frozen=True)
class Bench:
    """What is benchmarked: a detector on some music.

    Attributes
    ----------
    name : str
        Of the detector in tables, and of the results.
    detector : External
    settings : dict
        The study's parameters in this case, as ``--set`` takes them.
    """

    name: str
    detector: external.External
    settings: dict[str, Any]

    def study(self) -> Study:
        """The study of :data:`STUDY` under this name."""
        plan = studies.load(STUDY)
        title = f"How far can '{self.name}' be trusted after an edit?"
        return plan.model_copy(update={"study": self.name, "title": title})

    def calls(self, space: Workspace) -> tuple[int, int]:
        """How many clips it is asked about in all, and how many are not answered yet.

        The music is made where it is missing.
        """
        declared = notebook_parameters.inspect(studies.folder("notebooks") / f"{NOTEBOOK}.ipynb")
        given = {name: known.default for name, known in declared.items()} | self.settings
        clips = datasets.ready(
            given["dataset"], space.datasets, seed=given["seed"], **given["dataset_options"]
        )
        conditions = perturbations.find(["clean", *given["test_variants"]])
        folder = space.data / "answers"
        return external.calls(self.detector, clips, conditions, folder, seed=given["seed"])


def bench(
    description: str, music: str, *, name: str = "", edits: Sequence[str] = (), keep: bool = False
) -> Bench:
    """Check what the command line says.

    Parameters
    ----------
    description : str
        A YAML file, or YAML itself: one of :data:`offkey.detectors.external.KINDS` and settings,
        and ``name``. Paths count from the file, or from where the command runs.
    music : str
        A data set's name, a folder with ``human/`` and ``ai/``, or a CSV that lists files.
    name : str
        Instead of the one in the description.
    edits : sequence of str
        Variants; by default those of the notebook.
    keep : bool
        Keep the edited clips.

    Raises
    ------
    BadInput
        The description, the name, an edit or the music cannot be used.
    """
    about, folder = _read(description)
    name = name or str(about.pop("name", "your-detector"))
    about.pop("name", None)
    external.check_name(name, detectors.NAMES)
    about["folder"] = str((folder / str(about.get("folder", ""))).absolute())
    if keep:
        about["keep"] = True
    settings: dict[str, Any] = {"detector": about, "detector_name": name, **music_of(music)}
    if edits:
        perturbations.find(edits)
        settings["test_variants"] = list(edits)
    detector = external.described(about)
    detector.require()
    return Bench(name, detector, settings)


def _read(description: str) -> tuple[dict[str, Any], Path]:
    """The description and the folder that its paths count from."""
    path, folder, text = Path(description).expanduser(), Path.cwd(), description
    if path.suffix in (".yaml", ".yml"):
        try:
            folder, text = path.parent, path.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise BadInput(f"--detector {path}: the file cannot be read ({error}).") from error
    try:
        about = studies.read_yaml(text)
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise BadInput(f"--detector: {description} is not valid YAML: {reason}.") from error
    if not isinstance(about, Mapping):
        raise BadInput(
            f"--detector {description}: give a YAML file, or e.g. "
            "'command: python infer.py --list {list} --out {scores}'."
        )
    return dict(about), folder


def music_of(music: str) -> dict[str, Any]:
    """The data set that a name, a folder or a CSV file means, as parameters of a study."""
    name = music.replace("-", "_")
    if name in datasets.NAMES and name != "folder":
        return {"dataset": name}
    place = Path(music).expanduser().absolute()
    if not place.exists():
        known = ", ".join(one for one in datasets.NAMES if one != "folder")
        raise BadInput(
            f"--data {music}: no such folder or CSV file; data sets by name are {known}."
        )
    return {"dataset": "folder", "dataset_options": {"source": str(place)}}
