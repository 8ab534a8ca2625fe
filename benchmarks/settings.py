"""Choose the embedded study's training settings without its test tracks.

    python benchmarks/settings.py [--data data] [--folds 4] [--seed 0] [--out results/benchmarks]

Cross-validation over the tracks of the train and val splits: every candidate is trained on all
folds but one and scored on that one, clean and randomly edited. A fold chooses its own epoch and
threshold, for every candidate alike, so the levels flatter; the order is what counts. Written: one
row per candidate and fold, with the time it took; rows that are there already are kept, so a
stopped run goes on. As many are trained at once as there are cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import StratifiedGroupKFold

from offkey import datasets, detectors, metrics, perturbations
from offkey.core import cluster, store
from offkey.core.workspace import Workspace
from offkey.features import variants

FIELDS = ["crop_share", "batch_size", "epochs", "learning_rate"]
CANDIDATES = [
    (0.4, 16, 15, 1e-3),
    (0.4, 8, 14, 1e-3),
    # 64 frames, halved five times without a rest, take hardly longer than 50
    (0.512, 16, 12, 1e-3),
]
TESTED = ["clean", "original_pitch_tempo"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    arguments = parser.parse_args()
    work = Workspace.open(arguments.data)
    clips = datasets.ready("demo", work.datasets, seed=0, tracks=300)
    known = clips[clips["split"] != "test"].reset_index(drop=True)
    built = variants.build(known, perturbations.find(TESTED), work.variants, seed=0)
    held_out = folds(known, arguments.folds)
    place = arguments.out / "settings.csv"
    rows = store.read_table(place).to_dict("records") if place.is_file() else []
    done = {tuple(row[name] for name in [*FIELDS, "fold", "seed"]) for row in rows}
    wanted = [(*each, k, arguments.seed) for each in CANDIDATES for k in range(arguments.folds)]
    todo = [each for each in wanted if each not in done]
    at_once = cluster.jobs()
    for begin in range(0, len(todo), at_once):
        batch = todo[begin : begin + at_once]
        work_on = partial(trial, built=built, held_out=held_out)
        rows += cluster.run(work_on, batch, label="settings")
        store.write_table(pd.DataFrame(rows), place, csv=True)
        print(pd.DataFrame(rows[-len(batch) :]).to_string(index=False), flush=True)


def folds(clips: pd.DataFrame, n_folds: int) -> pd.Series:
    """Number of the fold that holds out each clip: whole tracks, every decoder in every fold."""
    fold = pd.Series(-1, index=clips["clip_id"])
    dealer = StratifiedGroupKFold(n_folds, shuffle=True, random_state=0)
    for number, (_, rows) in enumerate(dealer.split(clips, clips["generator"], clips["track_id"])):
        fold.iloc[rows] = number
    return fold


def trial(candidate: tuple, built: dict[str, variants.Variant], held_out: pd.Series) -> dict:
    """Train one candidate on one thread; validation loss, AUC and balanced accuracy."""
    torch.set_num_threads(1)
    *values, fold, seed = candidate
    settings = dict(zip(FIELDS, values, strict=True))
    dealt = {}
    for name, variant in built.items():
        is_val = variant.clips["clip_id"].map(held_out) == fold
        split = np.where(is_val, "val", "train")
        dealt[name] = variant.among(variant.clips.assign(split=split))
    detector = detectors.create("resnet", **settings)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        history = detector.fit(
            [dealt["clean"].select("train")],
            [dealt["clean"].select("val")],
            seed=seed,
            checkpoint=Path(folder) / "checkpoint.safetensors",
        )
    row = {**settings, "fold": fold, "seed": seed, "seconds": round(time.perf_counter() - began)}
    row |= {"epochs_run": len(history), "val_loss": float(history["val_loss"].min())}
    for name, variant in dealt.items():
        val = variant.select("val")
        targets, scores = val.clips["target"].to_numpy(), detector.predict_proba(val)
        row |= {"n_clips": len(val), f"auc_{name}": metrics.auc(targets, scores)}
        row[f"balanced_accuracy_{name}"] = metrics.balanced_accuracy(
            targets, scores, detector.threshold
        )
    return row


if __name__ == "__main__":
    main()
