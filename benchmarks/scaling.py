"""Notebook 01 with more and more processes: data set, checks and clean log-mels, from nothing.

    python benchmarks/scaling.py [--tracks 48] [--jobs 1 2 4 8] [--rounds 3] [--out FOLDER]

Each measurement is a run of the embedded study's first notebook in an empty folder, as a user would
start it. A number of processes above the machine's cores is measured, too: it must cost nothing.
The settings take turns within a round, so that a busy minute meets all of them.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from offkey.core import cluster, store

RUN = "01_create_dataset"


def measured(jobs: int, tracks: int) -> dict[str, float]:
    """Seconds of the notebook, of the whole command, and of all its processes' work."""
    options = f"dataset_options={{tracks: {tracks}}}"
    with tempfile.TemporaryDirectory() as folder:
        places = ["--data", f"{folder}/data", "--out", f"{folder}/out"]
        command = [sys.executable, "-m", "offkey", "run", "demo", "--only", RUN, *places]
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [*command, "--jobs", str(jobs), "--set", options],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wall, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        states = Path(folder, "data", "runs", "demo")
        notebook = store.read_json(states / f"{RUN}.json")["seconds"]
    work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"notebook_s": notebook, "command_s": wall, "work_s": work}


def main() -> None:
    """Measure and print; write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tracks", type=int, default=48)
    parser.add_argument("--jobs", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    options = parser.parse_args()
    cores = cluster.jobs()
    rows = []
    for number in range(options.rounds):
        for jobs in options.jobs:
            load = os.getloadavg()[0]
            row = measured(jobs, options.tracks)
            rows.append({"round": number + 1, "jobs": jobs, "load_before": load, **row})
            print({name: round(value, 1) for name, value in rows[-1].items()}, flush=True)
    table = pd.DataFrame(rows).assign(
        tracks=options.tracks, cores=cores, python=platform.python_version()
    )
    store.write_table(table, options.out / "scaling", csv=True)
    print(table.groupby("jobs")[["notebook_s", "command_s", "work_s"]].median().round(1))


if __name__ == "__main__":
    main()
