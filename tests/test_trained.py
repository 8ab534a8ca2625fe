"""Which trained detector judges where none is named, and what a named one says of itself."""

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


def test_what_a_study_trained_is_never_the_default(tmp_path: Path) -> None:
    model(tmp_path, "clean", **FIT)
    assert trained.find(tmp_path) == trained.SHIPPED
    assert trained.SHIPPED.parent == Path(detectors.__file__).parent


def test_a_named_one_is_found_by_its_path_or_among_the_models(tmp_path: Path) -> None:
    clean = model(tmp_path, "clean", **FIT)
    for name in (str(clean), "clean"):
        assert trained.find(tmp_path, name) == clean
    assert (trained.named(clean), trained.described(clean)) == (
        "clean",
        "clean music of demo, seed 0",
    )
    assert trained.load(clean).NAME == "cnn"
    with pytest.raises(BadInput, match=r"no trained detector in nowhere: train one by"):
        trained.load(trained.find(tmp_path, "nowhere"))


def test_one_that_counts_its_clips_says_so(tmp_path: Path) -> None:
    counts = {"clips": 9, "ai_clips": 4, "ai_families": 2, "human_clips": 5, "human_sources": 3}
    own = model(tmp_path, "own", **FIT, learnt_from=counts)
    said = "9 clips of demo (4 AI of 2 families, 5 human of 3 sources)"
    assert trained.described(own) == said


def test_a_missing_shipped_detector_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")
    with pytest.raises(BadInput) as refused:
        trained.load(trained.find(tmp_path))
    place = tmp_path / "shipped"
    assert str(refused.value) == (
        f"the shipped detector: no trained detector in {place}: install offkey again."
    )


def test_of_a_study_the_newest_folder_is_not_taken(tmp_path: Path) -> None:
    """A detector of another purpose was taken, because a study makes it last."""
    right = model(tmp_path, "clean", **FIT)
    wrong = {
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


def test_of_several_a_stated_rule_takes_one_and_ranks_the_others(tmp_path: Path) -> None:
    small = model(tmp_path, "a-small", validated=0.99, **{**FIT, "train_clips": 10})
    weak = model(tmp_path, "b-weak", validated=0.7, **FIT)
    twin = model(tmp_path, "d-twin", validated=0.9, **{**FIT, "seed": 1})
    best = model(tmp_path, "c-best", validated=0.9, **FIT)
    assert trained.default(tmp_path, "cnn") == (best, [twin, weak, small])


def test_none_that_fits_is_one_sentence(tmp_path: Path) -> None:
    model(tmp_path, "other", **{**FIT, "purpose": trained.EXPERIMENT})
    with pytest.raises(BadInput, match=r"no cnn trained to tell AI from human .*--model"):
        trained.default(tmp_path, "cnn")


def test_a_named_one_says_what_it_is_for(tmp_path: Path) -> None:
    other = model(tmp_path, "other", **{**FIT, "purpose": trained.EXPERIMENT})
    (note,) = trained.notes(other)
    assert "trained for 'experiment', not to tell AI from human" in note
    (note,) = trained.notes(model(tmp_path, "unknown"))
    assert "does not say what it was trained for" in note
    assert trained.notes(model(tmp_path, "clean", **FIT)) == []
