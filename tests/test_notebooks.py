"""Every notebook of the embedded study, executed by papermill on a small demo data set."""

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import run_study

from offkey import perturbations
from offkey.core import store
from offkey.runner import notebook_parameters, studies

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def study(checkout: Path) -> Path:
    return checkout


def test_by_hand_a_notebook_has_the_parameters_of_the_embedded_study() -> None:
    study = studies.load("demo")
    effective = studies.parameters(study, ROOT / "notebooks")
    seen = set()
    for run in study.runs:
        if run.notebook in seen:
            continue
        seen.add(run.notebook)
        declared = notebook_parameters.inspect(ROOT / "notebooks" / f"{run.notebook}.ipynb")
        defaults = {name: given.default for name, given in declared.items()}
        wanted = effective[run.name]
        if run.notebook == "05_train_and_evaluate":
            # the study tests more edits than the severity figure needs, and does it once
            few, many = defaults.pop("test_variants"), wanted.pop("test_variants")
            tested = perturbations.find(many)
            assert all(condition in tested for condition in perturbations.find(few))
        assert {name: defaults[name] for name in wanted} == wanted, run.name


def test_every_notebook_ran_and_has_its_page(study: Path) -> None:
    for run in studies.load("demo").runs:
        page = study / "runs" / "demo" / "notebooks" / f"{run.name}.html"
        text = page.read_text(encoding="utf-8")
        loading = re.findall(
            r"<(?:script|img|link|source|audio|iframe)[^>]*(?:src|href)=\"([^\"]+)", text
        )
        for address in loading:
            assert address.startswith("data:") or (page.parent / address).is_file(), address
        assert str(study) not in text
        notebook = nbformat.read(page.with_suffix(".ipynb"), as_version=4)
        assert any(cell.get("outputs") for cell in notebook.cells)
        assert "PosixPath" not in text  # what a cell happens to return is not for readers
    assert (
        "<audio"
        in (study / "runs" / "demo" / "notebooks" / "02_create_dataset_pitch.html").read_text()
    )
    assert (study / "runs" / "demo" / "index.html").is_file()


def test_tables_cover_every_variant_and_stage(study: Path) -> None:
    tables = study / "runs" / "demo" / "tables"
    scores = store.read_table(tables / "scores.parquet")
    resnet = scores[(scores["detector"] == "resnet") & (scores["subset"] == "all")]
    clean = resnet[resnet["regime"] == "clean"]
    assert clean["variant"].nunique() == 1 + 10 + 6 + 6 + 3 + 2 + 1 + 1
    assert set(resnet["regime"]) == {"clean", "retrained", "iterative"}
    iterative = resnet[resnet["regime"] == "iterative"]
    assert iterative.groupby("stage")["variant"].nunique().eq(4).all()
    assert iterative["stage"].nunique() == 4
    assert set(scores["detector"]) == {"resnet", "shortcut", "codec_floor"}
    headline = pd.read_csv(tables / "headline.csv")
    assert headline["value"].between(0, 1).all()


def test_all_detectors_are_compared_and_have_a_card(study: Path) -> None:
    tables, cards = study / "runs" / "demo" / "tables", study / "runs" / "demo" / "cards"
    scores = store.read_table(tables / "scores_compared.parquet")
    kinds = {"resnet", "cnn", "forest", "histogram", "dual", "metadata", "peaks"}
    assert set(scores["detector"]) == {*kinds, "ensemble"}
    assert scores.groupby("detector")["variant"].nunique().eq(3).all()
    cost = pd.read_csv(tables / "costs.csv").set_index("detector")
    assert set(cost.index) == kinds and (cost["ms_per_clip"] > 0).all()
    index = (study / "runs" / "demo" / "index.html").read_text(encoding="utf-8")
    for kind in kinds:
        text = (cards / f"{kind}.html").read_text(encoding="utf-8")
        assert f"Model card: {kind}" in text and "balanced accuracy" in text
        assert f'href="cards/{kind}.html"' in index
    assert set(pd.read_csv(tables / "separation.csv")["what"]) == {"human", "AI", "auc"}
    printed = pd.read_csv(tables / "histograms_published.csv").set_index("system")
    assert printed.loc["frozen ResNet18", "value"].isna().all()
    assert printed.loc["derivatives forest", "value"].between(0, 1).all()


def test_one_sound_is_tried_with_every_detector_that_listens(study: Path) -> None:
    tried = pd.read_csv(study / "runs" / "demo" / "tables" / "try_it.csv")
    of_the_study = tried[tried["detector"] != "comb (shipped)"]
    kinds = {"resnet", "cnn", "forest", "histogram", "dual", "peaks"}
    assert set(of_the_study["detector"]) == kinds
    assert tried.groupby("detector")["edit"].nunique().eq(2).all()
    assert ((tried["score"] >= tried["ai_from"]) == (tried["verdict"] == "AI")).all()
    page = study / "runs" / "demo" / "notebooks" / "19_try_it.ipynb"
    assert "widget-view" not in page.read_text(encoding="utf-8")


def test_nothing_changed_nothing_done(study: Path) -> None:
    again = run_study(study)
    assert again.returncode == 0
    kept = [line for line in again.stdout.splitlines() if "unchanged, kept" in line]
    assert len(kept) == len(studies.load("demo").runs)


def test_a_trained_detector_answers_where_it_is_named(study: Path) -> None:
    clip = next((study / "data" / "datasets").glob("demo-*/audio/*.flac"))
    model = next((study / "data" / "models").glob("demo-resnet_clean-*")).name
    words = ["detect", str(clip), "--data", str(study / "data"), "--model", model]
    command = [sys.executable, "-m", "offkey", *words]
    done = subprocess.run(command, text=True, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert f"{model}, trained on clean music of demo" in done.stdout
    assert clip.name in done.stdout and "threshold" in done.stdout
