"""What every data set file provides, and how bad files are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.sound.audio import AudioError

MAX_BAD_SHARE = 0.05


@dataclass(frozen=True)
class DatasetInfo:
    """Licence and citation as data, from which CREDITS.md is checked."""

    name: str
    title: str
    url: str
    licence: str
    citation: str
    shares_audio: bool
    """Whether a rendered notebook may carry this sound: players, and spectrograms fine enough to be
    played back. Else there are no players, and :func:`offkey.reports.mel_table` keeps means over a
    quarter of the bands and half a second."""


@dataclass(frozen=True)
class Skipped:
    """A source file that could not be used."""

    path: str
    reason: str
    detail: str

    @classmethod
    def of(cls, error: AudioError) -> Skipped:
        return cls(str(error.path), error.reason, error.detail)


def keep_good(
    results: Iterable[dict[str, Any] | Skipped],
    name: str,
    folder: Path,
    max_bad_share: float = MAX_BAD_SHARE,
) -> pd.DataFrame:
    """Turn per-file results into manifest rows; report what was skipped.

    Parameters
    ----------
    results : iterable of dict or Skipped
        Of every file.
    name : str
        Of the data set.
    folder : Path
        Where the list of what was skipped goes.
    max_bad_share : float
        Share of the files that may be bad; one file may always, except with 0.

    Returns
    -------
    DataFrame
        With the skipped files in ``attrs["skipped"]`` (a list of dicts).

    Raises
    ------
    BadInput
        Too many files are bad, or none is good; the list is written all the same.
    """
    rows: list[dict[str, Any]] = []
    bad: list[Skipped] = []
    for result in results:
        if isinstance(result, Skipped):
            bad.append(result)
        else:
            rows.append(result)
    skipped = [vars(item) for item in bad]
    total = len(rows) + len(bad)
    if not rows or len(bad) > (max(1, max_bad_share * total) if max_bad_share else 0):
        write_skipped(skipped, folder)
        reasons = Counter(item["reason"] for item in skipped)
        summary = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        first = f" First: {skipped[0]['path']} {skipped[0]['detail']}" if skipped else ""
        raise BadInput(
            f"data set '{name}': {len(bad)} of {total} files cannot be used "
            f"({summary or 'no sound files found'}); more than {max_bad_share:.0%} is too many to "
            f"go on: mend or remove those in {folder / 'skipped.csv'}, or allow more with "
            f"max_bad_share.{first}"
        )
    table = pd.DataFrame(rows)
    table.attrs["skipped"] = skipped
    return table


def write_skipped(skipped: Sequence[dict[str, Any]], folder: Path) -> None:
    """Keep the list of files that could not be used, also as a CSV that a person can open."""
    table = pd.DataFrame(skipped, columns=["path", "reason", "detail"])
    store.write_table(table, folder / "skipped.parquet", csv=True)
