"""Choose the embedded study's training settings on its validation tracks; test tracks stay unseen.

    python benchmarks/settings.py [--data data] [--seeds 2] [--out results/benchmarks]

Every candidate is trained on the clean train split and scored on the clean and the randomly edited
validation clips. Written: one row per candidate and seed, with the time it took; rows that are
there already are kept, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd

from offkey import datasets, detectors, metrics, perturbations, store, variants
from offkey.workspace import Workspace

FIELDS = ["crop_share", "batch_size", "epochs", "learning_rate"]
CANDIDATES = [
    (0.4, 16, 15, 1e-3),  # what the committed demo studies take
    (0.5, 16, 18, 1e-3),
]
TESTED = ["clean", "original_pitch_tempo"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    work = Workspace.open(arguments.data)
    clips = datasets.make("demo", work.dataset("demo"), seed=0, tracks=300)
    known = clips[clips["split"] != "test"]
    built = variants.build(known, perturbations.find(TESTED), work.variants, seed=0)
    place = arguments.out / "settings.csv"
    rows = store.read_table(place).to_dict("records") if place.is_file() else []
    done = {tuple(row[name] for name in [*FIELDS, "seed"]) for row in rows}
    for candidate in CANDIDATES:
        for seed in range(arguments.seeds):
            if (*candidate, seed) not in done:
                rows.append(trial(dict(zip(FIELDS, candidate, strict=True)), seed, built))
                print(rows[-1], flush=True)
                store.write_table(pd.DataFrame(rows), place, csv=True)


def trial(settings: dict, seed: int, built: dict[str, variants.Variant]) -> dict:
    """Train one candidate; validation loss and AUC."""
    clean = built["clean"]
    detector = detectors.create("resnet", **settings)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        history = detector.fit(
            [clean.select("train")],
            [clean.select("val")],
            seed=seed,
            checkpoint=Path(folder) / "checkpoint.safetensors",
        )
    row = {**settings, "seed": seed, "seconds": round(time.perf_counter() - began)}
    row |= {"epochs_run": len(history), "val_loss": float(history["val_loss"].min())}
    for name, variant in built.items():
        val = variant.select("val")
        targets, scores = val.clips["target"].to_numpy(), detector.predict_proba(val)
        row[f"auc_{name}"] = metrics.auc(targets, scores)
        row[f"balanced_accuracy_{name}"] = metrics.balanced_accuracy(
            targets, scores, detector.threshold
        )
    return row


if __name__ == "__main__":
    main()
