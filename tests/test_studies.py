"""Study files and notebook parameters: what is refused, and how values are combined."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from offkey.core.errors import BadInput
from offkey.runner import notebook_parameters, studies

CELL = """\
count: int = 3  # how many; a = b is harmless here
rate: float = 0.5
label: str = "plain"
quick: bool = False
levels: list[float] = [1.0, 2.0]
options: dict = {}
data_dir: str = ""
"""


def write_notebook(path: Path, cell: str = CELL) -> Path:
    code = nbformat.v4.new_code_cell(cell, metadata={"tags": ["parameters"]})
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# A title\ntext"), code]
    )
    path.parent.mkdir(exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def notebooks(tmp_path: Path) -> Path:
    for name in ("00_one", "05_two"):
        write_notebook(tmp_path / "notebooks" / f"{name}.ipynb")
    return tmp_path / "notebooks"


def load(tmp_path: Path, text: str) -> studies.Study:
    path = tmp_path / "some.yaml"
    path.write_text(text)
    return studies.load(str(path))


BASE = """\
study: some
parameters: {count: 4}
runs:
  - notebook: 00_one
  - {notebook: 05_two, name: two_a, after: [00_one], parameters: {rate: 1, label: a}}
  - {notebook: 05_two, name: two_b, after: [two_a], cores: all}
"""


def test_inspect_reads_types_defaults_and_help(notebooks: Path) -> None:
    found = notebook_parameters.inspect(notebooks / "00_one.ipynb")
    assert list(found) == ["count", "rate", "label", "quick", "levels", "options", "data_dir"]
    assert (found["count"].type, found["count"].default) == ("int", 3)
    assert found["count"].help == "how many; a = b is harmless here"
    assert found["levels"].type == "list[float]"
    assert notebook_parameters.heading(notebooks / "00_one.ipynb") == "A title"


@pytest.mark.parametrize(
    "line",
    ["count = 3", "twice: int = 2 * 3", "count: int = 'a'", "print(1)", "x: set = {1}"],
)
def test_inspect_refuses_anything_but_typed_literals(tmp_path: Path, line: str) -> None:
    path = write_notebook(tmp_path / "n.ipynb", line)
    with pytest.raises(BadInput, match=r"parameters cell"):
        notebook_parameters.inspect(path)


def test_inspect_refuses_two_parameter_cells_and_other_files(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "n.ipynb")
    notebook = nbformat.read(path, 4)
    notebook.cells.append(notebook.cells[-1].copy())
    nbformat.write(notebook, path)
    with pytest.raises(BadInput, match="2 cells are tagged"):
        notebook_parameters.inspect(path)
    path.write_text("[]")
    with pytest.raises(BadInput, match="not a notebook"):
        notebook_parameters.inspect(path)


def test_parameters_are_layered_and_typed(tmp_path: Path, notebooks: Path) -> None:
    study = load(tmp_path, BASE)
    settings = studies.parse_settings(["quick=true", "two_b.rate=1e-3", "two_b.count=9"])
    values = studies.parameters(study, notebooks, settings)
    assert values["00_one"] == {
        "count": 4,
        "rate": 0.5,
        "label": "plain",
        "quick": True,
        "levels": [1.0, 2.0],
        "options": {},
    }
    assert (values["two_a"]["rate"], values["two_a"]["label"]) == (1.0, "a")
    assert isinstance(values["two_a"]["rate"], float)
    assert (values["two_b"]["rate"], values["two_b"]["count"]) == (0.001, 9)


def test_one_entry_of_a_dict_is_set(tmp_path: Path, notebooks: Path) -> None:
    study = load(tmp_path, BASE.replace("count: 4", "options: {tracks: 300, deep: true}"))
    words = ["options.tracks=12", "two_b.options.deep=false", "two_b.options.source=my music"]
    values = studies.parameters(study, notebooks, studies.parse_settings(words))
    assert values["two_a"]["options"] == {"tracks": 12, "deep": True}
    assert values["two_b"]["options"] == {"tracks": 12, "deep": False, "source": "my music"}


OWN = """\
dataset: str = "demo"
dataset_options: dict = {"tracks": 300}
families: list[str] = ["convcodec"]
sources: list[str] = ["none"]
"""


def test_what_belongs_to_a_data_set_is_not_passed_to_another(tmp_path: Path) -> None:
    write_notebook(tmp_path / "notebooks" / "13_unseen.ipynb", OWN)
    text = """\
