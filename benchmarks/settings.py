"""Choose the embedded study's training settings on its validation tracks; test tracks stay unseen.

    python benchmarks/settings.py [--data data] [--seeds 2] [--out results/benchmarks]

Every candidate is trained on the clean train split and scored on the clean and the randomly edited
validation clips. Written: one row per candidate and seed, with the time it took; rows that are
there already are kept, so a stopped run goes on. As many are trained at once as there are cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from offkey import cluster, datasets, detectors, metrics, perturbations, store, variants
from offkey.workspace import Workspace

FIELDS = ["crop_share", "batch_size", "epochs", "learning_rate", "patience"]
CANDIDATES = [
    (0.4, 16, 15, 1e-3, 5),
    # 64 frames, halved five times without a rest, take hardly longer than 50
    (0.512, 16, 12, 1e-3, 0),
    (0.512, 16, 12, 2e-3, 0),
    (0.512, 16, 15, 1e-3, 0),
]
TESTED = ["clean", "original_pitch_tempo"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    work = Workspace.open(arguments.data)
    clips = datasets.make("demo", work.dataset("demo"), seed=0, tracks=300)
    known = clips[clips["split"] != "test"]
    built = variants.build(known, perturbations.find(TESTED), work.variants, seed=0)
    place = arguments.out / "settings.csv"
    rows = store.read_table(place).to_dict("records") if place.is_file() else []
    done = {tuple(row[name] for name in [*FIELDS, "seed"]) for row in rows}
    wanted = [(*candidate, s) for candidate in CANDIDATES for s in range(arguments.seeds)]
    todo = [each for each in wanted if each not in done]
    at_once = cluster.jobs()
    for begin in range(0, len(todo), at_once):
        batch = todo[begin : begin + at_once]
        rows += cluster.run(partial(trial, built=built), batch, label="settings")
        store.write_table(pd.DataFrame(rows), place, csv=True)
        print(pd.DataFrame(rows[-len(batch) :]).to_string(index=False), flush=True)


def trial(candidate: tuple, built: dict[str, variants.Variant]) -> dict:
    """Train one candidate on one thread; validation loss, AUC and balanced accuracy."""
    torch.set_num_threads(1)
    *values, seed = candidate
    settings = dict(zip(FIELDS, values, strict=True))
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
