"""Detectors that are not ours: described in a few lines, asked from outside, never trained.

A description is a mapping that says in one way (``KINDS``) how the detector is reached, and what
else must be known. Behind all ways is one contract: sound files in, one answer a file out
(:class:`~offkey.detectors.external.description.External`). Edited clips are written as files of
16 bit at the source's own rate, in batches; what was answered is kept, so that nothing is asked
twice (:mod:`~offkey.detectors.external.asking`).
"""

from offkey.detectors.external.description import KINDS, External, check_name, described
from offkey.detectors.external.judging import Judged, calls, judge
from offkey.evaluation.predictions import CLEAN_THRESHOLD, OWN_THRESHOLD

__all__ = [
    "CLEAN_THRESHOLD",
    "KINDS",
    "OWN_THRESHOLD",
    "External",
    "Judged",
    "calls",
    "check_name",
    "described",
    "judge",
]
