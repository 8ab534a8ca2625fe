"""The guide "add your own detector" does what it says: its example is trained, saved and run."""

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from offkey import detectors, perturbations, protocols
from offkey.detectors import costs
from offkey.features import variants

GUIDE = Path(detectors.__file__).with_name("README.md")


@pytest.fixture
def balance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The guide's example as a module, with its line in NAMES."""
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
    (tmp_path / "balance.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(detectors.NAMES, "balance", "balance:BalanceDetector")
    yield "balance"
    sys.modules.pop("balance", None)


def test_the_example_is_a_detector(balance: str, tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    conditions = perturbations.find(["clean", "pitch+2"])
    folder = tmp_path / "variants"
    heard = variants.build(tiny_clips, conditions, folder, features=detectors.features(balance))
    new = detectors.create(balance, folds=2)
    trained, history = protocols.train(
        new, [heard["clean"]], tmp_path / "models", seed=0, name=balance
    )
    assert len(history) == 2
    score = trained.predict_proba(heard["pitch+2"])
    assert ((score >= 0) & (score <= 1)).all() and np.ptp(score) > 0
    again = detectors.load(trained.folder)
    np.testing.assert_array_equal(again.predict_proba(heard["pitch+2"]), score)
    assert set(trained.explain(heard["clean"])["feature"]) == set(trained.names)
    assert costs.benchmark({balance: trained}, heard["clean"], n_clips=2)["ms_per_clip"].iat[0] > 0
    assert detectors.about(balance).startswith("A detector that weighs the upper half")


def test_the_files_the_guide_names_exist() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for name in re.findall(r"\]\(([^)]+)\)", text):
        assert (GUIDE.parent / name).is_file()
    assert "offkey.detectors.balance:BalanceDetector" in text
