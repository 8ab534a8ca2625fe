"""What a trained detector is for, and which one is taken where none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from offkey import detectors
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors.base import Detector

AI_OR_HUMAN = "ai-or-human"
UNHEARD = "ai-or-human, a part left out"
EXPERIMENT = "experiment"

SHIPPED = Path(__file__).with_name("shipped")
"""The detector that comes with the package; notebook 23 makes it."""


def find(models: Path, name: str = "") -> Path:
    """Folder of a named detector (a path, or a folder in `models`); the shipped one without name.

    What a study trained judges files only where it is named.
    """
    if not name:
        return SHIPPED
    folder = Path(name).expanduser()
    known = not folder.is_dir() and (models / name).is_dir()
    return models / name if known else folder


def load(folder: Path) -> Detector:
    """Read a trained detector; see :func:`offkey.detectors.load`.

    Raises
    ------
    BadInput
        There is none, or its files do not belong together.
    """
    try:
        return detectors.load(folder)
    except BadInput as error:
        if folder != SHIPPED:
            raise
        reason = str(error).partition(": ")[0]  # the rest says to train it again
        raise BadInput(f"the shipped detector: {reason}: install offkey again.") from error


class Choice(NamedTuple):
    """A trained detector, and the others that would have done."""

    folder: Path
    others: list[Path]


def default(models: Path, detector: str = "resnet") -> Choice:
    """The detector of a kind that a study left and that answers best: AI or human?

    Only one that learnt to tell AI from human, from clean music alone, in one go; of several the
    one with the most training clips, then the highest balanced accuracy on its validation clips,
    then the first by name. A model that does not say what it is for is never taken.

    Parameters
    ----------
    models : Path
        Where models are kept, a folder each.
    detector : str
        Which kind.

    Raises
    ------
    BadInput
        There is none.
    """
    found = []
    for path in models.glob("*/model.json"):
        card = store.read_json(path)
        if card.get("detector") == detector and _fits(card):
            rank = (-int(card["train_clips"]), -float(card["validated"]), path.parent.name)
            found.append((rank, path.parent))
    if not found:
        raise BadInput(
            f"no {detector} trained to tell AI from human on clean music in {models}: train one by "
            "running a study, e.g. 'offkey run demo', or name a folder with --model."
        )
    first, *others = [folder for _, folder in sorted(found)]
    return Choice(first, others)


def _fits(card: dict[str, Any]) -> bool:
    return card.get("purpose") == AI_OR_HUMAN and card.get("regime") == "clean"


def named(folder: Path) -> str:
    """What to call a detector."""
    if folder != SHIPPED:
        return folder.name
    return f"shipped detector {store.read_json(folder / 'model.json')['detector']}"


def described(folder: Path) -> str:
    """What a detector was trained on, as its card says."""
    card = store.read_json(folder / "model.json")
    if "learnt_from" in card:
        learnt = card["learnt_from"]
        return (
            f"{learnt['clips']} clips of {card['dataset']} ({learnt['ai_clips']} AI of "
            f"{learnt['ai_families']} families, {learnt['human_clips']} human of "
            f"{learnt['human_sources']} sources)"
        )
    learnt = ", ".join(card.get("trained_on", ["unknown music"]))
    music = f"{learnt} music of {card['dataset']}" if "dataset" in card else learnt
    return f"{music}, seed {card['seed']}" if "seed" in card else music


def notes(folder: Path) -> list[str]:
    """What to know before its verdicts are read: what it is for, where that is not AI or human."""
    purpose = store.read_json(folder / "model.json").get("purpose", "")
    if not purpose:
        return [f"{folder.name} does not say what it was trained for."]
    if purpose != AI_OR_HUMAN:
        return [f"{folder.name} was trained for '{purpose}', not to tell AI from human."]
    return []
