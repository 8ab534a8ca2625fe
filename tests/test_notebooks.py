"""Every notebook of the embedded study, executed by papermill on a small demo data set."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml

from offkey.core import store
from offkey.runner import studies

ROOT = Path(__file__).parents[1]
SMALL = [
    "--set=dataset_options={tracks: 12}",
    "--set=detector_settings={epochs: 1}",
    "--set=stage_settings={epochs: 1}",
    "--set=resamples=100",
    "--set=families=[]",
    "--set=09_compare_detectors.systems={resnet: {epochs: 1}, cnn: {epochs: 1, width: 4}, "
    "forest: {trees: 20}, histogram: {trees: 20}, metadata: {}, "
    "dual: {epochs: 1, width: 4, second_clips: 10}}",
    "--set=09_compare_detectors.test_variants=[clean, original_pitch, codec_mp3_64]",
    "--set=18_second_look.settings={epochs: 1, width: 4, second_clips: 10}",
    "--set=clips_per_class=4",
    "--set=network_settings={epochs: 1, crop_share: 0.4}",
    "--set=05_clean.test_variants=[clean, original_pitch, original_tempo, original_pitch_tempo, "
    "pitch, tempo, pitch_tempo, round_trip, codec_mp3_64, pitch+2@signalsmith]",
]


def _run(place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    plan = yaml.safe_load((ROOT / "studies" / "demo.yaml").read_text(encoding="utf-8"))
    for run in plan["runs"]:
        run.pop("cores", None)  # on so few clips, two runs at a time are faster than one on two
    study = store.write_text(place / "demo.yaml", yaml.safe_dump(plan))
    command = [sys.executable, "-m", "offkey", "run", str(study), *SMALL]
    command += ["--data", str(place / "data"), "--out", str(place / "out"), "--jobs", "2", *words]
    environment = {k: v for k, v in os.environ.items() if k != "OFFKEY_JOBS"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, text=True, capture_output=True, timeout=900
    )


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("study")
    done = _run(place)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("index.html")
    return place


def test_every_notebook_ran_and_has_its_page(study: Path) -> None:
    for run in studies.load("demo").runs:
        page = study / "out" / "notebooks" / f"{run.name}.html"
        text = page.read_text(encoding="utf-8")
        loading = re.findall(
            r"<(?:script|img|link|source|audio|iframe)[^>]*(?:src|href)=\"([^\"]+)", text
        )
        assert all(address.startswith("data:") for address in loading)
        assert str(study) not in text
        notebook = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
        assert any(cell.get("outputs") for cell in notebook.cells)
        assert "PosixPath" not in text  # what a cell happens to return is not for readers
    assert "<audio" in (study / "out" / "notebooks" / "02_create_dataset_pitch.html").read_text()
    assert (study / "out" / "index.html").is_file()


def test_tables_cover_every_variant_and_stage(study: Path) -> None:
    tables = study / "out" / "tables"
    scores = store.read_table(tables / "scores.parquet")
    resnet = scores[(scores["detector"] == "resnet") & (scores["subset"] == "all")]
    clean = resnet[resnet["regime"] == "clean"]
    assert clean["variant"].nunique() == 1 + 10 + 6 + 6 + 3 + 2 + 1 + 1
    assert set(resnet["regime"]) == {"clean", "retrained", "iterative"}
    iterative = resnet[resnet["regime"] == "iterative"]
    assert iterative.groupby("stage")["variant"].nunique().eq(4).all()
    assert iterative["stage"].nunique() == 4
    assert set(scores["detector"]) == {"resnet", "shortcut"}
    headline = pd.read_csv(tables / "headline.csv")
    assert headline["value"].between(0, 1).all()


def test_all_detectors_are_compared_and_have_a_card(study: Path) -> None:
    tables, cards = study / "out" / "tables", study / "out" / "cards"
    scores = store.read_table(tables / "scores_compared.parquet")
    kinds = {"resnet", "cnn", "forest", "histogram", "dual", "metadata"}
    assert set(scores["detector"]) == {*kinds, "ensemble"}
    assert scores.groupby("detector")["variant"].nunique().eq(3).all()
    cost = pd.read_csv(tables / "costs.csv").set_index("detector")
    assert set(cost.index) == kinds and (cost["ms_per_clip"] > 0).all()
    index = (study / "out" / "index.html").read_text(encoding="utf-8")
    for kind in kinds:
        text = (cards / f"{kind}.html").read_text(encoding="utf-8")
        assert f"Model card: {kind}" in text and "balanced accuracy" in text
        assert f'href="cards/{kind}.html"' in index
    assert set(pd.read_csv(tables / "separation.csv")["what"]) == {"human", "AI", "auc"}
    printed = pd.read_csv(tables / "histograms_published.csv").set_index("system")
    assert printed.loc["frozen ResNet18", "value"].isna().all()
    assert printed.loc["derivatives forest", "value"].between(0, 1).all()


def test_nothing_changed_nothing_done(study: Path) -> None:
    again = _run(study)
    assert again.returncode == 0
    kept = [line for line in again.stdout.splitlines() if "unchanged, kept" in line]
    assert len(kept) == len(studies.load("demo").runs)


def test_a_trained_detector_answers(study: Path) -> None:
    clip = next((study / "data" / "datasets" / "demo" / "audio").glob("*.flac"))
    command = [
        sys.executable,
        "-m",
        "offkey",
        "detect",
        str(clip),
        "--data",
        str(study / "data"),
    ]
    done = subprocess.run(command, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "trained on clean" in done.stdout
    assert clip.name in done.stdout


def test_readme_numbers_come_from_the_tables() -> None:
    from offkey.reports import readme

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    studies = re.findall("<!-- numbers:(.+?) -->", text)
    assert studies == ["demo-full", "public-clips"]
    assert readme.filled(text, ROOT / "results") == text
