"""A detector as a command line: paths in, CSV or JSON of path and probability out."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from offkey.core.errors import BadInput
from offkey.detectors.external import process, reading
from offkey.detectors.external.description import External
from offkey.detectors.external.reading import Said


@dataclass(frozen=True, kw_only=True)
class ByCommand(External):
    """A command is run once a batch.

    Attributes
    ----------
    command : str
        E.g. ``"python infer.py --list {list} --out {scores}"``. ``{list}`` is a text file with one
        path a line; without ``{scores}`` (also ``{out}``) answers are read from standard output;
        ``{python}`` is the Python that offkey runs in. There is no shell.
    """

    KIND: ClassVar[str] = "command"

    command: str

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            parts = shlex.split(self.command)
        except ValueError as error:
            raise BadInput(f"detector: command '{self.command}': {error}.") from error
        if not any("{list}" in part for part in parts):
            raise BadInput(
                f"detector: command '{self.command}' has no {{list}}: write it where the command "
                "takes a file that lists one path a line."
            )

    @property
    def words(self) -> str:
        """The command."""
        return f"'{self.command}'"

    def own_files(self) -> list[Path]:
        """Files that the command names; not what it finds through the search path."""
        parts = (self.place / part for part in shlex.split(self.command)[1:])
        return [part for part in parts if part.is_file()]

    def ask(self, sounds: Sequence[Path], place: Path, log: Path) -> Iterator[Said]:
        """Run it on a list of files."""
        listing, scores = place / "list.txt", place / "scores"
        listing.write_text("".join(f"{path}\n" for path in sounds), encoding="utf-8")
        words = {"{list}": str(listing), "{scores}": str(scores), "{out}": str(scores)}
        words["{python}"] = sys.executable
        yield from asked(self, _filled(shlex.split(self.command), words), scores, place, log)


def _filled(parts: list[str], words: dict[str, str]) -> list[str]:
    for mark, text in words.items():
        parts = [part.replace(mark, text) for part in parts]
    return parts


def asked(
    detector: External, command: Sequence[str], scores: Path, place: Path, log: Path
) -> Iterator[Said]:
    """Run a command for a detector and read its answers, from a file where the command takes one.

    Raises
    ------
    BadInput
        It took too long, ended with another exit code than 0, or wrote no answers.
    """
    ended = process.run(
        command,
        folder=detector.place,
        timeout_s=detector.timeout_s,
        place=place,
        log=log,
        # modules beside the detector are found, whatever the program of the command
        environment={"PYTHONPATH": _path(detector.place)},
    )
    by_file = str(scores) in " ".join(command)
    text = ended.output
    if by_file:
        text = scores.read_text(encoding="utf-8", errors="replace") if scores.is_file() else ""
    text = text if ended.code == 0 else reading.whole_lines(text)
    yield from reading.answers(text, classes=detector.ai or detector.human, answer=detector.answer)
    said = f", saying {reading.short(ended.last_words)}" if ended.last_words else ""
    if ended.code is None:
        raise BadInput(
            f"detector {detector.words} took longer than {detector.timeout_s:g} s and was "
            f"stopped{said}; give it more with timeout_s, or fewer clips at once with batch."
        )
    if ended.code:
        raise BadInput(f"detector {detector.words} ended with exit code {ended.code}{said}.")
    if not text.strip():
        where = "the file of answers" if by_file else "standard output"
        raise BadInput(f"detector {detector.words} wrote nothing to {where}{said}.")


def _path(folder: Path) -> str:
    before = os.environ.get("PYTHONPATH", "")
    return f"{folder}{os.pathsep}{before}" if before else str(folder)
