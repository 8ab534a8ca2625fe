"""How far a study is and how long it still takes: one line that stays at the foot of a terminal."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from tqdm import tqdm

_FORMAT = "{n_fmt}/{total_fmt} notebooks |{bar:30}| {elapsed}{postfix}"


class ProgressBar:
    """A bar on standard error; nothing at all where that is no terminal.

    Parameters
    ----------
    n_runs : int
        Notebooks to do.
    """

    def __init__(self, n_runs: int) -> None:
        self._bar = tqdm(total=n_runs, bar_format=_FORMAT, disable=None, leave=False)
        self._shown = 0.0

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()

    def say(self, say: Callable[[str], None], line: str) -> None:
        """Print a line above the bar."""
        with tqdm.external_write_mode():
            say(line)

    def show(self, done: int, left_s: float | None) -> None:
        """Draw `done` notebooks and the seconds left, at most once a second."""
        if self._bar.disable or time.monotonic() - self._shown < 1:
            return
        self._shown = time.monotonic()
        self._bar.n = done
        left = f"about {clock(left_s)} left" if left_s else "almost done" if left_s == 0 else ""
        self._bar.set_postfix_str(left)


def clock(seconds: float) -> str:
    """Seconds as people say them: ``3.2 s``, ``40 s``, ``4 min 6 s``, ``1 h 16 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
