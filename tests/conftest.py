"""Small sound and data sets that the tests share."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OFFKEY_JOBS", "1")

import numpy as np
import pandas as pd
import pytest

from offkey.core import manifest, seeding, store
from offkey.sound import audio

SHARED = Path(__file__).parents[2] / "shared"
RATE = audio.SAMPLE_RATE_HZ


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
