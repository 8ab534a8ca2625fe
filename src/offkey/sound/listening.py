"""Audio players for notebooks and their pages."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np
from IPython.display import HTML, display

from offkey.sound import audio

PLAYED_S = 6.0


def play(sounds: Mapping[str, np.ndarray], *, shared: bool) -> None:
    """Show a player for each sound, or say why there is none.

    Parameters
    ----------
    sounds : mapping of str to ndarray
        Caption and samples at 16 kHz; the first 6 s are played.
    shared : bool
        Whether the data set's licence lets a notebook carry its sound.
    """
    if not shared:
        display(HTML("<p>No players: the sound of this data set may not be passed on.</p>"))
        return
    size = round(PLAYED_S * audio.SAMPLE_RATE_HZ)
    players = [
        audio.player(samples[:size], caption=html.escape(caption))
        for caption, samples in sounds.items()
    ]
    display(HTML('<div class="sounds">' + "".join(players) + "</div>"))
