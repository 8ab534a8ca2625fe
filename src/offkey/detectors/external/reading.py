"""What a detector wrote becomes one answer a file, or a sentence that names the line at fault.

Answers are CSV with a header, JSON lines or a JSON list, each with a path and a probability of AI,
or with one probability a class.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = ("path", "file", "filename", "clip", "name")
PROBABILITY = ("probability", "score", "p")
_LONGEST = 80  # characters of a line in a sentence


@dataclass(frozen=True)
class Said:
    """One answer as it stands.

    Attributes
    ----------
    name : str
        The file it is about; only the last part of a path counts.
    value : object
        A number, a text that may be one, or a mapping of classes to such.
    where : str
        E.g. ``"line 18 of its answers"``.
    problem : str
        Why the line is no answer; empty where it is one.
    """

    name: str
    value: Any
    where: str
    problem: str = ""


def answers(text: str, *, classes: Sequence[str] = (), answer: str = "") -> Iterator[Said]:
    """Read CSV, JSON lines or a JSON list.

    Parameters
    ----------
    text : str
        Of a file or of standard output.
    classes : sequence of str
        Columns of the classes that are asked for, where there are several.
    answer : str
        Where the answer stands in a JSON object.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        return
    start = lines[0][1].lstrip()[:1]
    if start == "[":
        yield from _json_list(text, answer)
    elif start == "{":
        yield from (
            _json_line(line, f"line {number} of its answers", answer) for number, line in lines
        )
    else:
        yield from _csv(lines, classes)


def whole_lines(text: str) -> str:
    """The text without a last line that its writer did not finish: ``0.9`` may be half of it."""
    return text[: text.rfind("\n") + 1]


def _json_list(text: str, answer: str) -> Iterator[Said]:
    try:
        items = json.loads(text)
    except ValueError as error:
        yield Said("", None, "", f"its answers are no JSON list ({error})")
        return
    for number, item in enumerate(items, 1):
        yield _from_object(item, f"item {number} of its answers", answer)


def _json_line(line: str, where: str, answer: str) -> Said:
    try:
        return _from_object(json.loads(line), where, answer)
    except ValueError:
        return Said("", None, where, f"{where} is no JSON: {short(line)}")


def _from_object(item: Any, where: str, answer: str) -> Said:
    if not isinstance(item, Mapping):
        return Said("", None, where, f"{where} is no JSON object: {short(item)}")
    name = next((str(item[key]) for key in PATH if key in item), "")
    if not name:
        return Said("", None, where, f"{where} names no path: {short(item)}")
    return Said(name, value_in(item, answer), where)


def value_in(item: Any, answer: str) -> Any:
    """What stands at a dotted place of a JSON object, by default under the usual names.

    The object itself, without its path, where nothing stands there: its numbers may be classes.
    """
    if answer:
        for part in answer.split("."):
            if not isinstance(item, Mapping) or part not in item:
                return item
            item = item[part]
        return item
    if not isinstance(item, Mapping):
        return item
    rest = {str(key): value for key, value in item.items() if key not in PATH}
    return next((rest[key] for key in PROBABILITY if key in rest), rest)


def _csv(lines: Sequence[tuple[int, str]], classes: Sequence[str]) -> Iterator[Said]:
    rows = list(csv.reader(line for _, line in lines))
    header = [cell.strip() for cell in rows[0]]
    small = [cell.lower() for cell in header]
    path = next((small.index(word) for word in PATH if word in small), None)
    one = next((small.index(word) for word in PROBABILITY if word in small), None)
    wanted = {name: header.index(name) for name in classes if name in header}
    if path is None or (one is None and not wanted):
        columns = f"path and {' and '.join(classes) if classes else 'probability'}"
        yield Said(
            *("", None, f"line {lines[0][0]} of its answers"),
            f"line {lines[0][0]} of its answers is neither JSON nor a CSV header with {columns}: "
            f"{short(lines[0][1])}",
        )
        return
    for (number, line), row in zip(lines[1:], rows[1:], strict=True):
        where = f"line {number} of its answers"
        if len(row) != len(header):
            problem = f"{where} has {len(row)} cells, the header {len(header)}"
            yield Said("", None, where, f"{problem}: {short(line)}")
        elif classes and wanted:
            yield Said(row[path], {name: row[place] for name, place in wanted.items()}, where)
        else:
            yield Said(row[path], row[one or 0], where)


def probability(
    value: Any, *, ai: Sequence[str] = (), human: Sequence[str] = (), scale: str = "probability"
) -> float:
    """P(AI) of what a detector says of a clip.

    Raises
    ------
    ValueError
        It is no probability; the message is the rest of a sentence.
    """
    if isinstance(value, Mapping):
        classes = ai or human
        missing = [name for name in classes if name not in value]
        if missing or not classes:
            names = ", ".join(map(str, value)) or "nothing"
            what = f"not '{missing[0]}'" if missing else "and no setting says which mean AI"
            raise ValueError(f"has {names}, {what}: name them with 'ai', 'human' or 'answer'")
        total = sum(_number(value[name], scale) for name in classes)
        found = total if ai else 1 - total
    else:
        found = _number(value, scale)
    # a sum of classes may miss an end by rounding
    if isinstance(value, Mapping) and -1e-6 < found < 1 + 1e-6:
        found = min(max(found, 0.0), 1.0)
    if not 0 <= found <= 1:
        hint = "scale: percent" if 1 < found <= 100 else "scale: logit"
        raise ValueError(f"is {found:g}, not between 0 and 1: if that is its scale, say '{hint}'")
    return found


def _number(value: Any, scale: str) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"is {short(value)}, which is no number") from None
    if isinstance(value, bool) or not math.isfinite(found):
        raise ValueError(f"is {value}, which is no finite number")
    if scale == "logit":
        return 0.5 * (1 + math.tanh(found / 2))
    return found / 100 if scale == "percent" else found


def short(value: Any) -> str:
    """A value as a sentence can hold it."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    text = " ".join(text.split())
    return f"'{text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…'}'"


def file_name(name: str) -> str:
    """What tells a file from the others of a batch: detectors print absolute paths, or names."""
    return Path(name.strip().replace("\\", "/")).name
