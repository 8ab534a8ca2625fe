"""Pages from executed notebooks and tables: what they open with, what they load, what they hide."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_reports import EVIL, VARIANTS, detector_scores, paired_tests, predictions, scores

from offkey import reports
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.core.workspace import project_root
from offkey.reports import answers, pages, words

PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def gains() -> pd.DataFrame:
    """Training on two edits: one gain is significant."""
    return pd.DataFrame({"gain": [0.06, 0.04], "p_tracks_holm": [0.01, 0.2]})


def executed(folder: Path, root: Path) -> Path:
    """A small executed notebook with everything that a page has to cope with."""
    sound = base64.b64encode(b"RIFFsound/home/anna/x").decode()
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "W 50%"}
    outputs = [
        new_output("stream", name="stderr", text="\r 10%|█  | 1/10 [00:01<00:09, 1.0it/s]\n"),
        new_output("stream", name="stderr", text=f"careful: {root}/results/x.csv is old\n"),
        new_output("stream", name="stdout", text="read /home/anna/music/secret song.wav\nplain\n"),
        new_output("display_data", data=widget),
        new_output(
            "display_data",
            data={"image/png": PNG, "text/plain": "F"},
            metadata={"offkey": {"figure": "fig", "alt": EVIL}},
        ),
        new_output("display_data", data={"image/svg+xml": "<svg xmlns='x'/>"}),
        new_output(
            "display_data",
            data={"text/html": f'<audio controls><source src="data:audio/wav;base64,{sound}">'},
        ),
        new_output(
            "display_data",
            data={
                "text/html": words.table_html(pd.DataFrame({"name": [EVIL]}), EVIL)
                + '<script src="https://evil.example/x.js"></script>'
                + '<img src="https://evil.example/p.png" onerror="boom()">'
                + '<a href="javascript:boom()">a</a><a href="https://example.org">b</a>'
                + "<style>@import 'https://evil.example/a.css'; b {background:"
                + " url(//evil.example/b.png)}</style>"
            },
        ),
        new_output(
            "error",
            ename="ValueError",
            evalue=f"<b>{EVIL}</b>",
            traceback=[
                f"\x1b[32m{root}/src/offkey/audio.py:3\x1b[39m",
                "\x1b[31mValueError\x1b[0m",
            ],
        ),
    ]
    first = f"# 05 · Which *edit* hurts?\n*Question.* How far does it fall {EVIL}?\n\n$a_b$"
    defaults = 'dataset: str = "demo"  # which music\nseed: int = 0  # of all\nout_dir: str = ""'
    given = f'# Parameters\nseed = 7\nout_dir = "{root}/results/demo"'
    nb = new_notebook(
        cells=[
            new_markdown_cell(first),
            new_code_cell(defaults, metadata={"tags": ["parameters"]}),
            new_code_cell(given, metadata={"tags": ["injected-parameters"]}),
            new_code_cell("x = '</pre><script>'", outputs=outputs, execution_count=2),
        ],
        metadata={
            "papermill": {"input_path": f"{root}/notebooks/a.ipynb", "start_time": "2026"},
            "widgets": {"state": 1},
            "kernelspec": {"name": "python3", "display_name": "Python 3"},
        },
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "05_edits.ipynb"
    nbformat.write(nb, path)
    return path


@pytest.fixture
def page(tmp_path: Path) -> str:
    folder = tmp_path / "figures"
    folder.mkdir()
    for name in ("fig.png", "fig.dark.png"):
        (folder / name).write_bytes(base64.b64decode(PNG))
    root = project_root() or tmp_path
    notebook = executed(tmp_path / "notebooks", root)
    html = pages.notebook_page(
        notebook,
        tmp_path / "notebooks" / "page.html",
        title=EVIL,
        provenance={"commit": "abc", "seconds": 185, "file": str(root / "data"), "who": EVIL},
        figures=folder,
    )
    return html.read_text(encoding="utf-8")


def loads(soup: BeautifulSoup) -> list[str]:
    """Every address that a browser would fetch for this page by itself."""
    found = [str(tag["href"]) for tag in soup.find_all(["link", "use", "image"]) if tag.get("href")]
    for name in ("src", "srcset", "poster", "data", "background", "action"):
        found += [str(tag[name]) for tag in soup.find_all(attrs={name: True})]
    styles = [tag.get_text() for tag in soup.find_all("style")]
    styles += [str(tag["style"]) for tag in soup.find_all(style=True)]
    return found + re.findall(r"(?:url\(|@import)[^;)]*", " ".join(styles))


def test_page_loads_its_figures_alone_and_runs_nothing(page: str, tmp_path: Path) -> None:
    soup = BeautifulSoup(page, "html.parser")
    beside = {address for address in loads(soup) if not address.startswith("data:")}
    assert beside == {"../figures/fig.png", "../figures/fig.dark.png"}
    assert all((tmp_path / "notebooks" / address).is_file() for address in beside)
    assert PNG not in page, "a picture is kept once"
    assert not soup.find_all(["script", "link", "iframe", "object", "embed"])
    assert not [name for tag in soup.find_all(True) for name in tag.attrs if name.startswith("on")]
    links = [tag.get("href") for tag in soup.find_all("a")]
    assert "https://example.org" in links
    assert not any(str(link).startswith("javascript") for link in links)


def test_page_shows_names_as_text(page: str) -> None:
    soup = BeautifulSoup(page, "html.parser")
    assert soup.title is not None and soup.title.get_text() == EVIL
    assert EVIL in [cell.get_text() for cell in soup.find_all("td")]
    assert soup.find("img", alt=EVIL) is not None
    assert "x = '</pre><script>'" in soup.find("details", class_="code").get_text()


def test_page_has_figures_sound_errors_parameters_and_provenance(page: str) -> None:
    soup = BeautifulSoup(page, "html.parser")
    dark = soup.find("source", media="(prefers-color-scheme: dark)")["srcset"]
    assert dark == "../figures/fig.dark.png"
    assert soup.select_one("audio source")["src"].startswith("data:audio/wav")
    assert "ValueError" in soup.select_one(".error strong").get_text()
    assert soup.select_one(".error .ansi-red-fg") is not None
    assert "\x1b" not in page
    given = soup.select_one("details.parameters").get_text()
    assert 'dataset: str = "demo"  # which music' in given and "seed = 7" in given
    facts = {dt.get_text(): dt.find_next("dd").get_text() for dt in soup.select(".provenance dt")}
    assert facts["took"] == "3 min 05 s"
    assert facts["commit"] == "abc"
    assert soup.select_one("nav a")["href"] == "../index.html"
    assert all(table.find_parent(class_="scroll") for table in soup.find_all("table"))


def test_page_and_clean_copy_name_no_machine(page: str, tmp_path: Path) -> None:
    root = project_root() or tmp_path
    copy = nbformat.writes(
        reports.clean_notebook(nbformat.read(tmp_path / "notebooks" / "05_edits.ipynb", 4))
    )
    sources = [cell.source for cell in nbformat.reads(copy, 4).cells]
    assert any("which music" in source for source in sources)
    for text in (page, copy):
        assert str(root) not in text
        assert "anna" not in text
        assert "it/s" not in text
        assert "widget" not in text
        assert "papermill" not in text
        assert "results/x.csv is old" in text
        assert "plain" in text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("see /home/anna/a b", "see …/a b"),
        ("~/music/x.wav!", "…/x.wav!"),
        ("at /home/anna", "at ~"),
        (r"C:\Users\anna\x.wav", "…/x.wav"),
        ("file:///tmp/a/b.wav", "file://…/b.wav"),
        ("<td>/tmp/a/b</td>", "<td>…/b</td>"),
        ("\x1b[32m/tmp/a/b.py:3\x1b[39m", "\x1b[32m…/b.py:3\x1b[39m"),
        ("https://a.org/b/c and/or 1/2/3", "https://a.org/b/c and/or 1/2/3"),
        ('f"{out}/tables/x.csv"', 'f"{out}/tables/x.csv"'),
        ('src="data:audio/wav;base64,AA+/bc/de/f="', 'src="data:audio/wav;base64,AA+/bc/de/f="'),
    ],
)
def test_scrub(text: str, clean: str) -> None:
    assert reports.scrub(text) == clean
    assert reports.scrub(clean) == clean


def test_clean_notebook_leaves_the_original_alone(tmp_path: Path) -> None:
    nb = nbformat.read(executed(tmp_path, tmp_path), 4)
    before = nbformat.writes(nb)
    once = reports.clean_notebook(nb)
    assert nbformat.writes(nb) == before
    assert nbformat.writes(reports.clean_notebook(once)) == nbformat.writes(once)
    nbformat.validate(once)


def test_the_kept_notebook_is_the_same_after_a_rerun_and_answers_first(tmp_path: Path) -> None:
    source = executed(tmp_path, tmp_path)
    store.write_table(gains(), tmp_path / "tables" / "gains")
    kept = [tmp_path / "one.ipynb", tmp_path / "two.ipynb"]
    for path, ids in zip(kept, ("a", "b"), strict=True):
        nb = nbformat.read(source, 4)
        for number, cell in enumerate(nb.cells):
            cell["id"] = f"{ids}{number}"
        pages.write_notebook(nb, path, "12_regimes", tmp_path / "tables")
    assert kept[0].read_bytes() == kept[1].read_bytes()
    again = nbformat.read(kept[0], 4)
    pages.write_notebook(again, kept[1], "12_regimes", tmp_path / "tables")
    assert kept[0].read_bytes() == kept[1].read_bytes()
    assert again.cells[1].source.startswith("**Answer.** Of 2 comparisons")
    page = pages.notebook_page(
        kept[0], tmp_path / "notebooks" / "x.html", title="t", provenance={}, figures=tmp_path
    )
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    answer = soup.select_one("section.answer")
    assert "Of 2 comparisons" in answer.get_text()
    assert not answer.find_previous(["figure", "table", "details"])
    # the picture is no published figure here: it stays inside the page
    assert soup.select_one("figure img")["src"].startswith("data:image/png")


def test_a_long_table_unfolds_after_five_rows_and_parts_with_figures_come_first(
    tmp_path: Path,
) -> None:
    rows = pd.DataFrame({"row": range(40), "value": [f"{n} % [{n}, {n}]" for n in range(40)]})
    table = new_output("display_data", data={"text/html": words.table_html(rows, "many")})
    picture = new_output(
        "display_data", data={"image/png": PNG}, metadata={"offkey": {"figure": "f"}}
    )
    cells = [new_markdown_cell("# T")]
    for heading, output in (("Table", table), ("Nothing", None), ("Picture", picture)):
        cells.append(new_markdown_cell(f"### {heading} first\n" + "See." * (output is not None)))
        cells.append(new_code_cell("x", outputs=[output] if output else []))
    nbformat.write(
        new_notebook(cells=[*cells, new_markdown_cell("**Next.**")]), tmp_path / "a.ipynb"
    )
    (tmp_path / "f.png").write_bytes(base64.b64decode(PNG))
    page = pages.notebook_page(
        tmp_path / "a.ipynb", tmp_path / "a.html", title="t", provenance={}, figures=tmp_path
    )
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    headings = [heading.get_text() for heading in soup.select("main h2")]
    assert headings[:2] == ["Picture first", "Table first"] and len(headings) == 4
    contents = [(link["href"], link.get_text()) for link in soup.select("nav.contents a")]
    assert contents == [(f"#{tag['id']}", tag.get_text()) for tag in soup.select("main h2")]
    first, whole = soup.find_all("table")
    assert len(first.select("tbody tr")) == 5 and len(whole.select("tbody tr")) == 40
    assert whole.find_parent("details").summary.get_text() == "all 40 rows"
    assert first.select("tbody td")[1].get_text() == "0\xa0% [0,\xa00]"


def test_broken_notebook_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.ipynb"
    for text in ("{not json", '{"cells": 3}'):
        path.write_text(text)
        with pytest.raises(BadInput, match=r"broken\.ipynb"):
            pages.notebook_page(
                path, tmp_path / "x.html", title="", provenance={}, figures=tmp_path
            )
    assert not (tmp_path / "x.html").exists()


def test_index_pages_link_what_is_there(tmp_path: Path) -> None:
    out = tmp_path / "results" / "demo"
    executed(out / "notebooks", tmp_path)
    (out / "notebooks" / "05_edits.html").write_text("x")
    bins = reports.score_bins(predictions(), ["clean"])
    reports.publish(reports.plot_histograms, bins, out / "figures", "severity")
    store.write_table(scores(), out / "tables" / "scores", csv=True)
    study = {"study": "demo", "title": EVIL, "question": "Does it | hold?", "parameters": {"a": 1}}
    runs = [
        {"name": "05_edits", "status": "complete"},
        {
            "name": "06",
            "title": "Later",
            "status": "failed",
            "error": f"{tmp_path}/a/x.wav: {EVIL}",
        },
    ]
    index = pages.study_index(out, study, runs, reports.headline(scores()))
    soup = BeautifulSoup(index.read_text(encoding="utf-8"), "html.parser")
    text = soup.get_text().replace("\xa0", " ")
    assert soup.h1.get_text() == EVIL
    assert f"How far does it fall {EVIL}?" in text
    assert "90 % [85, 94]" in text
    assert "Later failed: …/x.wav" in " ".join(text.split())
    local = [str(tag.get("href")) for tag in soup.select("main a")] + loads(soup)
    assert "notebooks/05_edits.html" in local and "tables/scores.csv" in local
    assert "figures/severity.dark.png" in local
    for address in local:
        assert (out / address).is_file(), address
    readme = (out / "README.md").read_text(encoding="utf-8")
    for page in (readme, index.read_text(encoding="utf-8")):
        assert "<img src=x" not in page
        assert str(tmp_path) not in page
    assert "(notebooks/05_edits.ipynb)" in readme
    assert "| 90 % \\[85, 94\\] |" in readme
    assert [tag.get_text() for tag in soup.select("main h2")] == [
        "The numbers",
        "Train and test",
        "More",
    ]
    assert len(soup.table.select("tbody tr")) == 5
    top = pages.results_index(tmp_path / "results")
    soup = BeautifulSoup(top.read_text(encoding="utf-8"), "html.parser")
    assert soup.h2.get_text() == EVIL
    for address in [str(tag["href"]) for tag in soup.select("main a")] + loads(soup):
        assert (tmp_path / "results" / address).is_file(), address
    assert "1 of 2 notebooks complete" in (tmp_path / "results" / "README.md").read_text()


def test_a_model_card_says_what_the_tables_say(tmp_path: Path) -> None:
    losses = paired_tests().assign(detectable_drop=8.4)
    model = {"detector": "resnet", "settings": {"epochs": 3}, "features": {"n_mels": 128}}
    model |= {"threshold": 0.5, "trained_on": ["clean"], "sha256": "f" * 64, "seed": 0}
    cost = {"ms_per_clip": 12.4, "slowest_ms": 20.0, "megabytes": 44.7, "training_s": np.nan}
    path = reports.write_card(
        tmp_path / "cards" / "resnet.html",
        model,
        detector_scores(),
        losses,
        cost,
        about=f"A network. {EVIL}",
        data="demo",
    )
    soup = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    text = " ".join(soup.get_text().replace("\xa0", " ").split())
    assert f"A network. {EVIL}" in text
    assert "balanced accuracy 90 % [85, 94]" in text  # of resnet, not of the other one
    assert f"{EVIL}: 30 points lost [20, 40], Holm-adjusted over the 3 edits tested" in text
    assert "Detectable difference: 8 points" in text
    assert "a clip: 12 ms (slowest 20 ms); on disk: 44.7 MB; training: not available" in text
    assert "epochs: 3" in text and "n mels: 128" in text and "f" * 64 not in text
    assert len(soup.select("details table tbody tr")) == len(VARIANTS)
    assert not loads(soup)
    assert soup.select_one("nav a")["href"] == "../index.html"


def test_index_of_a_study_that_has_not_run(tmp_path: Path) -> None:
    pages.study_index(
        tmp_path / "new", {"study": "new"}, [{"name": "01", "status": "not run"}], None
    )
    pages.results_index(tmp_path)
    text = (tmp_path / "new" / "index.html").read_text()
    assert "not run" in text
    assert "The numbers" not in text


def test_findings_say_what_the_tables_say(tmp_path: Path) -> None:
    assert answers.of_study(tmp_path, "severity") == []
    assert answers.of_notebook("10_severity", tmp_path) == []
    store.write_table(paired_tests().assign(n_clips=80), tmp_path / "losses")
    store.write_table(gains(), tmp_path / "gains")
    store.write_table(scores(), tmp_path / "scores")
    clean, losses, trained = answers.of_study(tmp_path, "severity")
    assert "balanced accuracy of 90 % [85, 94] and an AUC of 0.95 [0.90, 0.99]" in clean
    assert losses.startswith("1 of 3 edits cost balanced accuracy significantly")
    assert "30 [20, 40] points" in losses
    assert "1 show a significant gain and 0 a significant loss" in trained
    assert answers.of_notebook("07_compare", tmp_path) == [losses, trained]
    none = paired_tests().assign(n_clips=80, p_tracks_holm=1.0)
    store.write_table(none, tmp_path / "losses")
    assert answers.of_notebook("10_x", tmp_path)[0].startswith("None of 3 edits costs")


def test_a_study_of_detectors_opens_with_the_best_of_them(tmp_path: Path) -> None:
    compared = detector_scores().assign(metric="auc", group_low=np.nan, group_high=np.nan, seed=0)
    store.write_table(compared, tmp_path / "scores_compared")
    enough = {"detector": ["peaks", "peaks", "comb"], "semitones": [-0.04, 0.02, np.nan]}
    size = {"clean_auc": 0.95, "half_auc": 0.725, "n_clips": 80, "n_tracks": 40}
    store.write_table(pd.DataFrame({**enough, **size}), tmp_path / "dose_enough")
    best, dose = answers.of_study(tmp_path, "dose")
    assert best.startswith(f"Of {compared['detector'].nunique()} detectors the ResNet18 has")
    assert "a pitch shift of 0.02 semitones is enough for 'peaks' (AUC 0.95 to 0.72)" in dose
    assert "no shift tested is enough for 'comb'" in dose
    numbers = answers.numbers_of_study(tmp_path, "dose")
    assert list(numbers.columns)[:2] == ["edit", "resnet"] and len(numbers) == len(VARIANTS)
    assert answers.numbers_of_study(tmp_path, "severity").empty
