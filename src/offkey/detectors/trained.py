"""What a trained detector is for, and which one is taken where none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offkey import detectors
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors.base import Detector

AI_OR_HUMAN = "ai-or-human"
UNHEARD = "ai-or-human, a part left out"
REAL_PAIR = "real-against-real"
EXPERIMENT = "experiment"

SHIPPED = Path(__file__).with_name("shipped")
"""The detector that comes with the package; notebook 23 makes it."""


def find(models: Path, name: str = "") -> Path:
    """Folder of a named detector (a path, or a folder in `models`); the shipped one without name.

    What a study trained is never taken unless it is named.
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


def described(folder: Path) -> str:
    """Which detector it is and what it learnt from, as its card says."""
    card = store.read_json(folder / "model.json")
    if "learnt_from" in card:
        return f"{_name(folder, card)}, trained on {_counted(card)}"
    learnt = ", ".join(card.get("trained_on", ["unknown music"]))
    music = f"{learnt} music of {card['dataset']}" if "dataset" in card else learnt
    seed = f", seed {card['seed']}" if "seed" in card else ""
    return f"{_name(folder, card)}, trained on {music}{seed}"


def _name(folder: Path, card: dict[str, Any]) -> str:
    return f"shipped detector {card['detector']}" if folder == SHIPPED else folder.name


def _counted(card: dict[str, Any]) -> str:
    learnt = card["learnt_from"]
    return (
        f"{learnt['clips']} clips of {card['dataset']} ({learnt['ai_clips']} AI of "
        f"{learnt['ai_families']} families, {learnt['human_clips']} human of "
        f"{learnt['human_sources']} sources)"
    )


def notes(folder: Path) -> list[str]:
    """What to know before its verdicts are read: what it is for, where that is not AI or human."""
    purpose = store.read_json(folder / "model.json").get("purpose", "")
    if not purpose:
        return [f"{folder.name} does not say what it was trained for."]
    if purpose != AI_OR_HUMAN:
        return [f"{folder.name} was trained for '{purpose}', not to tell AI from human."]
    return []
