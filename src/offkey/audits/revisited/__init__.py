"""The original study's notebooks, their faults shown by experiment, their numbers beside ours.

The notebooks are those of arXiv 2505.09633 (github.com/nicksunday/deepfake-music-detector, commit
c756d66), as published: they may differ from what their author ran. Every experiment yields a table
of predictions with two regimes, ``published`` (with the fault) and ``mended``, on the same clips,
so that the size of a fault is a paired difference with an interval over tracks.

:mod:`stage` a stage that trains nothing · :mod:`unshifted` spectrograms of the wrong folder ·
:mod:`splits` split by picture · :mod:`pictures` axes in the picture · :mod:`fault_sizes` how much
each costs · :mod:`published` the numbers in print. :mod:`histograms` sets another paper's table
beside ours.
"""

from offkey.audits.revisited.fault_sizes import effects
from offkey.audits.revisited.histograms import SYSTEMS, histogram_table, histogram_text
from offkey.audits.revisited.pictures import read_tempo
from offkey.audits.revisited.published import beside, measured, table
from offkey.audits.revisited.splits import leak, untaught
from offkey.audits.revisited.stage import new_heads
from offkey.audits.revisited.unshifted import wrong_folder

__all__ = [
    "SYSTEMS",
    "beside",
    "effects",
    "histogram_table",
    "histogram_text",
    "leak",
    "measured",
    "new_heads",
    "read_tempo",
    "table",
    "untaught",
    "wrong_folder",
]
