"""The detector `peaks` on real music over several draws of the folds: how far does a draw move it?

    OFFKEY_CLIPS=FOLDER python benchmarks/peaks_folds.py [--draws 10] [--data FOLDER] [--out FOLDER]

Whole families and sources are held out, five folds a draw; every draw deals the same 556 clips.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from offkey import datasets, detectors, evaluation, perturbations, protocols
from offkey.core import store
from offkey.features import variants

TESTED = ("clean", "codec_mp3_64")


def main() -> None:
    """Cross-fit per draw and write the table of AUCs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    options = parser.parse_args()
    conditions = perturbations.find(TESTED)
    tables = []
    for draw in range(options.draws):
        asked = {"seed": draw, "matched": True, "folds": 5}
        clips = datasets.ready("public_clips", options.data / "datasets", **asked)
        how = {"folder": options.data / "variants", "features": detectors.features("peaks")}
        heard = variants.build(clips, conditions, **how)
        models = protocols.train_seeds(
            ("peaks", {}), [heard["clean"]], options.data / "models",
            seeds=[0], name=f"public_clips-peaks-draw{draw}",
        )  # fmt: skip
        about = {"regime": "clean", "train_variant": "clean"}
        found = protocols.predict_seeds(models, list(heard.values()), **about)
        scores = evaluation.score(found, subsets=["all"])
        tables.append(scores[scores["metric"] == "auc"].assign(draw=draw))
    table = pd.concat(tables, ignore_index=True)
    columns = ["draw", "variant", "value", "low", "high", "n_clips", "n_tracks"]
    store.write_table(table[columns], options.out / "peaks_folds", csv=True)
    print(table.groupby("variant")["value"].describe()[["mean", "min", "max"]].round(4).to_string())


if __name__ == "__main__":
    main()
