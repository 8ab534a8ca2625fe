"""How alike are different tracks, and how alike is a clip to its own copy? For the leak check.

    python benchmarks/leaks.py DATASET_FOLDER [--clips 100] [--out results/benchmarks]

DATASET_FOLDER holds a data set: see ``offkey data list``. Compares all pairs of clips of different
tracks, and some clips with edited copies of themselves, by the similarity that
``offkey.audits.leaks`` compares with its threshold.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.fft

from offkey import datasets, perturbations
from offkey.audits import leaks
from offkey.core import cluster, seeding, store
from offkey.perturbations import Source
from offkey.sound import audio

EDITS = ["clean", "gain-12", "codec_mp3_64", "codec_mp3_32", "noise20"]
BLOCK = 32


def prints_of(sounds: list[np.ndarray], folder: Path) -> list[np.ndarray]:
    """Fingerprints of sounds, by way of files, as the check makes them."""
    paths = []
    for number, samples in enumerate(sounds):
        paths.append(str(audio.write(folder / f"{number}.flac", samples)))
    return leaks._fingerprints(paths)


def copies(clips: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Similarity of every clip to its edited copies."""
    rows = []
    for clip in clips.to_dict("records"):
        samples = audio.load(clip["path"])
        source = Source(samples)
        edited = {}
        for condition in perturbations.find(EDITS):
            drawn = perturbations.draw(condition, 0, clip["clip_id"])
            edited[condition.label] = perturbations.apply(condition, source, drawn)[0]
        edited["without its first 0.712 s"] = samples[round(0.712 * audio.SAMPLE_RATE_HZ) :]
        edited["its middle 60 %"] = samples[len(samples) // 5 : -(len(samples) // 5)]
        prints = prints_of([samples, *edited.values()], folder)
        n = scipy.fft.next_fast_len(2 * max(map(len, prints)), real=True)
        one = leaks._Spectra.of(prints[:1], n)
        similarity, _ = leaks._compare(one, leaks._Spectra.of(prints[1:], n))
        rows += [
            {"what": name, "similarity": float(s)}
            for name, s in zip(edited, similarity[0], strict=True)
        ]
    return pd.DataFrame(rows)


def strangers(clips: pd.DataFrame) -> np.ndarray:
    """Similarity of every pair of clips of different tracks."""
    paths, track = clips["path"].tolist(), clips["track_id"].to_numpy()
    batches = [paths[i : i + 16] for i in range(0, len(paths), 16)]
    prints = [p for part in cluster.run(leaks._fingerprints, batches, label="clips") for p in part]
    n = scipy.fft.next_fast_len(2 * max(map(len, prints)), real=True)
    blocks = [np.arange(i, min(i + BLOCK, len(prints))) for i in range(0, len(prints), BLOCK)]
    spectra = [leaks._Spectra.of([prints[i] for i in rows], n) for rows in blocks]
    found = []
    for a, b in [*combinations(range(len(blocks)), 2), *((i, i) for i in range(len(blocks)))]:
        similarity, _ = leaks._compare(spectra[a], spectra[b])
        apart = track[blocks[a]][:, None] != track[blocks[b]][None]
        apart &= blocks[a][:, None] < blocks[b][None]
        found.append(similarity[apart])
    return np.concatenate(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    given = parser.parse_args()
    clips = datasets.load(given.dataset)
    name = str(clips["dataset"].iloc[0])
    order = seeding.rng(0, "leaks benchmark").permutation(len(clips))[: given.clips]
    with tempfile.TemporaryDirectory() as folder:
        alike = copies(clips.iloc[order], Path(folder))
    rows = [
        {
            "dataset": name,
            "pairs": f"a clip and itself: {what}",
            "n": len(part),
            "lowest": part["similarity"].min(),
            "median": part["similarity"].median(),
            "highest": part["similarity"].max(),
            "found": int((part["similarity"] >= leaks.THRESHOLD).sum()),
        }
        for what, part in alike.groupby("what", sort=False)
    ]
    others = strangers(clips)
    rows.append(
        {
            "dataset": name,
            "pairs": "clips of different tracks",
            "n": len(others),
            "lowest": others.min(),
            "median": float(np.median(others)),
            "highest": others.max(),
            "found": int((others >= leaks.THRESHOLD).sum()),
        }
    )
    table = pd.DataFrame(rows)
    print(table.to_string(index=False))
    store.write_table(table, given.out / f"leaks_{name}", csv=True)


if __name__ == "__main__":
    main()
