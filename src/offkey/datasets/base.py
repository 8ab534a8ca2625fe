"""What every data set file provides, and how bad files are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd

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
    """Whether a rendered notebook may carry a player of this sound."""


@dataclass(frozen=True)
class Skipped:
    """A source file that could not be used."""

    path: str
    reason: str
    detail: str

    @classmethod
    def of(cls, error: AudioError) -> Skipped:
        return cls(str(error.path), error.reason, error.detail)


def keep_good(results: Iterable[dict[str, Any] | Skipped], name: str) -> pd.DataFrame:
    """Turn per-file results into manifest rows; report what was skipped.

    The returned table carries the skipped files in ``attrs["skipped"]`` (a list of dicts).

    Raises
    ------
    BadInput
        More than 5 % of the files are bad, or none is good.
    """
    rows: list[dict[str, Any]] = []
    bad: list[Skipped] = []
    for result in results:
        if isinstance(result, Skipped):
            bad.append(result)
        else:
            rows.append(result)
    skipped = [vars(item) for item in bad]
    reasons = Counter(item["reason"] for item in skipped)
    summary = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    if len(bad) > MAX_BAD_SHARE * (len(rows) + len(bad)) or not rows:
        first = f" First: {skipped[0]['path']} {skipped[0]['detail']}" if skipped else ""
        raise BadInput(
            f"data set '{name}': {len(bad)} of {len(rows) + len(bad)} files cannot be used "
            f"({summary or 'no sound files found'}); more than {MAX_BAD_SHARE:.0%} is too many to "
            f"go on.{first}"
        )
    table = pd.DataFrame(rows)
    table.attrs["skipped"] = skipped
    return table
