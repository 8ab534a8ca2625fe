"""Which trained detector judges where none is named: never one made for something else."""

import os
from pathlib import Path

import pytest

from offkey import detectors
from offkey.core.errors import BadInput
from offkey.detectors import trained

FIT = {
    "purpose": trained.AI_OR_HUMAN,
    "regime": "clean",
    "trained_on": ["clean"],
    "dataset": "demo",
    "seed": 0,
    "train_clips": 100,
}


def model(models: Path, name: str, *, validated: float = 0.8, **about: object) -> Path:
    """A small detector's folder, as a training leaves it."""
    detector = detectors.create("cnn", width=1)
    detector.validated = validated
    detector.save(models / name, **about)
    return models / name


def test_the_newest_folder_is_not_the_default(tmp_path: Path) -> None:
    """What tells two human sources apart was taken, because a study makes it last."""
    right = model(tmp_path, "clean", **FIT)
    wrong = {
        "real_pair": {**FIT, "purpose": trained.REAL_PAIR},
        "without": {**FIT, "purpose": trained.UNHEARD},
        "experiment": {**FIT, "purpose": trained.EXPERIMENT},
        "later_stage": {**FIT, "regime": "iterative"},
        "edited": {**FIT, "regime": "retrained", "trained_on": ["pitch+2"]},
        "old": {"trained_on": ["clean"]},
    }
    for name, about in wrong.items():
        model(tmp_path, name, **about)
    os.utime(right / "model.json", (0, 0))
    assert trained.default(tmp_path, "cnn") == (right, [])


def test_of_several_a_stated_rule_takes_one_and_names_the_others(tmp_path: Path) -> None:
    small = model(tmp_path, "a-small", validated=0.99, **{**FIT, "train_clips": 10})
    weak = model(tmp_path, "b-weak", validated=0.7, **FIT)
    twin = model(tmp_path, "d-twin", validated=0.9, **{**FIT, "seed": 1})
    best = model(tmp_path, "c-best", validated=0.9, **FIT)
    choice = trained.default(tmp_path, "cnn")
    assert choice == (best, [twin, weak, small])
    (note,) = trained.notes(*choice)
    assert "most training clips" in note and note.endswith("d-twin, b-weak, a-small")
    assert trained.described(best) == "clean music of demo, seed 0"


def test_none_that_fits_is_one_sentence(tmp_path: Path) -> None:
    model(tmp_path, "pair", **{**FIT, "purpose": trained.REAL_PAIR})
    with pytest.raises(BadInput, match=r"no cnn trained to tell AI from human .*--model"):
        trained.default(tmp_path, "cnn")


def test_a_named_one_says_what_it_is_for(tmp_path: Path) -> None:
    pair = model(tmp_path, "pair", **{**FIT, "purpose": trained.REAL_PAIR})
    for name in (str(pair), "pair"):
        choice = trained.find(tmp_path, name)
        assert choice == (pair, [])
    (note,) = trained.notes(*choice)
    assert "trained for 'real-against-real', not to tell AI from human" in note
    (note,) = trained.notes(model(tmp_path, "unknown"), [])
    assert "does not say what it was trained for" in note
    assert trained.notes(model(tmp_path, "clean", **FIT), []) == []
