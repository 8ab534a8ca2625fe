"""What is left out of training is left out with every track it occurs in."""

from pathlib import Path

import pandas as pd
import pytest

from offkey import perturbations, protocols
from offkey.core import store
from offkey.core.errors import BadInput
from offkey.detectors import trained
from offkey.features import variants
from offkey.protocols import unseen

QUICK = ("resnet", {"epochs": 1, "batch_size": 8, "crop_share": 0.25})


@pytest.fixture(scope="module")
def clips(tiny_clips: pd.DataFrame) -> pd.DataFrame:
    """The tiny clips with two families and two human sources, both in every split."""
    odd = tiny_clips["track_id"].str[-1].astype(int) % 2 == 1
    family = tiny_clips["family"].where(~(odd & (tiny_clips["target"] == 1)), "other")
    source = tiny_clips["generator"].where(~(odd & (tiny_clips["target"] == 0)), "song")
    return tiny_clips.assign(family=family, generator=source)


def test_left_out_tracks_are_gone_from_train_and_val(clips: pd.DataFrame) -> None:
    rest = unseen.leave_out(clips, "family", "other")
    learnt = rest[rest["split"] != "test"]
    assert "other" not in set(learnt["family"])
    assert not set(learnt["track_id"]) & set(clips.loc[clips["family"] == "other", "track_id"])
    assert len(rest[rest["split"] == "test"]) == len(clips[clips["split"] == "test"])
    with pytest.raises(BadInput, match="family"):
        unseen.leave_out(clips, "famly", "other")


def _tracks(clips: pd.DataFrame) -> dict[tuple[str, int], int]:
    learnt = clips[clips["split"] != "test"]
    return learnt.groupby(["split", "target"])["track_id"].nunique().to_dict()


def test_the_control_of_size_has_as_many_tracks_of_each_class_and_the_family(
    clips: pd.DataFrame,
) -> None:
    rest, control = (
        unseen.leave_out(clips, "family", "other"),
        unseen.same_size(clips, "family", "other"),
    )
    assert _tracks(control) == _tracks(rest)
    assert len(control) == len(rest)
    learnt = control[(control["split"] == "train") & (control["target"] == 1)]
    assert set(learnt["family"]) == {"noisy", "other"}
    test = control[control["split"] == "test"]
    assert set(test["clip_id"]) == set(clips.loc[clips["split"] == "test", "clip_id"])
    again = unseen.same_size(clips, "family", "other")
    pd.testing.assert_frame_equal(control, again)


def test_the_control_of_size_of_music_without_twins(clips: pd.DataFrame) -> None:
    """40 human and 20 AI tracks, of which one family has 12: 8 AI and all human ones stay."""
    rows = pd.DataFrame({"track_id": [f"t{n}" for n in range(60)], "split": "train"})
    rows["target"] = [0] * 40 + [1] * 20
    rows["family"] = ["human"] * 40 + ["big"] * 12 + ["small"] * 8
    control = unseen.same_size(rows, "family", "big")
    assert len(unseen.leave_out(rows, "family", "big")) == len(control) == 48
    counts = control["family"].value_counts().to_dict()
    assert counts["human"] == 40
    assert counts["big"] + counts["small"] == 8
    assert counts["big"] in (4, 5) and counts["small"] in (3, 4)  # 12 : 8 as before


def test_candidates_are_heard_tested_and_not_alone(clips: pd.DataFrame) -> None:
    assert unseen.candidates(clips, "family", 1) == ["noisy", "other"]
    assert unseen.candidates(clips, "generator", 0) == ["song", "tune"]
    alone = clips.assign(family="one")
    assert unseen.candidates(alone, "family", 1) == []


def test_heard_and_unheard_judge_the_same_clips(clips: pd.DataFrame, tmp_path: Path) -> None:
    clean = variants.build(clips, perturbations.find(["clean"]), tmp_path / "v")["clean"]
    base = protocols.train_seeds(QUICK, [clean], tmp_path / "m", seeds=[0], name="base")
    how = {"column": "family", "target": 1, "name": "tiny"}
    found = unseen.leave_one_out(QUICK, base, clips, clean, tmp_path / "m", values=["other"], **how)
    purposes = {
        path.parent.name.partition("-seed")[0]: store.read_json(path)["purpose"]
        for path in (tmp_path / "m").glob("*/model.json")
    }
    assert purposes == {
        "base": trained.AI_OR_HUMAN,
        "tiny-as-few-as-other": trained.UNHEARD,
        "tiny-without-other": trained.UNHEARD,
    }
    heard, same_size, unheard = (
        set(found.loc[found["regime"] == name, "clip_id"])
        for name in ("heard", "heard_same_size", "unheard")
    )
    assert heard == same_size == unheard
    models = found.groupby("regime")["model_fingerprint"].agg(set)
    assert len(models["heard"] | models["heard_same_size"] | models["unheard"]) == 3
    ai = found[found["target"] == 1]
    assert set(ai["family"]) == {"other"}
    assert set(found.loc[found["target"] == 0, "split"]) == {"test"}
    alone = clips.assign(family="one")
    assert unseen.leave_one_out(QUICK, base, alone, clean, tmp_path / "m", **how).empty
    with pytest.raises(BadInput, match="did you mean 'other'"):
        unseen.leave_one_out(QUICK, base, clips, clean, tmp_path, values=["othr"], **how)


def test_relabelled_variant_carries_the_new_target(clips: pd.DataFrame, tmp_path: Path) -> None:
    clean = variants.build(clips, perturbations.find(["clean"]), tmp_path)["clean"]
    relabelled = clips.assign(target=1 - clips["target"])
    part = clean.among(relabelled)
    assert len(part) == len(relabelled)
    wanted = relabelled.set_index("clip_id")["target"]
    assert part.clips.set_index("clip_id")["target"].to_dict() == wanted.to_dict()
    assert part.fingerprint != clean.fingerprint
