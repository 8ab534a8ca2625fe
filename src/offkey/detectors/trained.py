"""What a trained detector is for, and which one is taken where none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from offkey.core import store
from offkey.core.errors import BadInput

AI_OR_HUMAN = "ai-or-human"
UNHEARD = "ai-or-human, a part left out"
REAL_PAIR = "real-against-real"
EXPERIMENT = "experiment"

RULE = "most training clips, then the highest balanced accuracy on validation clips, then the name"


class Choice(NamedTuple):
    """A trained detector, and the others that would have done."""

    folder: Path
    others: list[Path]


def default(models: Path, detector: str = "resnet") -> Choice:
    """The trained detector to judge files with where none is named.

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


def described(folder: Path) -> str:
    """What a detector was trained on, and with which seed, as its card says."""
    card = store.read_json(folder / "model.json")
    learnt = ", ".join(card.get("trained_on", ["unknown music"]))
    music = f"{learnt} music of {card['dataset']}" if "dataset" in card else learnt
    return f"{music}, seed {card['seed']}" if "seed" in card else music


def find(models: Path, name: str = "") -> Choice:
    """A named detector (a path, or a folder in `models`), or :func:`default`."""
    if not name:
        return default(models)
    folder = Path(name).expanduser()
    known = not folder.is_dir() and (models / name).is_dir()
    return Choice(models / name if known else folder, [])


def notes(folder: Path, others: list[Path]) -> list[str]:
    """What to know before its verdicts are read: what it is for, and what else would have done."""
    found = []
    if others:
        names = ", ".join(other.name for other in others)
        found.append(f"{folder.name} is taken ({RULE}); --model takes another that fits: {names}")
    purpose = store.read_json(folder / "model.json").get("purpose", "")
    if not purpose:
        found.append(f"{folder.name} does not say what it was trained for.")
    elif purpose != AI_OR_HUMAN:
        found.append(f"{folder.name} was trained for '{purpose}', not to tell AI from human.")
    return found
