"""Values from a command line, a study file or a notebook, of the type that is asked for."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from offkey.core.errors import BadInput


def typed(what: str, value: Any, kind: Any) -> Any:
    """The value as its receiver takes it: 10 is 10.0 where a float is meant, a list may be a tuple.

    Parameters
    ----------
    what : str
        Names the value in the error, e.g. ``"setting 'epochs' of detector 'resnet'"``.
    value : JSON-serialisable
        As the user gave it.
    kind : type annotation
        What it must be.

    Raises
    ------
    BadInput
        It is of another type.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(value, default=str), strict=True)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise BadInput(f"{what}: {problem[0].lower()}{problem[1:]}, not {value!r}.") from error
