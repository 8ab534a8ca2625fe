"""Answers of one detector, one JSON line each, added as they come: nothing is asked twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offkey.core import store
from offkey.core.errors import BadInput


@dataclass
class Answers:
    """What a detector has answered so far.

    Attributes
    ----------
    folder : Path
        Its own.
    found : dict of str to float
        P(AI) by the question's key.
    seconds : dict of str to float
        What each took: its share of the call.
    """

    folder: Path
    found: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self._file.is_file():
            lines = self._file.read_text(encoding="utf-8").split("\n")
            for number, line in enumerate(lines[:-1], 1):  # behind the last break: unfinished
                self._take(line, number)
            if lines[-1]:  # its writer was ended: what comes next must begin a line
                store.write_text(self._file, "".join(f"{line}\n" for line in lines[:-1]))

    @property
    def _file(self) -> Path:
        return self.folder / "answers.jsonl"

    def _take(self, line: str, number: int) -> None:
        try:
            one = json.loads(line)
            self.found[one["key"]], self.seconds[one["key"]] = one["p"], one["s"]
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(
                f"{self._file}: line {number} is no answer: remove that line, and what it held is "
                "asked again."
            ) from error

    @contextmanager
    def adding(self) -> Iterator[Any]:
        """Yield ``add(key, probability, seconds)``; each answer is on disk when it returns."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self._file, "a", encoding="utf-8") as stream:

            def add(key: str, probability: float, seconds: float) -> None:
                line = {"key": key, "p": probability, "s": round(seconds, 4)}
                stream.write(json.dumps(line) + "\n")
                stream.flush()
                self.found[key], self.seconds[key] = probability, seconds

            yield add
