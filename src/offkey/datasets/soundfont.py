"""The SoundFont the demo is played with: TimGM6mb of pretty_midi, mended.

Seen from where its loop ends, a sample must go on for eight points as it goes on from where the
loop begins (SoundFont Technical Specification 2.04, section 7.10): a synthesizer interpolates
there. Some samples of TimGM6mb end with their loop. symusic then reads memory that is not the
sample's, and no two renderings of a long note are the same.
"""

from __future__ import annotations

import atexit
import importlib.util
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np

from offkey.core.errors import BadInput

AFTER_LOOP = 8  # points
# one record of the sub-chunk 'shdr'; places are counted in points from the start of 'smpl'
SAMPLE = np.dtype(
    [
        ("name", "S20"),
        *((place, "<u4") for place in ("start", "end", "loop_start", "loop_end", "rate_hz")),
        ("tuning", "V2"),
        ("link", "V4"),
    ]
)


@cache
def path() -> Path:
    """Where the mended SoundFont lies until this process ends.

    Raises
    ------
    BadInput
        TimGM6mb is not installed.
    """
    package = importlib.util.find_spec("pretty_midi")
    original = Path((package and package.origin) or "").parent / "TimGM6mb.sf2"
    if not original.is_file():
        raise BadInput("SoundFont TimGM6mb.sf2 is missing: 'pip install pretty_midi' brings it.")
    folder = tempfile.TemporaryDirectory(prefix="offkey-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    copy = Path(folder.name) / original.name
    copy.write_bytes(mended(original.read_bytes()))
    return copy


def mended(content: bytes) -> bytes:
    """Lengthen every sample that ends less than eight points after its loop.

    Parameters
    ----------
    content : bytes
        Of a SoundFont 2 file with 16-bit samples, with 46 unused points after each.

    Returns
    -------
    bytes
        As long as `content`.
    """
    mended = bytearray(content)
    parts = {name: slice(begin, end) for name, begin, end in _chunks(content, 0, len(content))}
    points = np.frombuffer(mended, "<i2")[parts[b"smpl"].start // 2 : parts[b"smpl"].stop // 2]
    samples = np.frombuffer(memoryview(mended)[parts[b"shdr"]], SAMPLE)[:-1]  # the last: no sample
    for sample in samples:
        begin, end, loop_end = (int(sample[k]) for k in ("loop_start", "end", "loop_end"))
        there = end - loop_end
        if there < AFTER_LOOP:
            points[end : loop_end + AFTER_LOOP] = points[begin + there : begin + AFTER_LOOP]
            sample["end"] = loop_end + AFTER_LOOP
    return bytes(mended)


def _chunks(content: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, begin and end of every chunk of a RIFF file that is not a list of chunks."""
    while begin < end:
        name, size = content[begin : begin + 4], content[begin + 4 : begin + 8]
        stop = begin + 8 + int.from_bytes(size, "little")
        if name in (b"RIFF", b"LIST"):
            yield from _chunks(content, begin + 12, stop)
        else:
            yield name, begin + 8, stop
        begin = stop + stop % 2
