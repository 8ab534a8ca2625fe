"""What decides how an edited clip sounds: the code of the edit and the libraries behind it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import soundfile as sf
import soxr

from offkey.core import code
from offkey.perturbations.naming import Condition

ROOMS = ("perturbations", "sound")
# which edits there are and what they are called: a further one changes no other
_NAMES_ONLY = ("perturbations/naming.py",)


def _ffmpeg() -> str:
    import av

    parts = av.library_versions
    return " ".join(".".join(map(str, parts[name])) for name in ("libavcodec", "libavutil"))


# what makes sound, each with how to ask for its version; every clip goes through the first two
LIBRARIES: dict[str, Callable[[], str]] = {
    "libsndfile": lambda: sf.__libsndfile_version__,
    "soxr": lambda: soxr.__libsoxr_version__,
    "ffmpeg": _ffmpeg,
    "librosa": lambda: version("librosa"),
    "signalsmith": lambda: version("python-stretch"),
    "rubberband": lambda: version("pedalboard"),
}
_ALWAYS = ("libsndfile", "soxr")
_BEHIND = {"codec": ("ffmpeg",)}


def recipe(condition: Condition) -> dict[str, Any]:
    """Name everything but the clip and its drawn numbers that decides how it sounds.

    Returns
    -------
    dict
        ``variant``, ``code`` (of the edits and what they stand on, without comments and
        docstrings) and ``libraries`` (name and version of those that take part).
    """
    kinds = [step.perturbation for step in condition.steps]
    needed = {name for kind in kinds for name in _BEHIND.get(kind, ())}
    needed |= {step.engine for step in condition.steps if step.engine in LIBRARIES}
    return {
        "variant": condition.variant,
        "code": code.fingerprint(*files(condition)),
        "libraries": {name: LIBRARIES[name]() for name in sorted({*_ALWAYS, *needed})},
    }


def files(condition: Condition) -> tuple[Path, ...]:
    """The source files that the sound of a condition depends on."""
    modules = sorted({"editing", *(step.perturbation for step in condition.steps)})
    own = (f"perturbations/{name}.py" for name in modules)
    return tuple(code.standing_on(*own, rooms=ROOMS, without=_NAMES_ONLY))
