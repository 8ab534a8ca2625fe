"""Cross-fitting: every clip is tested once, by a detector that met nothing of its group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from offkey import detectors, evaluation, perturbations, protocols
from offkey.core import manifest
from offkey.core.errors import BadInput
from offkey.features import variants
from offkey.features.variants import Variant
from offkey.protocols import unseen

FOREST = ("forest", {"trees": 10, "folds": 2})


@pytest.fixture(scope="module")
def folded(tiny_clips: pd.DataFrame) -> pd.DataFrame:
    """The tiny clips in three folds, no two of which share a pair of tracks."""
    group = "pair" + (tiny_clips["track_id"].str[-1].astype(int) // 2).astype(str)
    fold = manifest.assign_folds(group, pd.Series("all", group.index), n_folds=3)
    return manifest.validate(tiny_clips.assign(group=group, fold=fold, split="test"))


@pytest.fixture(scope="module")
def built(folded: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Variant]:
    conditions = perturbations.find(["clean", "pitch+2"])
    features = detectors.features("forest")
    return variants.build(folded, conditions, tmp_path_factory.mktemp("v"), features=features)


@pytest.fixture(scope="module")
def trained(built, tmp_path_factory: pytest.TempPathFactory) -> list[protocols.Trained]:
    folder = tmp_path_factory.mktemp("m")
    return protocols.train_seeds(FOREST, [built["clean"]], folder, seeds=[0], name="forest")


def test_folds_are_alike_and_tear_no_group() -> None:
    rng = np.random.default_rng(0)
    groups = pd.Series([f"g{n}" for n in rng.integers(0, 40, 400)])
    classes = pd.Series(np.where(groups.str[1:].astype(int) < 15, "ai", "human"))
    fold = manifest.assign_folds(groups, classes, n_folds=5)
    assert fold.groupby(groups).nunique().max() == 1
    share = pd.crosstab(fold, classes, normalize="columns")
    assert len(share) == 5 and share.to_numpy() == pytest.approx(0.2, abs=0.06)
    with pytest.raises(BadInput, match="3 are needed"):
        manifest.assign_folds(groups, classes, n_folds=2)
    with pytest.raises(BadInput, match="'ai' has 15 groups for 20 folds"):
        manifest.assign_folds(groups, classes, n_folds=20)


def test_every_clip_is_test_once_and_apart_from_training(folded: pd.DataFrame) -> None:
    tested: list[str] = []
    for number, view in enumerate(manifest.views(folded)):
        test = view[view["split"] == "test"]
        assert set(test["fold"]) == {number}
        tested += test["clip_id"].tolist()
        assert set(view["split"]) == set(manifest.SPLITS)
        assert view.groupby("group")["split"].nunique().max() == 1
        manifest.validate(view.assign(fold=0))
    assert sorted(tested) == sorted(folded["clip_id"])
    alone = folded.assign(fold=0)
    assert manifest.views(alone)[0] is alone


def test_each_fold_has_its_own_detector_which_judges_its_own_clips(built, trained) -> None:
    assert [one.fold for one in trained] == [0, 1, 2]
    about = {"regime": "clean", "train_variant": "clean"}
    found = protocols.predict_seeds(trained, list(built.values()), **about)
    for variant, part in found.groupby("variant"):
        assert sorted(part["clip_id"]) == sorted(built[variant].clips["clip_id"])
    by_fold = found.groupby("fold")
    assert by_fold["model_fingerprint"].nunique().eq(1).all()
    assert found["model_fingerprint"].nunique() == 3
    for one in trained:
        own = found[(found["fold"] == one.fold) & (found["variant"] == "clean")]
        assert set(own["threshold"]) == {one.detector.threshold}
        (heard,) = one.of([built["clean"]])
        np.testing.assert_allclose(own["score"], one.detector.predict_proba(heard), atol=1e-6)
    scores = evaluation.score(found, n_resamples=100)
    counts = scores[scores["subset"] == "all"].groupby("variant")["n_clips"].max()
    assert counts.eq(20).all()


def test_thresholds_come_from_the_training_part_alone(built, trained) -> None:
    about = {"regime": "clean", "train_variant": "clean"}
    seen = protocols.validation_seeds(trained, [built["clean"]], **about)
    fold_of = built["clean"].clips.set_index("clip_id")["fold"]
    assert (fold_of[seen["clip_id"]].to_numpy() != seen["fold"]).all()
    for one in trained:
        own = seen[seen["fold"] == one.fold]
        called = own["score"] >= one.detector.threshold
        right = (called == (own["target"] == 1)).groupby(own["target"]).mean().mean()
        assert right == pytest.approx(one.detector.validated)
        # fitted on train and val alike: what fixed the threshold are scores from inner folds
        assert len(own) == (fold_of != one.fold).sum()


def test_stages_are_trained_in_every_fold(folded: pd.DataFrame, tmp_path: Path) -> None:
    conditions = perturbations.find(["clean", "pitch+2"])
    mels = variants.build(folded, conditions, tmp_path / "v")
    quick = ("resnet", {"epochs": 1, "batch_size": 8, "crop_share": 0.25})
    where = {"seeds": [0], "name": "base"}
    base = protocols.train_seeds(quick, [mels["clean"]], tmp_path / "m", **where)
    found, losses = protocols.iterative_seeds(
        base,
        {"1 pitch": mels["pitch+2"]},
        tmp_path / "m",
        list(mels.values()),
        clean=mels["clean"],
        name="stages",
    )
    sizes = found.groupby(["stage", "variant"])["clip_id"].nunique()
    assert sizes.eq(len(folded)).all() and len(sizes) == 4
    assert set(losses["stage"]) == {"0 clean", "1 pitch"}


def test_intervals_over_groups_are_wider_where_clips_of_a_group_go_together(built, trained) -> None:
    about = {"regime": "clean", "train_variant": "clean"}
    found = protocols.predict_seeds(trained, [built["clean"]], **about)
    # whole groups right or wrong
    wrong = found["group"].isin(sorted(found["group"].unique())[:2])
    score = np.where(wrong, 1 - found["target"], found["target"]) * 0.8 + 0.1
    scores = evaluation.score(found.assign(score=score, threshold=0.5), n_resamples=300)
    row = scores[(scores["metric"] == "balanced_accuracy") & (scores["subset"] == "all")].iloc[0]
    assert row["group_high"] - row["group_low"] > row["high"] - row["low"]
    assert (row["n_tracks"], row["n_groups"]) == (10, 5)


def test_families_are_compared_heard_and_unheard(built, trained, tmp_path: Path) -> None:
    found = unseen.heard_in_folds(FOREST, trained, built["clean"], tmp_path, name="f")
    assert set(found["held_out"]) == {"noisy"} and set(found["regime"]) == {"heard", "unheard"}
    assert found.groupby("regime")["clip_id"].nunique().eq(20).all()
    costs = evaluation.compare_held_out(found)
    assert set(costs["regime"]) == {"unheard"} and len(costs) == 1
