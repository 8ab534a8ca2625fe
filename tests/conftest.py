"""Small sound and data sets that the tests share."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OFFKEY_JOBS", "1")

import numpy as np
import pandas as pd
import pytest
import yaml

from offkey.core import manifest, seeding, store
from offkey.sound import audio

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
RATE = audio.SAMPLE_RATE_HZ


STUDY_FILES = ("test_notebooks", "test_by_hand")
"""Files whose tests need the small study, which takes longest."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file stays with one worker, and all that need the small study with one: it is made once."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "study" if Path(file).stem in STUDY_FILES else file

    config.option.loadscopereorder = False  # as collected: the study first
    return Scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Several workers start with the small study."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: item.path.stem not in STUDY_FILES)


def tune(name: str, duration_s: float = 6.0) -> np.ndarray:
    """A few seconds of decaying harmonic notes, different for every name."""
    rng = seeding.rng(0, name, "tune")
    t = np.arange(round(0.5 * RATE)) / RATE
    notes = []
    for midi in rng.integers(52, 76, round(duration_s / 0.5)):
        f0 = 440 * 2 ** ((midi - 69) / 12)
        partials = [np.sin(2 * np.pi * k * f0 * t) / k**1.5 for k in range(1, 9) if k * f0 < 7000]
        notes.append(np.sum(partials, axis=0) * np.exp(-4 * t))
    sound = np.concatenate(notes) + 0.003 * rng.standard_normal(len(notes) * len(t))
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The developers' folder of real music; tests that need it skip without it."""
    if not SHARED.is_dir():
        pytest.skip("needs the developers' folder of real clips (../shared), absent here")
    return SHARED


@pytest.fixture(scope="session")
def tiny_clips(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Ten tracks of 6 s: the human tune, and as its AI twin the same tune with noisy highs."""
    folder = tmp_path_factory.mktemp("tiny")
    rows = []
    for number in range(10):
        name = f"tune{number}"
        human = tune(name)
        noise = np.diff(seeding.rng(0, name, "noise").standard_normal(len(human) + 1))
        twin = audio.match_level(human + 0.01 * noise.astype(np.float32), human)
        split = "train" if number < 6 else "val" if number < 8 else "test"
        for target, sound in ((0, human), (1, twin)):
            clip_id = name + ("__noisy" if target else "")
            path = audio.write(folder / f"{clip_id}.flac", sound)
            rows.append(
                {
                    "clip_id": clip_id,
                    "track_id": name,
                    "path": str(path),
                    "target": target,
                    "generator": "noisy" if target else "tune",
                    "family": "noisy" if target else "human",
                    "dataset": "tiny",
                    "split": split,
                    "offset_s": 0.0,
                    "duration_s": len(sound) / RATE,
                    "sample_rate_hz": RATE,
                    "source_container": "synthetic",
                    "source_codec": "synthetic",
                    "source_encoder": "",
                    "source_bitrate_kbps": float("nan"),
                    "source_sample_rate_hz": RATE,
                    "sha256": store.file_sha256(path),
                    "licence": "none needed",
                }
            )
    return manifest.validate(pd.DataFrame(rows))


RESNET = {"weights": "none", "epochs": 1}
SMALL = {
    "dataset_options": {"tracks": 12},
    "detector_settings": RESNET,
    "stage_settings": {"epochs": 1},
    "resamples": 100,
    "families": [],
    "systems": {
        "resnet": RESNET,
        "cnn": {"epochs": 1, "width": 4},
        "forest": {"trees": 20},
        "histogram": {"trees": 20},
        "metadata": {},
        "peaks": {},
        "dual": {"epochs": 1, "width": 4, "second_clips": 10},
    },
    "settings": {"epochs": 1, "width": 4, "second_clips": 10},
    "clips_per_class": 4,
    "moved": ["pitch+2", "speed0.95"],
    "steps": ["pitch"],
    "network_settings": {"epochs": 1, "crop_share": 0.4},
}
"""What makes the notebooks, and with them the embedded study, small."""


def set_defaults(notebook: Path, values: dict[str, Any]) -> None:
    """Give parameters of a notebook other values in its ``parameters`` cell."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    (cell,) = [c for c in content["cells"] if "parameters" in c["metadata"].get("tags", [])]
    text = "".join(cell["source"])
    lines = text.splitlines()
    for node in reversed(ast.parse(text).body):
        name, kind = node.target.id, ast.unparse(node.annotation)
        if name in values:
            lines[node.lineno - 1 : node.end_lineno] = [f"{name}: {kind} = {values[name]!r}"]
    cell["source"] = "\n".join(lines)
    notebook.write_text(json.dumps(content, indent=1), encoding="utf-8")


def run_study(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The embedded study of a checkout, run from its folder."""
    environment = {k: v for k, v in os.environ.items() if k not in ("OFFKEY_JOBS", "OFFKEY_DATA")}
    command = [sys.executable, "-m", "offkey", "run", "demo", "--jobs", "2", *words]
    return subprocess.run(
        command, cwd=checkout, env=environment, text=True, capture_output=True, timeout=900
    )


def small_copy(place: Path) -> Path:
    """A checkout with notebooks and study alone, small; nothing has run in it."""
    shutil.copytree(ROOT / "notebooks", place / "notebooks")
    (place / "studies").mkdir()
    for notebook in (place / "notebooks").glob("*.ipynb"):
        set_defaults(notebook, SMALL)
    compared = {"test_variants": ["clean", "original_pitch", "codec_mp3_64"]}
    set_defaults(place / "notebooks" / "09_compare_detectors.ipynb", compared)
    tried = {"test_variants": ["clean", "pitch+2"], "semitones": [-1.0, 0.0, 1.0]}
    set_defaults(place / "notebooks" / "19_try_it.ipynb", tried)
    lines = {"systems": {"peaks": {}}, "moved": ["pitch-0.5", "noise30"], "steps": ["fine_pitch"]}
    set_defaults(place / "notebooks" / "20_why_half_a_semitone.ipynb", lines)
    plan = yaml.safe_load((ROOT / "studies" / "demo.yaml").read_text(encoding="utf-8"))
    for run in plan["runs"]:
        run.pop("cores", None)  # on so few clips, two runs at a time are faster than one on two
        if run.get("name") == "05_clean":
            run["parameters"]["test_variants"] = [
                *("clean", "original_pitch", "original_tempo", "original_pitch_tempo"),
                *("pitch", "tempo", "pitch_tempo", "round_trip", "codec_mp3_64"),
                "pitch+2@signalsmith",
            ]
    store.write_text(place / "studies" / "demo.yaml", yaml.safe_dump(plan))
    return place


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout in which the small study is complete: ``data/`` and ``runs/demo/``."""
    place = small_copy(tmp_path_factory.mktemp("checkout"))
    done = run_study(place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("index.html")
    return place
