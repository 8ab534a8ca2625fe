"""One vocabulary: the field's own terms, explained once; README says what the tables say."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from offkey.core import store
from offkey.reports import findings, readme, words

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "offkey"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEXTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *PACKAGE.rglob("*.md")])
# what was said before -> what is said now
OLD = {
    r"told from (zero|0|none)": "significant",
    r"least to be seen": "detectable difference",
    r"stands? which edit": "keeps its accuracy under which edit",
    r"\bits ear\b": "separability",
    r"there and back": "round trip",
    r"(has|have|having|had|not) heard\b": "in training, held out",
    r"heard (it|nothing|everything)\b": "in training, held out",
    r"\b(tables?|intervals?|check)( \w+){0,3} carr(y|ies)\b": "support, show",
    r"who is called what": "confusion matrix",
    r"never listen": "baseline",
    r"real against real": "two human sources",
}
BASELINE = {r"\bfloors?\b": "baseline"}


def found(text: str, phrases: dict[str, str]) -> list[str]:
    """Old phrases in a text, each with the word to use."""
    flat = " ".join(text.split())
    return [
        f"'{match[0]}': say {new}"
        for old, new in phrases.items()
        for match in re.finditer(old, flat, re.I)
    ]


def docstrings(tree: ast.AST) -> set[int]:
    """Line numbers of strings that are statements: docstrings and notes on constants."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def markdown(path: Path) -> str:
    cells = nbformat.read(path, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_texts_use_the_terms_of_the_field(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not found(text, OLD | BASELINE if path.parent in (ROOT, ROOT / "docs") else OLD)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_notebooks_use_the_terms_of_the_field(path: Path) -> None:
    assert not found(markdown(path), OLD | BASELINE)
    code = [c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    nodes = [node for source in code for node in ast.walk(ast.parse(source))]
    shown = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    assert not found("\n".join(text for text in shown if " " in text), OLD | BASELINE)


def test_code_uses_the_terms_of_the_field() -> None:
    bad = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        notes = docstrings(tree)
        shown = path.parent.name in ("reports", "runner")
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
                continue
            sentence = " " in node.value and id(node) not in notes
            phrases = OLD | BASELINE if shown and sentence else OLD
            where = f"{path.relative_to(PACKAGE)}:{node.lineno}"
            bad += [f"{where} {hit}" for hit in found(node.value, phrases)]
    for path in sorted((PACKAGE / "reports" / "templates").rglob("*.j2")):
        bad += [f"{path.name} {hit}" for hit in found(path.read_text(encoding="utf-8"), OLD)]
    assert not bad


def test_the_test_finds_old_phrases() -> None:
    old = "Grey: not told from\nzero. The floor. What it has not heard, there and back."
    assert len(found(old, OLD | BASELINE)) == 4
    assert not found("Not significant. codec_floor, 14_shortcuts_and_floors.", OLD | BASELINE)


def test_the_glossary_explains_the_words() -> None:
    text = markdown(ROOT / "notebooks" / "00_start_here.ipynb")
    assert '### Glossary\n<a id="glossary"></a>' in text
    terms = set(re.findall(r"^\| ([^|]+?) \| ", text.split("### Glossary")[1], re.M))
    shown = ("balanced_accuracy", "auc", "false_accusation_rate", "miss_rate")
    assert {words.metric_name(name) for name in shown} <= terms
    edits = ("pitch", "tempo", "speed", "round_trip")
    assert {words.PERTURBATIONS[name] for name in edits} <= terms
    assert {"significant", "not significant", "detectable difference", "threshold shift"} <= terms
    assert {"baseline", "held out", "95 % confidence interval", "decoder twin"} <= terms
    assert words.SIGNIFICANT in text


def test_readme_is_short_and_made_from_the_tables() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 150
    for block in ("figure", "findings", "reading"):
        assert f"<!-- {block} -->" in text
    assert readme.filled(text, ROOT) == text


@pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)#\s]+)|(?:src|srcset)=\"([^\"]+)\"", text)
    local = {link for pair in targets for link in pair if link and "://" not in link}
    assert not [link for link in local if not (path.parent / link).exists()]


def auc(detector: str, variant: str, value: float, half: float, **more: object) -> dict:
    ends = {"low": value - half, "high": value + half, "group_low": value - 2 * half}
    about = {"metric": "auc", "subset": "all", "detector": detector, "variant": variant}
    size = {"n_clips": 556, "n_tracks": 500, "n_groups": 72, "group_high": value + 2 * half}
    return {**about, "value": value, **ends, **size, "label": variant, **more}


def written(folder: Path, rows: list[dict], study: str = "public-clips") -> Path:
    store.write_table(pd.DataFrame(rows), folder / study / "tables" / "scores_compared", csv=True)
    return folder


def test_findings_claim_what_the_intervals_support(tmp_path: Path) -> None:
    clean = auc("peaks", "clean", 0.84, 0.04)
    comb = [auc("comb", "clean", 0.95, 0.02), auc("comb", "pitch-0.5", 0.89, 0.03),
            auc("comb", "pitch+2@signalsmith", 0.78, 0.04, label="+2 st")]  # fmt: skip
    network = [auc("resnet", "clean", 0.65, 0.05), auc("codec_floor", "clean", 0.64, 0.06)]
    rows = [clean, auc("peaks", "pitch-0.25", 0.54, 0.05, label="−0.25 st"), *comb, *network]
    peaks, search, beside = findings.findings(written(tmp_path / "a", rows))
    assert "separates AI from human music, on real clips" in peaks
    assert "families and sources held out" in peaks
    assert "AUC 0.840 [0.800, 0.880]" in peaks and "556 clips of 500 tracks" in peaks
    assert "over families and sources [0.76, 0.92]" in peaks
    assert "A shift by −0.25 st leaves 0.540" in peaks and "includes guessing" in peaks
    assert "still works after it" in search
    assert "less is left: 0.780 [0.740, 0.820] at +2 st" in search
    assert "is not shown to beat the codec baseline" in beside

    weak = [auc("peaks", "clean", 0.53, 0.05), auc("comb", "clean", 0.9, 0.02),
            auc("comb", "pitch-0.5", 0.52, 0.05), auc("peaks", "pitch-0.5", 0.55, 0.05),
            auc("resnet", "clean", 0.9, 0.02), auc("shortcut", "clean", 0.6, 0.05)]  # fmt: skip
    peaks, search, beside = findings.findings(written(tmp_path / "b", weak))
    assert "is not shown to separate AI" in peaks and "is not shown to lower it" in peaks
    assert "is not shown to work after it" in search and "Signalsmith" not in search
    assert "beats the shortcut baseline" in beside


def test_findings_name_the_study_they_come_from(tmp_path: Path) -> None:
    alone = {"n_groups": 74, "n_tracks": 74, "n_clips": 148}
    written(tmp_path, [auc("peaks", "clean", 0.9, 0.03, **alone)], "demo")
    (only,) = findings.findings(tmp_path)
    assert "separates decoder twins from rendered scores" in only and "held out" not in only
    assert "(148 clips of 74 tracks)" in only and "results/demo/" in only
    written(tmp_path, [auc("peaks", "clean", 0.8, 0.03)])
    assert "on real clips" in findings.findings(tmp_path)[0]
    assert findings.findings(tmp_path / "none") == []
