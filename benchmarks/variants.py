"""Variants and log-mels: this package against one librosa call per variant, side by side.

    python benchmarks/variants.py [--clips 8] [--rounds 3] [--out results/benchmarks]

Both sides decode the same FLAC clips, 16 kHz mono and 44.1 kHz stereo as music comes, edit them at
their own rate into the same seven variants, bring these to 16 kHz and take their log-mels, on one
core, in turn within one run, after a warm-up and with the memory settings that a study's processes
have; the ratio is taken round by round.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from pathlib import Path

import librosa
import numpy as np
import pandas as pd
import soundfile as sf

from offkey import perturbations
from offkey.core import cluster, seeding, store
from offkey.features import LogMel
from offkey.perturbations import Source
from offkey.sound import audio

NAMES = ["clean", "pitch-2", "pitch+2", "tempo0.9", "tempo1.1"]
VARIANTS = perturbations.find([*NAMES, "pitch_tempo-2x1.1", "pitch_tempo+2x0.9"])
SOURCES = {"16 kHz mono": (16_000, 1), "44.1 kHz stereo": (44_100, 2)}


def as_in_a_study() -> None:
    """Start again on one core, with the memory settings of a study: both are read at the start."""
    one_core = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1", "OFFKEY_JOBS": "1"}
    wanted = {**one_core, **cluster.MEMORY}
    if not wanted.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **wanted})


def make_clips(folder: Path, count: int, rate: int, channels: int) -> list[Path]:
    """Ten-second FLAC clips of decaying harmonic notes."""
    paths = []
    for number in range(count):
        rng = seeding.rng(0, "benchmark", str(number))
        t = np.arange(4000) / 16_000
        notes = []
        for _ in range(40):
            f0 = 440 * 2 ** (rng.integers(-20, 10) / 12)
            tone = sum(np.sin(2 * np.pi * k * f0 * t) / k for k in range(1, 9))
            notes.append(tone * np.exp(-6 * t))
        sound = np.concatenate(notes) + 0.01 * rng.standard_normal(160_000)
        raised = audio.resample(0.1 * sound.astype(np.float32), 16_000, rate)
        paths.append(folder / f"{number}.flac")
        sf.write(paths[-1], np.repeat(raised[:, None], channels, axis=1), rate)
    return paths


def ours(path: Path) -> list[np.ndarray]:
    """Decode once, analyse once, edit and take the log-mel of every variant."""
    features = LogMel()
    source = Source(*audio.read(path))
    mels = []
    for condition in VARIANTS:
        drawn = perturbations.draw(condition, 0, path.stem)
        edited, _ = perturbations.apply(condition, source, drawn, features.sample_rate_hz)
        mels.append(features(features.centre(edited, 2)))
    return mels


def naive(path: Path) -> list[np.ndarray]:
    """One librosa.load, one librosa effect and one librosa log-mel per variant."""
    features = LogMel()
    mels = []
    for condition in VARIANTS:
        samples, rate = librosa.load(path, sr=None)
        drawn = perturbations.draw(condition, 0, path.stem)
        if "semitones" in drawn:
            samples = librosa.effects.pitch_shift(samples, sr=rate, n_steps=drawn["semitones"])
        if "rate" in drawn:
            samples = librosa.effects.time_stretch(samples, rate=drawn["rate"])
        heard_hz = features.sample_rate_hz
        heard = librosa.resample(samples, orig_sr=rate, target_sr=heard_hz)
        power = librosa.feature.melspectrogram(y=features.centre(heard, 2), sr=heard_hz)
        mels.append(librosa.power_to_db(power, ref=np.max).T)
    return mels


def measured(paths: list[Path]) -> dict[str, float]:
    """Both sides in turn on the same clips."""
    row = {}
    for work in (naive, ours):
        start = time.perf_counter()
        for path in paths:
            work(path)
        row[f"{work.__name__}_ms_per_clip"] = 1000 * (time.perf_counter() - start) / len(paths)
    return {**row, "ratio": row["naive_ms_per_clip"] / row["ours_ms_per_clip"]}


def main() -> None:
    """Measure and print; write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    options = parser.parse_args()
    rows = []
    for name, source in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            paths = make_clips(Path(folder), options.clips, *source)
            for work in (naive, ours):
                work(paths[0])
            for number in range(options.rounds):
                rows.append({"source": name, "round": number + 1, **measured(paths)})
    table = pd.DataFrame(rows).assign(
        n_clips=options.clips, variants=len(VARIANTS), python=platform.python_version(),
        librosa=librosa.__version__,
        peak_rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    )  # fmt: skip
    store.write_table(table, options.out / "variants.parquet", csv=True)
    print(table.round(2).to_string(index=False))
    for name, part in table.groupby("source"):
        print(f"{name}: median ratio {part['ratio'].median():.1f}")


if __name__ == "__main__":
    as_in_a_study()
    main()
