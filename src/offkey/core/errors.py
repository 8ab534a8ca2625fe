"""Errors a user can act on: one sentence with the cause and the way out, and an exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OffkeyError(Exception):
    """Something went wrong that the user can mend; the message says how."""

    exit_code = 1


class BadInput(OffkeyError):
    """A file, a name or a value given by the user cannot be used."""

    exit_code = 2


class Busy(OffkeyError):
    """Another process holds the folder."""

    exit_code = 3


class DiskFull(OffkeyError):
    """No space is left where a result has to go."""

    exit_code = 4


def unknown(kind: str, name: str, known: Iterable[str]) -> BadInput:
    """Build the error for a name that does not exist, with the nearest valid one.

    Parameters
    ----------
    kind : str
        What was looked up, e.g. ``"perturbation"``.
    name : str
        What the user wrote.
    known : iterable of str
        Every valid name.
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"did you mean '{near[0]}'?" if near else "none is close."
    return BadInput(f"unknown {kind} '{name}': {hint} Valid: {', '.join(names) or 'none'}.")
