"""What a notebook does with one clip or one edit by hand: show it, move it, ask every detector.

:mod:`edited_dataset` is what 02, 03 and 04 share. The other files are 19: :mod:`at_hand` finds the
trained detectors, :mod:`trying` takes a sound and edits of it to scores, :mod:`sliders` are the
controls before that, and :mod:`drawing` is what they show at every move.
"""

from offkey.workbench.at_hand import models_at_hand, overview
from offkey.workbench.sliders import panel, somebody_is_there
from offkey.workbench.trying import chosen, named, scores, show_curve

__all__ = [
    "chosen",
    "models_at_hand",
    "named",
    "overview",
    "panel",
    "scores",
    "show_curve",
    "somebody_is_there",
]