study: some
parameters: {dataset: demo, dataset_options: {tracks: 60}}
runs: [{notebook: 13_unseen, parameters: {families: [convcodec]}}]
"""
    study = load(tmp_path, text)

    def found(*words: str) -> dict[str, object]:
        settings = studies.parse_settings(list(words))
        return studies.parameters(study, tmp_path / "notebooks", settings)["13_unseen"]

    same = {"dataset": "demo", "dataset_options": {"tracks": 60}, "families": ["convcodec"]}
    same["sources"] = ["none"]
    assert found() == found("dataset=demo") == same
    other = {"dataset": "folder", "dataset_options": {"source": str(Path("x").absolute())}}
    other["families"] = []
    other["sources"] = ["none"]
    assert found("dataset=folder", "dataset_options={source: x}") == other
    assert found("dataset_options.source=x", "dataset=folder") == other
    assert found("dataset=folder", "dataset_options.source=x", "families=[a]") == {
        **other,
        "families": ["a"],
    }


@pytest.mark.parametrize(
    "setting",
    [
        "options={source: a [2019] b}",
        "options={source: a, #1}",
        "label=my song #1",
        "options={a: *b}",
    ],
)
def test_text_that_yaml_reads_otherwise_gets_a_hint_to_quote(setting: str) -> None:
    with pytest.raises(BadInput, match=r"put a text that holds # \[ .* in quotes"):
        studies.parse_settings([setting])
    quoted = ['options={source: "a [2019] #1"}', "label='my song #1'", "label=my#song [2019]"]
    parsed = [studies.parse_settings([word]) for word in quoted]
    assert parsed[0] == {"options": {"source": "a [2019] #1"}}
    assert [parsed[1]["label"], parsed[2]["label"]] == ["my song #1", "my#song [2019]"]


def test_outside_a_checkout_it_says_what_to_do(
    tmp_path: Path, notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load(tmp_path, BASE)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match=r"no study in .*elsewhere/studies: run the command inside"):
        studies.load("demo")
    with pytest.raises(BadInput, match=r"no notebooks in .*inside the checkout .* --notebooks"):
        studies.parameters(study, studies.folder("notebooks"))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("count.x=1", "parameter 'count' is no dict"),
        ("two_a.count.x=1", "parameter 'count' is no dict"),
        ("cuont=1", "unknown parameter 'cuont': did you mean 'count'"),
        ("count=1.5", "run '00_one', parameter 'count': expected int, got float 1.5"),
        ("count=true", "expected int, got bool True"),
        ("quick=1", "parameter 'quick': expected bool, got int 1"),
        ("label=no", r"expected str, got bool False \(write it in quotes\)"),
        ("label=", "expected str, got nothing"),
        ("levels=[1, a]", r"expected list\[float\], got an item str 'a'"),
        ("options={1: 2}", "expected text as keys"),
        ("two_c.rate=1", "unknown run 'two_c': did you mean 'two_"),
        ("two_a.rat=1", "run 'two_a': unknown parameter 'rat': did you mean 'rate'"),
        ("two_a.data_dir=x", "unknown parameter 'data_dir'"),
        ("count", "write key=value"),
        ("count=[", "not valid YAML"),
    ],
)
def test_bad_settings_are_refused(
    tmp_path: Path, notebooks: Path, setting: str, message: str
) -> None:
    study = load(tmp_path, BASE)
    with pytest.raises(BadInput, match=message):
        studies.parameters(study, notebooks, studies.parse_settings([setting]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("count: 4", "cuont: 4"), "unknown parameter of the study 'cuont': did you mean 'count'"),
        (("count: 4", "count: x"), "run '00_one', parameter 'count': expected int, got str 'x'"),
        (("rate: 1", "rte: 1"), "run 'two_a': unknown parameter 'rte': did you mean 'rate'"),
        (("- notebook: 00_one", "- notebook: 00_oen"), "unknown notebook '00_oen': did you mean"),
    ],
)
def test_study_against_notebooks(
    tmp_path: Path, notebooks: Path, change: tuple[str, str], message: str
) -> None:
    text = BASE.replace(*change).replace("after: [00_one]", "after: []")
    study = load(tmp_path, text)
    with pytest.raises(BadInput, match=message):
        studies.parameters(study, notebooks)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("name: two_b", "name: two_a"), "two runs are called 'two_a'"),
        (("after: [two_a]", "after: [two_x]"), "run 'two_b': unknown run in after 'two_x'"),
        (("after: [00_one]", "after: [two_b]"), "in a circle"),
        (("cores: all", "cores: 0"), "cores"),
        (("cores: all", "coers: all"), "unknown entry 'coers': did you mean 'cores'"),
        (("study: some", "stdy: some"), "study"),
        (("study: some", "study: ../x"), "study: String should match"),
        (("runs:", "runs: ["), "not valid YAML"),
    ],
)
def test_bad_study_files_are_refused(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        load(tmp_path, BASE.replace(*change))


def test_study_is_found_by_name_and_unknown_one_gets_a_hint(
    tmp_path: Path, notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "some.yaml").write_text(BASE)
    monkeypatch.chdir(notebooks)
    assert [run.name for run in studies.load("some").runs] == ["00_one", "two_a", "two_b"]
    assert studies.folder("notebooks") == notebooks
    with pytest.raises(BadInput, match="unknown study 'sme': did you mean 'some'"):
        studies.load("sme")
    with pytest.raises(BadInput, match="does not exist"):
        studies.load("absent.yaml")


def test_yaml_keeps_dates_as_text_and_loads_no_objects() -> None:
    assert studies.read_yaml("2026-01-02") == "2026-01-02"
    assert studies.read_yaml("[1e-4, 12, 1.5]") == [1e-4, 12, 1.5]
    with pytest.raises(BadInput, match="not valid YAML"):
        studies.parse_settings(["x=!!python/object/apply:os.getcwd []"])
