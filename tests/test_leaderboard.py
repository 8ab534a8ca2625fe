"""Results beside each other: what can be compared is, what cannot is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from offkey.__main__ import app
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.evaluation import leaderboard
from offkey.evaluation.predictions import CLEAN, CLEAN_THRESHOLD, COLUMNS, OWN_THRESHOLD

EDITS = {CLEAN: 0.0, "noise30": 0.1, "pitch+2": 0.3}


def results(
    folder: Path, detector: str, *, skill: float, regime: str = CLEAN, first: int = 0
) -> Path:
    """Results with one detector, the worse the stronger the edit; 40 clips from `first` on."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(first, first + 40):
        for variant, loss in EDITS.items():
            sure = skill - loss + 0.1 * rng.standard_normal()
            rows.append(
                {
                    **dict.fromkeys(COLUMNS, ""),
                    "clip_id": f"clip{number}",
                    "track_id": f"clip{number}",
                    "target": number % 2,
                    "split": "test",
                    "variant": variant,
                    "perturbation": variant,
                    "label": variant,
                    "severity": int(variant != CLEAN),
                    "level": np.nan,
                    "detector": detector,
                    "regime": regime,
                    "seed": 0,
                    "score": float(np.clip(0.5 + (sure if number % 2 else -sure), 0, 1)),
                    "threshold": 0.5,
                }
            )
    table = pd.DataFrame(rows).drop(columns=["group", "fold"], errors="ignore")
    store.write_table(table, folder / "tables" / f"predictions_{detector}_clean")
    own = table.assign(regime=OWN_THRESHOLD, threshold=0.9)
    store.write_table(own, folder / "tables" / f"predictions_{detector}_own")
    cost = pd.DataFrame([{"detector": detector, "ms_per_clip": 12.4}])
    store.write_table(cost, folder / "tables" / f"costs_{detector}")
    return folder


def compare(*words: object) -> Result:
    return CliRunner().invoke(app, ["compare", *map(str, words)])


def test_the_better_detector_stands_first_and_is_tested_clip_by_clip(tmp_path: Path) -> None:
    ours = results(tmp_path / "ours", "resnet", skill=0.25)
    theirs = results(tmp_path / "theirs", "mine", skill=0.5, regime=CLEAN_THRESHOLD)
    page = tmp_path / "board.html"
    done = compare(ours, theirs, "--out", page)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(page.with_suffix(".csv")).set_index("detector")
    assert table.index.tolist() == ["mine", "resnet"]
    assert table.loc["resnet", "mce"] == pytest.approx(1)
    assert table.loc["mine", "mce"] < 1
    assert table.loc["resnet", "worst_edit"] == "pitch+2"
    assert table.loc["mine", "ms_per_clip"] == pytest.approx(12.4)
    assert table.loc["mine", "clean"] > 0.9
    text = page.read_text(encoding="utf-8")
    assert "Which differences are significant?" in text and "Not comparable" not in text
    found = leaderboard.paired(leaderboard.collect([ours, theirs]), "resnet")
    assert set(found["variant"]) == set(EDITS) and (found["gain"] > 0).any()


def test_other_clips_are_warned_about_and_not_paired(tmp_path: Path) -> None:
    ours = results(tmp_path / "ours", "resnet", skill=0.3)
    theirs = results(tmp_path / "theirs", "resnet", skill=0.3, first=100)
    page = tmp_path / "board.html"
    done = compare(ours, theirs, "--out", page)
    assert done.exit_code == 0, done.output
    assert "resnet (theirs) judged other clips than resnet" in done.output
    text = page.read_text(encoding="utf-8")
    assert "Not comparable" in text and "Which differences" not in text
    table = pd.read_csv(page.with_suffix(".csv")).set_index("detector")
    assert np.isnan(table.loc["resnet (theirs)", "mce"])


def test_what_cannot_be_compared_is_said(tmp_path: Path) -> None:
    ours = results(tmp_path / "ours", "mine", skill=0.3)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="empty holds no predictions"):
        leaderboard.collect([ours, tmp_path / "empty"])
    with pytest.raises(BadInput, match="one name"):
        leaderboard.collect([ours, tmp_path / "other" / "ours"])
    done = compare(ours, "--reference", "main", "--out", tmp_path / "board.html")
    assert done.exit_code == 2 and "did you mean 'mine'" in done.output
