"""The original study on a small tree of the same folders: its settings reach the detector."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import RATE, tune

from offkey.core import seeding, store
from offkey.features import LogMel
from offkey.runner import studies
from offkey.sound import audio

ROOT = Path(__file__).parents[1]
IDS = [f"-0{number:02d}j8-vB_{number % 10}" for number in range(12)]
EDITS = ["original_pitch", "original_tempo", "original_pitch_tempo"]


@pytest.fixture(scope="module")
def download(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve captions of 10 s by one generator, with noise, and by people."""
    root = tmp_path_factory.mktemp("fakemusiccaps")
    for ytid in IDS:
        sound = tune(ytid, 10.0)
        noise = seeding.rng(0, ytid, "noise").standard_normal(len(sound)).astype(np.float32)
        audio.write(root / "MusicCaps" / f"{ytid}.wav", sound, RATE)
        audio.write(root / "audioldm2" / f"{ytid}.wav", sound + 0.01 * noise, RATE)
    return root


def _run(study: Path | str, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "offkey", "run", str(study), *words, "--jobs", "1"]
    command += ["--data", str(place / "data"), "--out", str(place / "out")]
    environment = {k: v for k, v in os.environ.items() if k != "OFFKEY_JOBS"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=300
    )


def test_it_follows_the_published_protocol() -> None:
    study = studies.load("original")
    runs = studies.parameters(study, ROOT / "notebooks")  # refuses what a notebook has not
    published = {
        **{"weights": "imagenet", "channels": 3, "train": "head", "epochs": 20, "batch_size": 32},
        **{"learning_rate": 1e-3, "rate": "constant", "weight_decay": 0.0},
        **{"label_smoothing": 0.0, "patience": 0},
    }
    for name in ("05_clean", "05_pitch", "05_tempo", "05_pitch_tempo", "06_iterative_training"):
        assert runs[name]["detector_settings"] == published
        assert runs[name]["features"] == {"sample_rate_hz": 22050, "window_s": 7.9}
    for name in ("05_clean", "05_pitch", "05_tempo", "05_pitch_tempo"):
        assert runs[name]["engine"] == "librosa"
    learnt = [runs[f"05_{name}"]["train_variants"] for name in ("pitch", "tempo", "pitch_tempo")]
    assert learnt == [[edit] for edit in EDITS] and runs["05_clean"]["train_variants"] == ["clean"]
    for name in ("05_pitch", "05_tempo", "05_pitch_tempo"):
        assert runs[name]["test_variants"] == ["clean", *EDITS]
    stages = runs["06_iterative_training"]
    assert stages["stages"] == [f"{edit}@librosa" for edit in EDITS]
    assert stages["stage_settings"] == {"head": "reset", "epochs": 20, "learning_rate": 1e-3}


def test_without_the_data_it_says_where_to_get_them(tmp_path: Path) -> None:
    done = _run("original", tmp_path, "--only", "01_create_dataset")
    assert done.returncode == 2
    assert "started" not in done.stdout
    (line,) = done.stderr.splitlines()
    assert "download it from https://zenodo.org/records/13732524" in line
    assert line.endswith("give source=FOLDER.")
    assert "Traceback" not in done.stdout + done.stderr


def test_it_runs_on_folders_like_those_of_the_download(download: Path, tmp_path: Path) -> None:
    plan = yaml.safe_load((ROOT / "studies" / "original.yaml").read_text())
    wanted = [run for run in plan["runs"] if run.get("name") == "05_pitch"]
    first = plan["runs"][0]
    plan["runs"] = [first, {**wanted[0], "after": [first["notebook"]]}]
    copy = store.write_text(tmp_path / "original.yaml", yaml.safe_dump(plan))
    settings = {**plan["parameters"]["detector_settings"], "weights": "none", "epochs": 1}
    options = {"source": str(download), "generators": ["audioldm2"]}
    words = [f"--set=detector_settings={settings}", f"--set=dataset_options={options}"]
    done = _run(copy, tmp_path, *words)
    assert done.returncode == 0, done.stdout + done.stderr

    (card,) = (tmp_path / "data" / "models").glob("*/model.json")
    about = store.read_json(card)
    assert {name: about["settings"][name] for name in settings} == settings
    assert about["trained_on"] == ["original_pitch@librosa"]
    table = tmp_path / "out" / "tables" / "predictions_resnet_original_pitch@librosa.parquet"
    predictions = store.read_table(table)
    assert set(predictions["variant"]) == {"clean", *(f"{edit}@librosa" for edit in EDITS)}
    assert set(predictions["engine"]) == {"", "librosa"}
    heard = LogMel(**plan["parameters"]["features"])
    assert set(predictions["feature_fingerprint"]) == {store.fingerprint(heard.identity())}
    assert (tmp_path / "out" / "figures" / "history_resnet_original_pitch@librosa.png").is_file()
