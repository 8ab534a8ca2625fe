"""The shipped detector on clips it was not trained on: those outside the matched set.

    OFFKEY_CLIPS=FOLDER python benchmarks/shipped_elsewhere.py [--data FOLDER] [--out FOLDER]

These clips come from other kinds of files (WAV, Opus, Vorbis, MP3 below 44.1 kHz). Many are of
families that the detector was trained on, so a column says which; tracks of the training are left
out.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from offkey import datasets, evaluation, metrics, perturbations, protocols
from offkey.core import store
from offkey.detectors import trained, verdicts
from offkey.features import variants

CARD = trained.SHIPPED / "model.json"


def main() -> None:
    """Judge every clip and write the shares of the verdicts, and the AUC, by familiarity."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    options = parser.parse_args()
    detector = trained.load(trained.SHIPPED)
    known = datasets.ready("public_clips", options.data / "datasets", matched=True, folds=5)
    clips = datasets.ready("public_clips", options.data / "datasets")
    clips = clips[~clips["clip_id"].isin(known["clip_id"])]
    clips = clips[~clips["track_id"].isin(known["track_id"])].assign(split="test")
    how = {"folder": options.data / "variants", "features": detector.features}
    (heard,) = variants.build(clips, perturbations.find(["clean"]), **how).values()
    about = {"regime": "clean", "train_variant": "clean", "seed": 0}
    detector.folder = options.data / "shipped-elsewhere"  # where its predictions are kept
    table = protocols.predict(detector, [heard], **about)
    judged = evaluation.at_cut_offs(table, verdicts.read(store.read_json(CARD)).cut_offs)
    met = set(known.loc[known["target"] == 1, "family"])
    new = (judged["target"] == 0) | ~judged["family"].isin(met)
    parts = {"all": judged, "AI families not trained on": judged[new]}
    shares = pd.concat(
        [evaluation.verdict_shares(part).assign(part=name) for name, part in parts.items()]
    )
    columns = ["part", "true", "called", "value", "low", "high", "group_low", "group_high"]
    columns += ["n_clips", "n_tracks", "n_groups"]
    store.write_table(shares[columns], options.out / "shipped_elsewhere", csv=True)
    print(shares[columns].round(3).to_string(index=False))
    for name, part in parts.items():
        print(name, "AUC", round(metrics.auc(part["target"], part["score"]), 3))


if __name__ == "__main__":
    main()
