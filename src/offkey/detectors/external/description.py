"""What a user says of a detector, checked; and the contract that each way of asking fulfils."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Literal, get_type_hints

from offkey.core import store, workspace
from offkey.core.errors import BadInput, unknown
from offkey.core.typed import typed
from offkey.detectors.external.reading import Said

KINDS = {
    "command": "offkey.detectors.external.by_command:ByCommand",
    "python": "offkey.detectors.external.by_python:ByPython",
    "onnx": "offkey.detectors.external.by_onnx:ByOnnx",
    "http": "offkey.detectors.external.by_http:ByHttp",
}

_LOGISTICS = ("threshold", "batch", "timeout_s", "folder", "keep")
"""Settings that change no answer."""


@dataclass(frozen=True)
class External(ABC):
    """A detector that is asked from outside.

    Attributes
    ----------
    version : str
        The user's word for what is asked; a new word asks everything anew.
    files : tuple of str
        Files whose content decides the answers (weights, code), relative to `folder`; a changed
        one asks everything anew. Those that a command names itself count without being listed.
    threshold : float
        Its own: from which P(AI) on it calls a clip AI.
    ai, human : tuple of str
        Of a detector with several classes, those that mean AI (their probabilities are summed), or
        those that mean human (P(AI) is one minus their sum).
    answer : str
        Where the answer stands in a JSON object, e.g. ``"result.ai"``; by default under
        ``probability``, ``score`` or ``p``.
    scale : str
        ``probability``, ``percent`` or ``logit``.
    sound : str
        What is written for it: ``wav`` or ``flac``, 16 bit, mono, at the source's own rate.
    batch : int
        Clips per call.
    timeout_s : float
        How long one call may take.
    folder : str
        Where it works; relative to the project.
    keep : bool
        Keep the edited clips instead of erasing them once they are judged.
    """

    KIND: ClassVar[str]
    COSTS: ClassVar[bool] = False
    """Whether calls may cost money, so that their number has to be agreed to."""
    LOGISTICS: ClassVar[tuple[str, ...]] = ()
    """Further settings that change no answer."""

    version: str = ""
    files: tuple[str, ...] = ()
    threshold: float = 0.5
    ai: tuple[str, ...] = ()
    human: tuple[str, ...] = ()
    answer: str = ""
    scale: Literal["probability", "percent", "logit"] = "probability"
    sound: Literal["wav", "flac"] = "wav"
    batch: int = 64
    timeout_s: float = 600.0
    folder: str = ""
    keep: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise BadInput(f"detector: threshold {self.threshold:g} is not between 0 and 1.")
        if self.batch < 1 or self.timeout_s <= 0:
            raise BadInput("detector: batch must be at least 1, and timeout_s above 0.")
        if self.ai and self.human:
            raise BadInput("detector: give the classes that mean AI, or those that mean human.")
        for name in self.files:
            if not (self.place / name).is_file():
                raise BadInput(f"detector: there is no file '{name}' in {self.place}.")

    @property
    def place(self) -> Path:
        """The folder it works in, absolute."""
        return (workspace.project_root() or Path.cwd()) / Path(self.folder).expanduser()

    @property
    @abstractmethod
    def words(self) -> str:
        """What it is called in a sentence."""

    @abstractmethod
    def ask(self, sounds: Sequence[Path], place: Path, log: Path) -> Iterator[Said]:
        """What it says of some sound files, in any order, as far as it gets.

        Parameters
        ----------
        sounds : sequence of Path
            Files in `place`.
        place : Path
            A folder that is emptied afterwards.
        log : Path
            Where what it says beside its answers is added.

        Raises
        ------
        BadInput
            It failed; the answers it gave before were yielded.
        """

    def require(self) -> None:  # noqa: B027 - most kinds need nothing
        """Refuse a detector that cannot be asked on this machine, say for want of a package."""

    def own_files(self) -> list[Path]:
        """Files that decide the answers, beside those the user lists."""
        return []

    def identity(self) -> dict[str, Any]:
        """What decides its answers, with the hash of every file known to."""
        aside = (*_LOGISTICS, *self.LOGISTICS)
        settings = {name: value for name, value in asdict(self).items() if name not in aside}
        listed = {self.place / name for name in settings.pop("files")}
        files = {
            path.name: store.file_sha256(path) for path in sorted(listed.union(self.own_files()))
        }
        return {"kind": self.KIND, **settings, "files": files}


def described(about: Mapping[str, Any]) -> External:
    """The detector that a description means.

    Parameters
    ----------
    about : mapping
        One of ``KINDS`` and its value, e.g. ``{"command": "python infer.py --list {list}"}``, and
        settings of that kind.

    Raises
    ------
    BadInput
        No kind is named, or two; a setting is unknown (the nearest valid one is suggested), of
        another type, or has a bad value.
    """
    named = [kind for kind in KINDS if kind in about]
    if len(named) != 1:
        found = " and ".join(named) or ", ".join(map(str, about)) or "nothing"
        raise BadInput(f"detector: say in one way how it is asked, {_ways()}; found: {found}.")
    module, _, attribute = KINDS[named[0]].partition(":")
    cls: type[External] = getattr(importlib.import_module(module), attribute)
    known = {field.name for field in fields(cls)}
    for setting in about:
        if setting not in known:
            raise unknown(f"setting of a detector by '{named[0]}'", str(setting), known)
    hints = get_type_hints(cls)
    return cls(**{k: typed(f"detector, setting '{k}'", v, hints[k]) for k, v in about.items()})


def _ways() -> str:
    *first, last = KINDS
    return f"{', '.join(first)} or {last}"


def check_name(name: str, taken: Iterable[str]) -> None:
    """Refuse a name that tables and files cannot hold, or that means one of our detectors."""
    if not name or name != store.file_name(name) or name in taken:
        why = "is one of offkey's own" if name in taken else "may hold only letters, digits, -_+.@"
        raise BadInput(f"detector name '{name}' {why}: give it another one.")
