"""Sliders before one sound: every move edits it once and asks every detector at hand.

Everything happens in the call that a moved slider makes: no thread, no timer, and nothing is kept
but the sound that is chosen.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import numpy as np
import pandas as pd
from IPython import get_ipython

from offkey.core.errors import OffkeyError
from offkey.detectors import Detector
from offkey.perturbations import codec, noise
from offkey.sound import audio, listening
from offkey.workbench import drawing, trying
from offkey.workbench.trying import Sound


def somebody_is_there() -> bool:
    """Whether whoever runs this cell can answer; papermill and nbconvert cannot.

    A kernel is told with every cell, as ``allow_stdin`` of Jupyter's protocol.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    asked = kernel.get_parent("shell") if kernel else {}
    return bool(asked.get("content", {}).get("allow_stdin"))


def panel(
    models: Mapping[str, Detector],
    clips: pd.DataFrame,
    figures: Path,
    *,
    semitones: Sequence[float],
    dataset: str,
    file: str = "",
    engine: str = "vocoder",
    seed: int = 0,
) -> widgets.VBox:
    """Controls, scores, a player and pictures, and a button that draws a curve.

    Parameters
    ----------
    models : mapping of str to Detector
        From :func:`offkey.workbench.models_at_hand`.
    clips : DataFrame
        What may be picked; manifest rows with absolute paths.
    figures : Path
        Where the curve goes.
    semitones : sequence of float
        The pitch shifts of the curve.
    dataset, engine, seed
        As a notebook's parameters of these names.
    file : str
        A sound file to begin with.
    """
    sources, moves = _sources(clips, file), _moves()
    said, board, player, pictures = (widgets.HTML() for _ in range(4))
    button = widgets.Button(description="Score against semitones", layout={"width": "auto"})
    below = widgets.Output()

    @lru_cache(maxsize=1)
    def unedited(clip: str, file: str) -> tuple[Sound, dict[int, np.ndarray], dict[str, float]]:
        """What is chosen, how it sounds and what it scores without any edit."""
        sound = trying.chosen(clips, dataset=dataset, clip=clip, file=file.strip())
        heard = trying.edited(sound, trying.moved(sound), models)
        return sound, heard, {r["detector"]: r["score"] for r in trying.judged(models, heard)}

    def move(_: Any) -> None:
        try:
            sound, clean, before = unedited(*(one.value for one in sources))
            now = {name: one.value for name, one in moves.items()}
            edit = trying.moved(sound, **now, engine=engine, seed=seed)
            heard = trying.edited(sound, edit, models)
            said.value = _bold(f"{sound.title}: {edit[0].label}")
            pictures.value = drawing.pictures(*(h[audio.SAMPLE_RATE_HZ] for h in (clean, heard)))
            player.value = _player(sound, heard[audio.SAMPLE_RATE_HZ])
            rows: list[dict[str, Any]] = []
            for row in trying.judged(models, heard):  # one by one: a second look takes seconds
                rows.append(row)
                board.value = drawing.board(rows, before, list(models)[len(rows) :])
        except OffkeyError as error:
            said.value, board.value = _bold(str(error)), ""

    def draw(_: Any) -> None:
        button.disabled = True
        below.clear_output()
        try:
            sound, _, _ = unedited(*(one.value for one in sources))
            with below:
                trying.show_curve(models, sound, semitones, figures, engine=engine, seed=seed)
        finally:
            button.disabled = False

    for control in (*sources, *moves.values()):
        control.observe(move, "value")
    button.on_click(draw)
    move(None)
    chosen = widgets.VBox([*sources, *moves.values()])
    answers = widgets.VBox([said, board, player])
    both = widgets.HBox([chosen, answers], layout={"flex_flow": "row wrap"})
    start = widgets.HBox([button])  # as wide as its words
    return widgets.VBox([both, pictures, start, below])


def _sources(clips: pd.DataFrame, file: str) -> list[Any]:
    names = clips["generator"] + " · " + clips["clip_id"]
    options = sorted(zip(names, clips["clip_id"], strict=True))
    about = {"placeholder": "path of a sound file, instead of a clip", "continuous_update": False}
    text = widgets.Text(file, description="or file", **about)
    return [widgets.Dropdown(options=options, description="clip"), text]


def _moves() -> dict[str, Any]:
    """One control per edit, named as the arguments of :func:`trying.moved`."""
    codecs = [("none", ""), *((codec.label(level), level) for level in codec.LEVELS)]
    noises = [("none", 0.0), *((noise.label(level), level) for level in noise.LEVELS)]
    late = {"continuous_update": False}  # one edit a move, not one per step on the way
    return {
        "semitones": widgets.FloatSlider(
            0, min=-4, max=4, step=0.25, description="semitones", **late
        ),
        "tempo": widgets.FloatSlider(1, min=0.8, max=1.25, step=0.05, description="tempo", **late),
        "speed": widgets.FloatSlider(1, min=0.9, max=1.1, step=0.01, description="speed", **late),
        "codec": widgets.SelectionSlider(options=codecs, description="codec", **late),
        "snr_db": widgets.SelectionSlider(options=noises, description="noise", **late),
    }


def _bold(text: str) -> str:
    return f"<b>{html.escape(text)}</b>"


def _player(sound: Sound, samples: np.ndarray) -> str:
    if sound.shared:
        return audio.player(samples[: round(listening.PLAYED_S * audio.SAMPLE_RATE_HZ)])
    return "No player: the sound of this data set may not be passed on."
