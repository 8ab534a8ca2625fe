"""A very small detector: how close to noise is the spectrum of a recording between 3 and 7 kHz?

Usage: ``python flatness.py LIST SCORES``: a file with one path a line in, CSV of path and
probability out. It knows nothing of offkey. Its two numbers were set by eye on the clips of the
embedded study: an example of how a detector is asked, not of how one is made.
"""

import csv
import sys

import numpy as np
import soundfile

MIDDLE, STEEPNESS = -2.6, 3.0


def probability(path: str) -> float:
    """P(AI) of a sound file, from the flatness of its spectrum between 3 and 7 kHz."""
    samples, rate = soundfile.read(path, always_2d=True)
    mono = samples.mean(axis=1)
    size = 1 << (rate // 25).bit_length()
    frames = mono[: len(mono) // size * size].reshape(-1, size) * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 + 1e-12
    band = power[:, slice(*(np.array([3000, 7000]) * size // rate))]
    flatness = np.log(band).mean(axis=1) - np.log(band.mean(axis=1))
    return 1 / (1 + np.exp(-STEEPNESS * (np.median(flatness) - MIDDLE)))


def main() -> None:
    """Judge every file of a list."""
    listing, scores = sys.argv[1:]
    with open(listing) as lines, open(scores, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["path", "probability"])
        for path in lines.read().splitlines():
            writer.writerow([path, f"{probability(path):.6f}"])
            out.flush()


if __name__ == "__main__":
    main()
