"""Where a detector looks, and whether the map that says so can be believed.

:mod:`attribution` Grad-CAM of every window · :mod:`maps` its mean per variant and class ·
:mod:`checking` the deletion check: mask what the map points at, and as much elsewhere.
"""

from offkey.audits.explain.attribution import LAYER, choose, grad_cam
from offkey.audits.explain.checking import SHARES, deletion, deletion_summary
from offkey.audits.explain.maps import HOT, average_maps

__all__ = [
    "HOT",
    "LAYER",
    "SHARES",
    "average_maps",
    "choose",
    "deletion",
    "deletion_summary",
    "grad_cam",
]
