"""How long the runs of a study took: one small file beside its pages, the only one that changes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from offkey.core import store

FILE = "durations.csv"


def read(out: Path) -> dict[str, float]:
    """Seconds per run, as they took where these results were made; empty where nobody knows."""
    if not (out / FILE).is_file():
        return {}
    table = store.read_table(out / FILE)
    return dict(zip(table["run"], table["seconds"].astype(float), strict=True))


def write(out: Path, runs: list[dict]) -> None:
    """Write ``run, seconds, peak_rss_mb`` of the runs that were measured on this machine.

    What is known of others stays.
    """
    measured = {run["name"]: run for run in runs if run.get("seconds") is not None}
    before = store.read_table(out / FILE).to_dict("records") if (out / FILE).is_file() else []
    names = [run["name"] for run in runs]
    kept = {row["run"]: row for row in before if row["run"] in names}
    new = {
        name: {"run": name, "seconds": run["seconds"], "peak_rss_mb": run.get("peak_rss_mb")}
        for name, run in measured.items()
    }
    rows = [(kept | new)[name] for name in names if name in kept | new]
    if rows:
        with store.writing(out / FILE) as partial:
            pd.DataFrame(rows).to_csv(partial, index=False, lineterminator="\n")
