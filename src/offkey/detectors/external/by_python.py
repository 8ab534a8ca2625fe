"""A detector as a Python function, called in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from offkey.core.errors import BadInput
from offkey.detectors.external.by_command import asked
from offkey.detectors.external.description import External
from offkey.detectors.external.reading import Said

WORKER = Path(__file__).with_name("workers") / "python_function.py"
TOGETHER = 16
"""Clips that a function for several gets at once."""


@dataclass(frozen=True, kw_only=True)
class ByPython(External):
    """A function of samples and their rate.

    Attributes
    ----------
    python : str
        ``"package.module:function"``; modules in `folder` are found.
    batched : bool
        The function takes a list of samples and a list of rates, and gives as many answers.
    interpreter : str
        Of the detector's own environment, which needs soundfile; by default this one.
    """

    KIND: ClassVar[str] = "python"

    python: str
    batched: bool = False
    interpreter: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        module, _, function = self.python.partition(":")
        parts = [*module.split("."), function]
        if not all(part.isidentifier() for part in parts):
            raise BadInput(f"detector: python '{self.python}': write package.module:function.")

    @property
    def words(self) -> str:
        """The function."""
        return f"'{self.python}'"

    def own_files(self) -> list[Path]:
        """The module, where it stands in the folder."""
        stem = self.place.joinpath(*self.python.partition(":")[0].split("."))
        places = (stem.with_name(f"{stem.name}.py"), stem / "__init__.py")
        return [place for place in places if place.is_file()]

    def ask(self, sounds: Sequence[Path], place: Path, log: Path) -> Iterator[Said]:
        """Call it on every file."""
        listing, scores = place / "list.txt", place / "scores"
        listing.write_text("".join(f"{path}\n" for path in sounds), encoding="utf-8")
        size = str(TOGETHER if self.batched else 0)
        program = self.interpreter or sys.executable
        words = [program, str(WORKER), self.python, str(listing), str(scores), size]
        yield from asked(self, words, scores, place, log)
