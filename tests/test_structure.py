"""One direction of imports, thin notebooks, one list of requirements, complete credits."""

import ast
import importlib
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml

from offkey import datasets

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "offkey"

# a module imports only from rooms of a lower rank, or from its own room
RANKS = {
    0: ["core"],
    1: ["sound", "metrics"],
    2: ["perturbations", "evaluation"],
    3: ["features", "datasets"],
    4: ["detectors"],
    5: ["protocols"],
    6: ["audits"],
    7: ["reports"],
    8: ["runner", "workbench"],
    9: ["commands"],
    10: ["__main__"],
}
RANK = {room: rank for rank, rooms in RANKS.items() for room in rooms}


def _room(dotted: str) -> str:
    return dotted.split(".")[1] if "." in dotted else ""


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "offkey":
                found |= {f"offkey.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in RANK, f"room '{room}' has no rank: give it one in RANKS"
    imported = _imports(path)
    for name in imported:
        other = _room(name) if name.startswith("offkey.") else ""
        if other and other != room and other != "__version__":
            assert RANK[other] <= RANK[room], f"{room} imports {other}, which stands above it"
    if room == "reports":
        assert not imported & {"torch", "torchvision", "librosa", "soundfile", "offkey.sound.audio"}


def test_what_compiles_is_imported_in_one_place() -> None:
    # processes that import librosa for the first time at once break its cache; numba must know
    # where to keep what it compiles before it is asked to: see compiled.py
    users = {
        (path.name, name)
        for path in MODULES
        for name in _imports(path)
        if name.partition(".")[0] in ("librosa", "numba")
    }
    assert users == {("compiled.py", "numba")}


def test_rooms_of_one_rank_do_not_import_each_other_in_a_circle() -> None:
    arrows: dict[str, set[str]] = {}
    for path in MODULES:
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        others = {_room(name) for name in _imports(path) if name.startswith("offkey.")}
        arrows.setdefault(room, set()).update(others - {room, "__version__"})

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for other in arrows.get(todo.pop(), set()) - seen:
                seen.add(other)
                todo.append(other)
        return seen

    assert not [room for room in arrows if room in reach(room)]


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebooks_are_thin(path: Path) -> None:
    cells = nbformat.read(path, as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    assert cells[0].cell_type == cells[-1].cell_type == "markdown"
    assert cells[0].source.startswith("# ")
    assert "*Question.*" in cells[0].source
    tagged = [cell for cell in code if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    for node in ast.parse(tagged[0].source).body:
        assert isinstance(node, ast.AnnAssign), "parameters are 'name: type = literal  # help'"
        ast.literal_eval(node.value)
    for cell in code:
        assert not cell.outputs
        assert cell.execution_count is None
        assert len(cell.source.splitlines()) <= 12, cell.source
        kinds = (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)
        assert not any(isinstance(node, kinds) for node in ast.walk(ast.parse(cell.source)))


def test_environment_and_pyproject_ask_for_the_same() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert sorted(pip) == sorted(project["dependencies"])


@pytest.mark.parametrize("name", datasets.NAMES)
def test_credits_name_every_data_set(name: str) -> None:
    credits = (ROOT / "CREDITS.md").read_text()
    info = datasets.info(name)
    assert info.title in credits
    assert info.licence in credits


def _normal(requirement: str) -> str:
    """Name of a distribution as package indexes compare it."""
    return re.split(r"[<>=\[ ]", requirement)[0].lower().replace("_", "-")


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_credits_name_every_dependency_with_its_licence() -> None:
    text = (ROOT / "CREDITS.md").read_text().lower()
    rows = dict(re.findall(r"^\| (\S+) \| ([^|]{3,}) \|", text.split("## libraries")[1], re.M))
    known = {_normal(name) for name in rows}
    assert known - {"library", "---"} == {_normal(one) for one in PROJECT["dependencies"]}


def _outside(source: str) -> set[str]:
    """Top-level modules that a piece of Python imports, without Python's own."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"offkey", "conftest"}


def test_what_is_imported_is_declared() -> None:
    used = {name for path in PACKAGE.rglob("*.py") for name in _outside(path.read_text())}
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        used |= {n for cell in cells if cell.cell_type == "code" for n in _outside(cell.source)}
    tests = [*(ROOT / "tests").glob("*.py"), *(ROOT / "benchmarks").glob("*.py")]
    own = {path.stem for path in tests}
    tested = {name for path in tests for name in _outside(path.read_text())} - own
    extras = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]
    declared = {_normal(one) for one in PROJECT["dependencies"]}
    more = declared | {_normal(one) for one in extras}
    provider = metadata.packages_distributions()

    def homeless(names: set[str], among: set[str]) -> set[str]:
        return {n for n in names if not {_normal(one) for one in provider.get(n, [n])} & among}

    assert homeless(used, declared) <= {
        "demucs",
        "onnxruntime",
        "pedalboard",
    }  # extras, imported where asked for
    assert not homeless(used | tested, more)


def test_ci_calls_the_readme_test_command() -> None:
    assert "make test" in (ROOT / "README.md").read_text()
    commands = (ROOT / ".ci" / "run").read_text().splitlines()
    assert commands[-1] == "make test"


def test_no_function_hides_a_module_of_its_name() -> None:
    # "from offkey.reports import publish" would give the one or the other, by the order of imports
    hidden = []
    for path in MODULES:
        if path.name == "__main__.py":
            continue
        place = path.parent if path.name == "__init__.py" else path.with_suffix("")
        dotted = ".".join(["offkey", *place.relative_to(PACKAGE).parts])
        parent, _, name = dotted.rpartition(".")
        module = importlib.import_module(dotted)
        if getattr(importlib.import_module(parent), name) is not module:
            hidden.append(dotted)
    assert not hidden
