"""Whether a sound file says how long it is, by its own bytes.

libsndfile believes a header, or guesses from the size; where a file says nothing, or holds several
files in one, it reads a part and is silent about the rest. Such files are decoded by FFmpeg to the
end.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from pathlib import Path
from typing import BinaryIO

_STREAMED = 0x7FFF0000  # programs that write to a pipe put such a size, or more, into a WAV header
_SLACK = 4096  # bytes of small tags behind the last MP3 frame
_TAGS = (b"APETAGEX", b"LYRICSBEGIN", b"TAG")
# the first page of an Ogg stream, the first block of a FLAC stream
_BEGINNINGS = {b"OggS": re.compile(rb"OggS\0[\2\6]"), b"fLaC": re.compile(rb"fLaC[\0\x80]\0\0\x22")}


def is_one_whole(path: Path) -> bool:
    """Whether libsndfile can know the end of this file.

    False for an MP3 without a count of its frames (written to a pipe, or by an old encoder), with
    sound behind the frames that are counted, or with junk before the first one; for Ogg and FLAC
    streams joined end to end; and for a WAV whose size was never filled in.
    """
    with open(path, "rb") as stream:
        head = stream.read(4)
        if head in _BEGINNINGS:
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return len(_BEGINNINGS[head].findall(data)) == 1
        if head == b"RIFF":
            size, _ = _wav_data(stream)
            return size != 0
        if head[:3] == b"ID3" or head[:1] == b"\xff":
            return _mp3_counts_its_frames(stream)
    return True


def wav_share_there(path: Path) -> float:
    """Share of the sound that the header of a WAV promises and the file holds; 1 for others.

    libsndfile corrects the length of a WAV that was cut short without saying so.
    """
    with open(path, "rb") as stream:
        if stream.read(4) != b"RIFF":
            return 1.0
        size, there = _wav_data(stream)
    return there / size if 0 < there < size < _STREAMED else 1.0


def another_wav_follows(path: Path) -> bool:
    """Whether a WAV has a second one behind it; libsndfile and FFmpeg both read the first alone."""
    with open(path, "rb") as stream:
        if stream.read(4) != b"RIFF":
            return False
        stream.seek(12)
        while len(head := stream.read(8)) == 8 and any(head):  # zeros are padding
            chunk, size = struct.unpack("<4sI", head)
            if chunk == b"RIFF":
                return stream.read(4) == b"WAVE"
            stream.seek(size + size % 2, os.SEEK_CUR)
    return False


def ends_within_a_page(path: Path) -> bool:
    """Whether an Ogg file was cut short: its last page is not whole.

    libsndfile takes the last page that it finds for the end.
    """
    with open(path, "rb") as stream:
        if stream.read(4) != b"OggS":
            return False
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            last = data.rfind(b"OggS\0")
            header = data[last : last + 27 + 255]
            segments = header[26] if len(header) > 26 else 255
            return len(data) - last < 27 + segments + sum(header[27 : 27 + segments])


def _wav_data(stream: BinaryIO) -> tuple[int, int]:
    """Size of the data chunk by its header, and how many bytes follow; -1 where there is none."""
    stream.seek(12)
    while len(head := stream.read(8)) == 8:
        chunk, size = struct.unpack("<4sI", head)
        if chunk == b"data":
            return size, os.fstat(stream.fileno()).st_size - stream.tell()
        stream.seek(size + size % 2, os.SEEK_CUR)
    return -1, 0


def _mp3_counts_its_frames(stream: BinaryIO) -> bool:
    start = _behind_id3(stream)
    stream.seek(start)
    frame = stream.read(64)
    if frame[:1] != b"\xff":
        return False
    frames = size = 0
    for place in (13, 21, 36):  # behind the side information of mono and stereo, MPEG 1 and 2
        if frame[place : place + 4] in (b"Xing", b"Info"):
            flags, frames, size = struct.unpack_from(">III", frame, place + 4)
            if flags & 3 != 3:
                return False
    if frame[36:40] == b"VBRI":
        size, frames = struct.unpack_from(">II", frame, 46)
    stream.seek(start + size)
    tail = stream.read(_SLACK + 1)
    return bool(frames and size) and (len(tail) <= _SLACK or tail.startswith(_TAGS))


def _behind_id3(stream: BinaryIO) -> int:
    """Where the ID3v2 tags at the beginning end."""
    start = 0
    while True:
        stream.seek(start)
        head = stream.read(10)
        if len(head) < 10 or head[:3] != b"ID3":
            return start
        size = 0
        for byte in head[6:]:
            size = size << 7 | byte & 0x7F
        start += 10 + size + (10 if head[5] & 0x10 else 0)
