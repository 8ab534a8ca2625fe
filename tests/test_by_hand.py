"""Notebooks opened by hand, without the runner: parameters, where things are, errors, the story."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pytest
from conftest import ROOT, set_defaults, small_copy
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from offkey.core import store
from offkey.core.errors import BadInput
from offkey.runner import given, made, notebook_parameters, opening
from offkey.runner.notebook_process import ThisInterpreter

STORY = [path.stem for path in sorted((ROOT / "notebooks").glob("0[0-8]*.ipynb"))]
STORY.append("19_try_it")
TRAINING = "05_train_and_evaluate"


def _ask(monkeypatch: Any, place: Path, notebook: str = TRAINING, **values: Any) -> Any:
    """Open a notebook of the checkout with some values, as its first cell does."""
    for name in ("OFFKEY_DATA", store.WRITTEN):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(place)
    declared = notebook_parameters.inspect(ROOT / "notebooks" / f"{notebook}.ipynb")
    namespace = {name: parameter.default for name, parameter in declared.items()} | values
    return opening.begin(notebook, namespace), namespace


@pytest.mark.parametrize(
    ("name", "passed", "meant"),
    [
        ("model_seeds", "[0]", [0]),
        ("model_seeds", 0, [0]),
        ("model_seeds", "[0, 3]", [0, 3]),
        ("train_variants", "tempo0.9", ["tempo0.9"]),
        ("train_variants", "[clean, pitch]", ["clean", "pitch"]),
        ("test_variants", ("clean", "pitch"), ["clean", "pitch"]),
        ("dataset_options", "{tracks: 60}", {"tracks": 60}),
        ("detector_settings", '{"epochs": 3}', {"epochs": 3}),
    ],
)
def test_what_papermill_makes_of_a_value_is_turned_back(
    monkeypatch: Any, name: str, passed: Any, meant: Any
) -> None:
    _, namespace = _ask(monkeypatch, ROOT, **{name: passed})
    assert namespace[name] == meant


@pytest.mark.parametrize(("passed", "meant"), [("true", True), ("False", False), (True, True)])
def test_truth_values_may_be_words(monkeypatch: Any, passed: Any, meant: bool) -> None:
    _, namespace = _ask(monkeypatch, ROOT, "01_create_dataset", check_leaks=passed)
    assert namespace["check_leaks"] is meant


@pytest.mark.parametrize(
    ("notebook", "name", "value", "reason"),
    [
        (TRAINING, "model_seeds", "zero", r"expected list\[int\], got an item str 'zero'"),
        (TRAINING, "model_seeds", [], "at least one seed"),
        (TRAINING, "seed", "abc", "expected int, got str 'abc'"),
        (TRAINING, "train_variants", ["pich"], "did you mean 'pitch'"),
        (TRAINING, "test_variants", ["clean", 2], "2 is no name"),
        (TRAINING, "test_variants", ["pitch@nobody"], "unknown engine"),
        (TRAINING, "engine", "vocodr", "did you mean 'vocoder'"),
        (TRAINING, "detector_name", "resnt", "did you mean 'resnet'"),
        (TRAINING, "detector_settings", {"epoch": 3}, "did you mean 'epochs'"),
        (TRAINING, "features", {"rate": 3}, "unknown feature setting"),
        (TRAINING, "dataset", "dmo", "did you mean 'demo'"),
        ("06_iterative_training", "stages", ["tempos"], "did you mean 'tempo'"),
        ("06_iterative_training", "stage_settings", {"heads": "reset"}, "did you mean 'head'"),
        ("02_create_dataset_pitch", "example", "pitch+99", "unknown variant"),
        ("09_compare_detectors", "systems", {"cnn": {"wide": 4}}, "did you mean 'width'"),
        ("07_compare_augmentations", "resamples", 1.5, "expected int, got float 1.5"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_before_any_work(
    monkeypatch: Any, notebook: str, name: str, value: Any, reason: str
) -> None:
    with pytest.raises(BadInput, match=reason) as error:
        _ask(monkeypatch, ROOT, notebook, **{name: value})
    assert str(error.value).startswith(f"{notebook}, parameter '{name}'")
    assert "\n" not in str(error.value)


def test_a_parameter_that_does_not_exist_is_refused() -> None:
    declared = notebook_parameters.inspect(ROOT / "notebooks" / f"{TRAINING}.ipynb")
    own = 'data_dir: str = ""\nout_dir: str = ""\n'
    with pytest.raises(BadInput, match=f"{TRAINING}: unknown parameter 'test_variant'.*_variants'"):
        given.values(TRAINING, declared, {"In": [own, "# Parameters\ntest_variant = 'pitch'\n"]})
    with pytest.raises(BadInput, match="unknown parameter 'epochs'"):
        given.values(TRAINING, declared, {"In": [own + "epochs: int = 3\n"]})
    # a slip that was mended in the cell is forgotten, and other cells may use any name
    cells = [own + "epochs = 3\n", own, "%matplotlib inline", "tables = []"]
    assert given.values(TRAINING, declared, {"In": cells})["seed"] == 0


def test_where_things_go(monkeypatch: Any, tmp_path: Path, capsys: Any) -> None:
    for folder in ("notebooks", "studies", "runs/demo/tables", "results/demo/tables"):
        (tmp_path / folder).mkdir(parents=True)
    work, _ = _ask(monkeypatch, tmp_path / "notebooks")
    assert (work.data, work.out) == (tmp_path / "data", tmp_path / "data" / "explored" / "demo")
    assert work.also == (tmp_path / "runs" / "demo", tmp_path / "results" / "demo")
    said = capsys.readouterr().out
    assert "data/explored/demo" in said and "read from runs/demo and results/demo" in said
    named, _ = _ask(monkeypatch, tmp_path, train_variants=["tempo0.9"])
    assert named.out == work.out
    # other settings: another folder, and nothing of the study is taken for them
    longer, _ = _ask(monkeypatch, tmp_path, detector_settings={"epochs": 3})
    assert longer.out.parent == work.out.parent and longer.out != work.out
    assert longer.also == ()
    assert "detector_settings" in capsys.readouterr().out
    # 07 has no data to make: it reads the study's predictions with any seed
    other, _ = _ask(monkeypatch, tmp_path, "07_compare_augmentations", seed=3)
    assert other.also == (work.out, *work.also)
    mine, _ = _ask(monkeypatch, tmp_path, out_dir=str(tmp_path / "mine"))
    assert (mine.out, mine.also) == (tmp_path / "mine", ())


def test_outside_the_project_nothing_is_built_without_a_word(
    monkeypatch: Any, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=r"outside the project.*-p data_dir"):
        _ask(monkeypatch, tmp_path)
    work, _ = _ask(monkeypatch, tmp_path, data_dir=str(tmp_path / "there"))
    assert work.data == tmp_path / "there"


def test_a_missing_table_says_which_notebook_makes_it_and_how_long(monkeypatch: Any) -> None:
    work, _ = _ask(monkeypatch, ROOT)
    nowhere = type(work)(work.data, ROOT / "nowhere")
    with pytest.raises(BadInput, match=r"run 05_train_and_evaluate with train_variants=\[\"clean"):
        made.predictions(nowhere, "resnet")
    with pytest.raises(BadInput, match=r"run 07_compare_augmentations \(about \d+ s\) first"):
        made.table(nowhere, "scores")


def test_a_dot_in_a_name_is_no_ending(tmp_path: Path) -> None:
    import pandas as pd

    for level in ("tempo0.9", "tempo0.95"):
        store.write_table(pd.DataFrame({"level": [level]}), tmp_path / f"scores_{level}", csv=True)
    assert len(list(tmp_path.glob("scores_tempo0.9*.parquet"))) == 2
    assert store.read_table(tmp_path / "scores_tempo0.9.csv")["level"][0] == "tempo0.9"
    assert store.file_name("resnet_pitch+1>codec_mp3_128") == "resnet_pitch+1_codec_mp3_128"


# from here on, kernels run


@pytest.fixture(scope="module")
def kernels() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        place = Path("/tmp") / f"offkey-hand-{os.getpid()}"  # sockets need a short path
        place.mkdir()
        patch.setenv("JUPYTER_RUNTIME_DIR", str(place))
        patch.setenv("IPYTHONDIR", str(place / "ipython"))
        patch.setenv("OFFKEY_JOBS", "2")
        for name in ("OFFKEY_DATA", "OFFKEY_SCHEDULER", store.WRITTEN):
            patch.delenv(name, raising=False)
        yield
    shutil.rmtree(place, ignore_errors=True)


def _run(nb: Any, folder: Path) -> None:
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(nb, timeout=300, kernel_manager_class=ThisInterpreter, resources=place).execute()


def _outputs(nb: Any) -> list[Any]:
    return [output for cell in nb.cells for output in cell.get("outputs", [])]


def _stand(*folders: Path) -> dict[str, int]:
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.stat().st_mtime_ns for path in files}


@pytest.mark.parametrize("notebook", STORY)
def test_the_story_on_defaults_takes_what_the_study_made(
    notebook: str, checkout: Path, kernels: None
) -> None:
    data = checkout / "data"
    kept = [data / "datasets", data / "variants", data / "models", checkout / "runs"]
    before = _stand(*kept)
    # from either folder that a reader may start Jupyter in
    folder = checkout / "notebooks" if STORY.index(notebook) % 2 else checkout
    nb = nbformat.read(checkout / "notebooks" / f"{notebook}.ipynb", as_version=4)
    _run(nb, folder)
    outputs = _outputs(nb)
    assert _stand(*kept) == before
    streams = "".join(o.text for o in outputs if o.output_type == "stream" and o.name == "stdout")
    assert "read from runs/demo" in streams
    assert "training" not in streams
    assert not [
        o for o in outputs if "application/vnd.jupyter.widget-view+json" in o.get("data", {})
    ]
    assert not [o for o in outputs if o.output_type == "stream" and o.name == "stderr"]


def test_one_level_is_learnt_and_tested_and_overwrites_nothing(
    checkout: Path, kernels: None, tmp_path: Path
) -> None:
    explored = checkout / "data" / "explored"
    mine = Path(shutil.copy(checkout / "notebooks" / f"{TRAINING}.ipynb", tmp_path))
    set_defaults(mine, {"train_variants": ["tempo0.9"], "test_variants": ["tempo0.9"]})
    before = _stand(explored / "demo")
    nb = nbformat.read(mine, as_version=4)
    _run(nb, checkout)
    outputs = _outputs(nb)
    (made_here,) = explored.glob("demo-*/tables/predictions_resnet_tempo0.9.parquet")
    assert (made_here.parents[1] / "figures" / "history_resnet_tempo0.9.png").is_file()
    assert _stand(explored / "demo") == before
    text = "".join(o.text for o in outputs if o.output_type == "stream")
    assert "Not as in the study: test_variants" in text
    assert "training demo-resnet_tempo0.9-seed0:   0%|" in text, "the bar is there from the start"


def test_an_expected_error_is_one_sentence_and_the_cell_has_failed(
    kernels: None, tmp_path: Path
) -> None:
    place = small_copy(tmp_path)
    started = time.monotonic()
    nb = nbformat.read(place / "notebooks" / "07_compare_augmentations.ipynb", as_version=4)
    with pytest.raises(CellExecutionError) as error:
        _run(nb, place)
    assert error.value.ename == "BadInput"
    assert "run 05_train_and_evaluate with train_variants" in error.value.evalue
    assert time.monotonic() - started < 60
    (shown,) = (o for o in _outputs(nb) if o.output_type == "error")
    assert len("\n".join(shown.traceback).splitlines()) == 1


def test_papermill_alone_refuses_a_parameter_that_does_not_exist(
    kernels: None, tmp_path: Path
) -> None:
    source = ROOT / "notebooks" / "07_compare_augmentations.ipynb"
    command = [sys.executable, "-m", "papermill", str(source), str(tmp_path / "out.ipynb")]
    command += ["-p", "resample", "10", "-k", "python3", "--no-progress-bar"]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, timeout=180)
    assert done.returncode
    assert "unknown parameter 'resample': did you mean 'resamples'?" in done.stderr
