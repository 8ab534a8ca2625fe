"""Ask a detector what it has not answered yet: write, ask, check, keep, erase, batch by batch."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from offkey.core import cluster, store
from offkey.core.errors import BadInput
from offkey.detectors.external import questions as posing
from offkey.detectors.external import reading
from offkey.detectors.external.answers import Answers
from offkey.detectors.external.description import External
from offkey.detectors.external.questions import Question
from offkey.detectors.external.reading import Said

CONSTANT = 4
"""So many different sounds with one and the same answer are no detector's."""


def home(detector: External, folder: Path) -> Path:
    """Where answers of this very detector are kept below `folder`."""
    return folder / f"{detector.KIND}-{store.fingerprint(detector.identity())[:10]}"


def missing(asked: Sequence[Question], answers: Answers) -> list[Question]:
    """Questions without an answer, each once."""
    different = {question.key: question for question in asked}
    return [question for key, question in different.items() if key not in answers.found]


def ask(
    detector: External, asked: Sequence[Question], folder: Path, *, may_call: int = 0
) -> Answers:
    """Answers to all questions.

    Parameters
    ----------
    detector : External
    asked : sequence of Question
        Those of one clip beside each other.
    folder : Path
        Where answers of all detectors are kept.
    may_call : int
        How many calls were agreed to, of a detector whose calls may cost money.

    Raises
    ------
    BadInput
        It cannot be asked, failed, or answered what cannot be used; what it answered well is kept,
        and the next time only the rest is asked.
    """
    detector.require()
    place = home(detector, folder)
    with store.waiting(place):
        answers = Answers(place)
        todo = missing(asked, answers)
        if detector.COSTS and len(todo) > may_call:
            raise BadInput(
                f"detector {detector.words} would be called {len(todo)} times, {may_call} calls "
                "are agreed to: agree with 'offkey benchmark ... --yes'."
            )
        store.write_json(place / "detector.json", detector.identity())
        for first in range(0, len(todo), detector.batch):
            done = f"{first + 1}–{min(first + detector.batch, len(todo))} of {len(todo)}"
            _ask_some(detector, todo[first : first + detector.batch], answers, f"clips {done}")
    _refuse_constant(detector, {question.key: question for question in asked}, answers)
    return answers


def _ask_some(detector: External, some: Sequence[Question], answers: Answers, label: str) -> None:
    with tempfile.TemporaryDirectory(prefix="asked-", dir=answers.folder) as name:
        place = Path(name)
        # names say nothing about the clip: a detector may look at them
        files = [place / f"{number:06d}.{detector.sound}" for number in range(len(some))]
        _write(some, files, label)
        try:
            _converse(detector, some, files, answers)
        finally:
            if detector.keep:
                for question, file in zip(some, files, strict=True):
                    kept = answers.folder / "kept" / store.file_name(question.condition.variant)
                    kept.mkdir(parents=True, exist_ok=True)
                    shutil.move(file, kept / f"{question.clip_id}{file.suffix}")


def _write(some: Sequence[Question], files: Sequence[Path], label: str) -> None:
    pairs = groupby(zip(some, files, strict=True), key=lambda pair: pair[0].path)
    jobs = [list(of_clip) for _, of_clip in pairs]
    cluster.run(posing.write, jobs, label=label)


def _converse(
    detector: External, some: Sequence[Question], files: Sequence[Path], answers: Answers
) -> None:
    """Ask about files, keep every good answer as it comes, then refuse the first bad one."""
    by_name = {file.name: question for file, question in zip(files, some, strict=True)}
    given: dict[str, float] = {}
    problems: list[str] = []
    failure = ""
    log = answers.folder / "stderr.txt"
    with answers.adding() as add:
        last = time.monotonic()
        try:
            for said in detector.ask(files, files[0].parent, log):
                try:
                    name, found = _read(detector, said, by_name, given)
                except ValueError as error:
                    problems.append(str(error))
                    if detector.COSTS:  # the next ones would be paid for, and as bad
                        break
                    continue
                if name not in given:
                    now = time.monotonic()
                    add(by_name[name].key, found, now - last)
                    given[name], last = found, now
        except BadInput as error:
            failure = f"{error} Its standard error is in {log}." if log.is_file() else str(error)
    left = [question for name, question in by_name.items() if name not in given]
    if not (failure or problems or left):
        return
    kept = f"{len(given)} of {len(some)} answers of this call are kept; run again to go on."
    first = f"The first clip without an answer is {left[0].words}. " if left else ""
    if failure:
        raise BadInput(f"{failure} {first}{kept}")
    if problems:
        more = f" ({len(problems)} such answers)" if len(problems) > 1 else ""
        raise BadInput(f"detector {detector.words}: {problems[0]}{more}. {kept}")
    what = f"no answer for {len(left)} of {len(some)} clips"
    raise BadInput(f"detector {detector.words} gave {what}. {first}{kept}")


def _read(
    detector: External, said: Said, by_name: Mapping[str, Question], given: Mapping[str, float]
) -> tuple[str, float]:
    """Which file an answer is about, and P(AI).

    Raises
    ------
    ValueError
        It cannot be used; the message is a sentence that names the line and the clip.
    """
    if said.problem:
        raise ValueError(said.problem)
    name = reading.file_name(said.name)
    if name not in by_name:
        raise ValueError(f"{said.where} names {reading.short(said.name)}, which was not asked")
    where = f"{said.where}, on {by_name[name].words},"
    classes = {"ai": detector.ai, "human": detector.human}
    try:
        found = reading.probability(said.value, scale=detector.scale, **classes)
    except ValueError as error:
        raise ValueError(f"{where} {error}") from None
    if given.get(name, found) != found:
        raise ValueError(f"{where} is another one than before")
    return name, found


def _refuse_constant(detector: External, asked: Mapping[str, Question], answers: Answers) -> None:
    values = {answers.found[key] for key in asked}
    if len(values) == 1 and len(asked) >= CONSTANT:
        raise BadInput(
            f"detector {detector.words} answered {values.pop():g} to all {len(asked)} questions: "
            f"what it says depends on nothing. After mending it, give it another version, or "
            f"delete {answers.folder}."
        )
