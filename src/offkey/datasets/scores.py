"""Notes of the demo's scores, read straight from the files of music21's corpus.

A full music21 parse takes 0.1 to 2 s a score and 200 MB a worker; all that rendering needs is which
pitch sounds when. These readers take a few milliseconds. Every MusicXML score of ``scores.csv`` was
compared with music21's parse and agrees note by note (98.5 % or more of its notes, nearly always
all); fiddle tunes differ where music21 overlooks a dotted rhythm or an accidental held to the bar.

Notes are rows of a float64 array of shape ``(n, 4)``: part, onset and duration in quarter notes,
MIDI pitch as it sounds. Tied notes are one note; grace notes are left out; repeats are played once.
"""

from __future__ import annotations

import importlib.util
import re
import zipfile
from fractions import Fraction
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from offkey.core.errors import BadInput

PART, ONSET_Q, DURATION_Q, PITCH = range(4)
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_ABC_TOKEN = re.compile(
    r"(?P<skip>\"[^\"]*\"|![^!]*!|\{[^}]*\})"
    r"|\[(?P<field>[KLM]):(?P<value>[^\]]*)\]"
    r"|\((?P<tuplet>[2-9])"
    r"|(?P<chord>\[[^\]|:]+\]|[_^=]*[A-Ga-gz][,']*)(?P<times>\d*)(?P<over>/*\d*)"
    r"|(?P<bar>\|)|(?P<tie>-)|(?P<broken>[<>]+)"
)
_ABC_PITCH = re.compile(r"([_^=]*)([A-Ga-g])([,']*)")
_ABC_LENGTH = re.compile(r"[A-Ga-g][,']*(\d*)(/*\d*)")
_ABC_KEY = re.compile(r"\s*([A-G])([#b]?)\s*([A-Za-z]{0,3})")
_ABC_MODES = {"mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5, "lyd": 1}
_ABC_TUPLETS = {2: Fraction(3, 2), 3: Fraction(2, 3), 4: Fraction(3, 4), 6: Fraction(1, 3)}


@cache
def catalogue() -> pd.DataFrame:
    """The curated list: ``path`` within the corpus, ``style``, ``composer``."""
    return pd.read_csv(Path(__file__).with_name("scores.csv"))


def corpus() -> Path:
    """Folder of music21's corpus, found without importing music21.

    Raises
    ------
    BadInput
        music21 is not installed, or without its corpus.
    """
    package = importlib.util.find_spec("music21")
    folder = Path(package.origin or "").parent / "corpus" if package else None
    if folder is None or not folder.is_dir():
        raise BadInput("music21's corpus of scores is missing: 'pip install music21' brings it.")
    return folder


def read(path: str) -> np.ndarray:
    """Notes of one score.

    Parameters
    ----------
    path : str
        Path within the corpus, ending in ``.mxl``, ``.xml`` or ``.abc``.

    Returns
    -------
    ndarray, shape (n, 4)
        Part, onset and duration in quarter notes, MIDI pitch; sorted by onset.

    Raises
    ------
    BadInput
        The file is missing, or holds no notes that these readers understand.
    """
    file = corpus() / path
    if not file.is_file():
        raise BadInput(f"score '{path}' is not in {corpus()}: install music21 10.")
    found = _abc(file) if file.suffix == ".abc" else _musicxml(file)
    notes = np.asarray(found, dtype=np.float64).reshape(-1, 4)
    if not len(notes):
        raise BadInput(f"score '{path}' holds no notes.")
    return notes[np.lexsort((notes[:, PITCH], notes[:, PART], notes[:, ONSET_Q]))]


class _Notes(list[list[float]]):
    """Notes in the making; a note that follows a tie on its pitch lengthens the tied one."""

    def __init__(self) -> None:
        self._tied: dict[tuple[int, int, float], list[float]] = {}

    def add(self, part: int, onset: Fraction, length: Fraction, pitch: int, ties: bool) -> None:
        end = float(onset + length)
        # some encoders mark only where a tie starts, so its end is where the pitch comes again
        note = self._tied.pop((part, pitch, float(onset)), None)
        if note is None:
            note = [part, float(onset), 0.0, pitch]
            self.append(note)
        note[DURATION_Q] = end - note[ONSET_Q]
        if ties:
            self._tied[part, pitch, end] = note


def _musicxml(file: Path) -> _Notes:
    notes = _Notes()
    for number, part in enumerate(_xml_root(file).iter("part")):
        divisions, transpose = 1, 0
        onset = now = bar = Fraction(0)
        for measure in part.iter("measure"):
            now = end = bar
            for item in measure:
                if item.tag == "attributes":
                    divisions = int(item.findtext("divisions") or divisions)
                    if item.find("transpose") is not None:
                        transpose = int(item.findtext("transpose/chromatic") or 0)
                        transpose += 12 * int(item.findtext("transpose/octave-change") or 0)
                length = Fraction(item.findtext("duration") or 0) / divisions
                if item.tag == "backup":
                    now -= length
                elif item.tag == "forward":
                    now += length
                elif item.tag == "note" and item.find("grace") is None:
                    if item.find("chord") is None:
                        onset, now = now, now + length
                    step = item.findtext("pitch/step")
                    if step:
                        octave = int(item.findtext("pitch/octave") or 4)
                        alter = round(float(item.findtext("pitch/alter") or 0))
                        pitch = 12 * (octave + 1) + _STEPS[step] + alter + transpose
                        ties = any(tie.get("type") == "start" for tie in item.iter("tie"))
                        notes.add(number, onset, length, pitch, ties)
                end = max(end, now)
            bar = end
    return notes


def _xml_root(file: Path) -> ElementTree.Element:
    if file.suffix != ".mxl":
        return ElementTree.parse(file).getroot()
    with zipfile.ZipFile(file) as archive:
        inside = [name for name in archive.namelist() if not name.startswith("META-INF")]
        score = next(name for name in inside if name.endswith((".xml", ".musicxml")))
        return ElementTree.fromstring(archive.read(score))


def _abc(file: Path) -> _Notes:
    """Read a tune of one voice: fields, then notes whose lengths are multiples of ``L:``."""
    unit, key = Fraction(1, 2), dict.fromkeys("ABCDEFG", 0)
    held: dict[str, int] = {}
    events: list[tuple[Fraction, list[int], bool]] = []
    factor, left, broken = Fraction(1), 0, Fraction(1)
    for line in file.read_text(encoding="latin-1").splitlines():
        if re.match(r"[A-Za-z]:", line):
            if line[0] == "X" and events:
                break  # a second tune
            unit, key = _abc_field(line[0], line[2:], unit, key)
            continue
        for token in _ABC_TOKEN.finditer(line.split("%")[0]):
            if token["field"]:
                unit, key = _abc_field(token["field"], token["value"], unit, key)
            elif token["bar"]:
                held = {}
            elif token["tuplet"]:
                left = int(token["tuplet"])
                factor = _ABC_TUPLETS.get(left, Fraction(2, left))
            elif token["tie"] and events:
                events[-1] = (*events[-1][:2], True)
            elif token["broken"] and events:
                first = Fraction(1, 2 ** len(token["broken"]))
                first = 2 - first if token["broken"][0] == ">" else first
                broken = 2 - first
                events[-1] = (events[-1][0] * first, *events[-1][1:])
            elif token["chord"]:
                length = unit * broken * (factor if left > 0 else 1) * _abc_length(token)
                names = _ABC_PITCH.finditer(token["chord"])
                pitches = [_abc_pitch(name, key, held) for name in names]
                events.append((length, pitches, False))
                left, broken = left - 1, Fraction(1)
    notes, now = _Notes(), Fraction(0)
    for length, pitches, ties in events:
        for pitch in pitches:
            notes.add(0, now, length, pitch, ties)
        now += length
    return notes


def _abc_field(
    name: str, value: str, unit: Fraction, key: dict[str, int]
) -> tuple[Fraction, dict[str, int]]:
    if name == "L":
        unit = 4 * Fraction(value.split("%")[0].strip())
    found = _ABC_KEY.match(value) if name == "K" else None
    if found:
        fifths = "FCGDAEB".index(found[1]) - 1 + 7 * ((found[2] == "#") - (found[2] == "b"))
        fifths += _ABC_MODES.get(found[3].lower(), 0)
        sharp = "FCGDAEB"[: max(fifths, 0)]
        flat = "BEADGCF"[: max(-fifths, 0)]
        key = {letter: (letter in sharp) - (letter in flat) for letter in "ABCDEFG"}
    return unit, key


def _abc_length(token: re.Match[str]) -> Fraction:
    """Multiple of the unit length; a chord's is written inside, outside, or both."""
    length = Fraction(1)
    inside = _ABC_LENGTH.search(token["chord"])
    for times, over in ((token["times"], token["over"]), inside.groups() if inside else ("", "")):
        length *= Fraction(int(times or 1), int(over.lstrip("/") or 2 ** len(over)))
    return length


def _abc_pitch(found: re.Match[str], key: dict[str, int], held: dict[str, int]) -> int:
    """MIDI pitch; an accidental holds for its pitch until the bar line."""
    accidental, letter, octaves = found.groups()
    if accidental:
        held[letter + octaves] = accidental.count("^") - accidental.count("_")
    alter = held.get(letter + octaves, key[letter.upper()])
    octave = letter.islower() + octaves.count("'") - octaves.count(",")
    return 60 + 12 * octave + _STEPS[letter.upper()] + alter
