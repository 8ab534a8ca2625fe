"""Lists that people make by hand or export from a spreadsheet: CSV files with a header line."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from offkey.core.errors import BadInput

_LONGEST = 200  # characters of a list in an error


def read(
    path: Path,
    names: Mapping[str, Sequence[str]],
    needed: Sequence[str],
    *,
    purpose: str,
    several: Sequence[str] = (),
) -> tuple[pd.DataFrame, list[str]]:
    """Read the columns in use, as text.

    Separated by comma, semicolon or tab; UTF-8 with or without a mark; capitals in the header do
    not matter; rows without any text are passed over.

    Parameters
    ----------
    path : Path
        The file.
    names : mapping of str to sequence of str
        Each column and the words that may stand for it in the header, in small letters.
    needed : sequence of str
        Columns that must be there.
    purpose : str
        What the rows are wanted for, e.g. ``"score"``.
    several : sequence of str
        Columns for which several words may stand side by side, say file and id; the word that
        `names` has first is taken.

    Returns
    -------
    cells : DataFrame
        The known columns that are there, by their first names; the index is the line in the file.
    others : list of str
        Columns that are not known.

    Raises
    ------
    BadInput
        The file is missing, empty or no CSV, a column is missing or there twice, or a row has more
        cells than the header.
    """
    wanted = " and ".join(needed)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}): give a CSV file with columns {wanted}."
        ) from error
    except ValueError as error:
        raise BadInput(f"{path} is not a CSV file in UTF-8 ({error}): save it as one.") from error
    separator = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise BadInput(
            f"{path} is not a CSV file (line {reader.line_num}: {error}): save it as one."
        ) from error
    lines = [(line, row) for line, row in lines if any(row)]
    if not lines:
        raise BadInput(f"{path} is empty: columns {wanted} are needed.")
    header, *rows = [row for _, row in lines]
    places = _places(header, path, names, needed, several)
    if not rows:
        raise BadInput(f"{path} has a header and no rows: there is nothing to {purpose}.")
    for line, row in lines:
        if any(row[len(header) :]):
            raise BadInput(
                f"{path}: line {line} has {len(row)} cells, the header {len(header)}: "
                "write decimal points, and quote cells that hold the separator."
            )
    padded = [row + [""] * len(header) for row in rows]
    cells = {name: [row[place] for row in padded] for name, place in places.items()}
    others = [word for place, word in enumerate(header) if place not in places.values()]
    return pd.DataFrame(cells, index=[line for line, _ in lines[1:]], dtype=str), others


def _places(
    header: list[str],
    path: Path,
    names: Mapping[str, Sequence[str]],
    needed: Sequence[str],
    several: Sequence[str],
) -> dict[str, int]:
    """Where each known column stands."""
    found = {}
    for name, synonyms in names.items():
        places = [place for place, word in enumerate(header) if word.lower() in synonyms]
        if name in several:
            places = sorted(places, key=lambda place: synonyms.index(header[place].lower()))[:1]
        if len(places) > 1:
            both = " and ".join(f"'{header[place]}'" for place in places)
            raise BadInput(f"{path}: columns {both} both mean {name}: keep one.")
        if places:
            found[name] = places[0]
        elif name in needed:
            there = ", ".join(map(repr, header))[:_LONGEST]
            also = f" (or {', '.join(synonyms[1:])})" if synonyms[1:] else ""
            raise BadInput(f"{path}: no column '{name}'{also} among {there}: rename or add it.")
    return found
