"""Progress bars as text, from the first moment: a saved notebook shows them as they were left."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm


def bar(items: Iterable[Any] | None = None, *, disable: bool = False, **settings: Any) -> Any:
    """Make a progress bar that is drawn at once; none where nobody watches.

    Parameters
    ----------
    items : iterable, optional
        What is counted; without it, call ``update()``.
    disable : bool
        Draw nothing.
    **settings
        As :class:`tqdm.tqdm` takes them, e.g. ``total``, ``desc``, ``unit``.
    """
    if type(sys.stdout).__module__.startswith("ipykernel"):
        # Jupyter paints what comes on standard error red, as if something had gone wrong
        return tqdm(items, file=sys.stdout, disable=disable, mininterval=0.5, ncols=88, **settings)
    return tqdm(items, file=sys.stderr, disable=disable or None, mininterval=0.5, **settings)
