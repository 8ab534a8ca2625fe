"""The original study's faults: each has a test here that would have caught it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from offkey import detectors, metrics, perturbations, protocols, reports
from offkey.audits import revisited
from offkey.audits.revisited import pictures, published, rows, splits, stage
from offkey.core import manifest, seeding
from offkey.core.errors import BadInput
from offkey.features import LogMel, variants
from offkey.features.variants import Variant
from offkey.perturbations import Condition

NAMES = ["clean", "original_pitch", "original_tempo", "original_pitch_tempo"]
QUICK = {"epochs": 2, "train": "head", "learning_rate": 0.01}


@pytest.fixture(scope="module")
def built(tiny_clips: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Variant]:
    folder = tmp_path_factory.mktemp("variants")
    return variants.build(tiny_clips, perturbations.find(NAMES), folder)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def base(built: dict[str, Variant], models: Path) -> list[protocols.Trained]:
    kind = ("resnet", QUICK)
    return protocols.train_seeds(kind, [built["clean"]], models, seeds=[0], name="base")


# a stage that trains nothing


def _separable() -> tuple[torch.Tensor, torch.Tensor]:
    targets = torch.arange(64) % 2
    noise = torch.from_numpy(seeding.rng(0, "noise").standard_normal((64, 8)))
    return (3 * (2 * targets[:, None] - 1) + noise).float(), targets.float()


def test_an_optimiser_of_the_old_head_does_not_move_the_new_one() -> None:
    features, targets = _separable()
    how = {"epochs": 30, "seed": 1}
    head, change = stage.train_head(nn.Linear(8, 1), features, targets, remade=False, **how)
    torch.manual_seed(1)
    assert change == 0 and torch.equal(head.weight, nn.Linear(8, 1).weight)
    head, change = stage.train_head(nn.Linear(8, 1), features, targets, remade=True, **how)
    assert change > 0.01
    assert ((head(features)[:, 0] > 0) == (targets == 1)).float().mean() > 0.95


def test_every_stage_of_the_package_trains_its_new_head(
    base: list[protocols.Trained], built: dict[str, Variant], models: Path
) -> None:
    first = base[0].detector
    stages = {"1 pitch": built["original_pitch"], "2 tempo": built["original_tempo"]}
    how = {"learnt": [built["clean"]], "seed": 0, "name": "stage", "head": "reset"}
    later = protocols.train_stages(first, stages, models, **how)
    for name, trained, _ in later:
        untouched = detectors.load(first.folder)
        untouched.reset_head(seeding.integer(0, name))
        change = trained.network.head.weight - untouched.network.head.weight
        assert change.abs().max() > 1e-4


def test_new_heads_compares_both_orders_on_the_same_clips(
    base: list[protocols.Trained], built: dict[str, Variant]
) -> None:
    both = built["original_pitch_tempo"]
    table, moved = revisited.new_heads(
        base[0].detector, both.select("train"), both.select("test"), n_heads=2, epochs=3
    )
    largest = moved.groupby("regime")["largest_change"]
    assert largest.max()["published"] == 0 and largest.min()["mended"] > 0
    assert table.groupby(["regime", "seed"]).size().eq(4).all() and len(table) == 16


def test_a_detector_without_a_head_is_refused(built: dict[str, Variant]) -> None:
    forest = type("Forest", (), {"NAME": "forest"})()
    with pytest.raises(BadInput, match="'forest' has no backbone"):
        rows.clip_features(forest, built["clean"])


# spectrograms of the wrong folder


def test_spectrograms_of_an_edit_are_of_the_edited_sound(built: dict[str, Variant]) -> None:
    for variant in (built[name] for name in NAMES[1:]):
        for row in range(len(variant)):
            drawn = variant.clips["drawn"].iat[row]
            assert not np.array_equal(built["clean"].rows(row), variant.rows(row)), drawn


def test_the_wrong_folder_measures_the_clean_clips(
    base: list[protocols.Trained], built: dict[str, Variant]
) -> None:
    clean, pitch = (built[name].select("test") for name in NAMES[:2])
    table = revisited.wrong_folder(base, clean, pitch)
    assert set(table["variant"]) == {"original_pitch"}
    wrong, right = (table[table["regime"] == way] for way in ("published", "mended"))
    detector = base[0].detector
    assert np.allclose(wrong["score"], detector.predict_proba(clean), atol=1e-6)
    assert np.allclose(right["score"], detector.predict_proba(pitch), atol=1e-6)


# split by picture


def test_a_manifest_split_by_clip_is_refused(tiny_clips: pd.DataFrame) -> None:
    places = np.resize(["train", "val", "test"], len(tiny_clips))
    order = seeding.rng(0, "by clip").permutation(len(tiny_clips))
    with pytest.raises(BadInput, match="belong to one split"):
        manifest.validate(tiny_clips.assign(split=places[order]))


def test_folds_by_track_hold_back_the_whole_track() -> None:
    tracks = pd.Series(np.repeat([f"t{i}" for i in range(20)], 4))
    pictures_of = pd.Series([f"p{i}" for i in range(80)])
    by_track, by_picture = (splits.deal(groups, 5, 0) for groups in (tracks, pictures_of))
    assert splits.heard_share(tracks, by_track) == 0
    assert splits.heard_share(tracks, by_picture) > 0.9
    assert np.bincount(by_track).tolist() == [16] * 5
    with pytest.raises(BadInput, match="between 2 and 20"):
        splits.deal(tracks, 21, 0)


def test_a_split_by_picture_rewards_knowing_the_song() -> None:
    # classes by chance: nothing can be learnt but which song it is
    rng = seeding.rng(0, "songs")
    target = np.repeat(rng.permutation(np.arange(40) % 2), 4)
    features = np.repeat(rng.standard_normal((40, 64)), 4, axis=0)
    features += 0.05 * rng.standard_normal(features.shape)
    tracks = pd.Series(np.repeat([f"t{i}" for i in range(40)], 4))
    single = pd.Series([f"p{i}" for i in range(160)])
    by_picture, by_track = (
        metrics.auc(target, splits._tested(features, target, splits.deal(groups, 5, 0)))
        for groups in (single, tracks)
    )
    assert by_picture > 0.95 and by_track < 0.7


def test_leak_tests_every_picture_once_in_both_ways(
    built: dict[str, Variant], models: Path
) -> None:
    detector = revisited.untaught(
        ("resnet", {"epochs": 9}), built["clean"], models, seed=0, name="untaught"
    )
    assert (detector.settings.train, detector.settings.epochs) == ("head", 1)
    table, heard = revisited.leak(detector, [built[name] for name in NAMES], n_tracks=8, folds=4)
    assert table.groupby("regime")["clip_id"].nunique().to_dict() == {"published": 64, "mended": 64}
    share = heard.set_index("regime")["share"]
    assert share["mended"] == 0 and share["published"] > 0.9


# axes in the picture


def _mel(n_frames: int, name: str = "noise") -> np.ndarray:
    return seeding.rng(0, name).uniform(-80, 0, (n_frames, 128)).astype(np.float32)


def test_the_network_gets_the_log_mel_without_a_frame(base: list[protocols.Trained]) -> None:
    mels = torch.from_numpy(_mel(125))[None]
    assert base[0].detector.network.images(mels).shape == (1, 1, 128, 125)


def test_only_the_axes_are_left_of_a_picture() -> None:
    features = LogMel()
    short, other, long = (
        pictures.picture(mel, features) for mel in (_mel(250), _mel(250, "other"), _mel(350))
    )
    assert short.shape == (700, 800) and (short < 255).sum() > 500
    assert np.array_equal(short, other)  # nothing of the sound
    assert not np.array_equal(short, long)
    assert (pictures.picture(_mel(250), features, axes=False) == 255).all()


def test_axes_tell_the_duration() -> None:
    n_frames = seeding.rng(0, "frames").integers(260, 390, 30)
    drawn = np.stack([pictures.picture(_mel(int(n)), LogMel()).ravel() for n in n_frames])
    longer = (n_frames > 325).astype(int)
    assert metrics.auc(longer, pictures._tested(drawn, longer, 5, 0)) > 0.85
    blank = np.full_like(drawn, 255)
    assert metrics.auc(longer, pictures._tested(blank, longer, 5, 0)) == 0.5


def test_read_tempo_draws_one_clip_a_track(tiny_clips: pd.DataFrame) -> None:
    tempo = perturbations.find(["original_tempo"])[0]
    table = revisited.read_tempo(tiny_clips, tempo, n_pictures=8, seed=0)
    assert table.groupby("regime")["track_id"].nunique().to_dict() == {"published": 8, "mended": 8}
    assert table.loc[table["regime"] == "mended", "score"].nunique() == 1
    with pytest.raises(BadInput, match="at least two of each"):
        revisited.read_tempo(tiny_clips, tempo, n_pictures=1, seed=0)


# sizes and the numbers in print


def _table(right: float, regime: str, n: int = 40) -> pd.DataFrame:
    """Human clips all right, AI clips right in a share of `right`."""
    target = np.arange(n) % 2
    wrong = (target == 1) & (np.arange(n) >= n * right)
    keys = {"generator": "g", "family": "f", "dataset": "d", "split": "test"}
    names = [f"c{i}" for i in range(n)]
    clips = pd.DataFrame({"clip_id": names, "track_id": names, "target": target, **keys})
    score = np.where(wrong, 0.2, np.where(target == 1, 0.8, 0.2))
    return rows.predictions(clips, Condition(), score, detector="resnet", regime=regime)


def test_effect_is_mended_minus_published() -> None:
    table = pd.concat([_table(1.0, "published"), _table(0.5, "mended")])
    found = revisited.effects({"a fault": table, "none": table.assign(score=table["target"])})
    first, second = found.to_dict("records")
    assert (first["published"], first["mended"]) == (1.0, 0.75)
    assert first["effect"] == pytest.approx(-0.25) and first["high"] < 0 and first["p_holm"] < 0.05
    assert second["effect"] == 0 and second["p_holm"] == 1
    assert second["low"] == -second["high"] < -0.05  # no verdict differs, on so few tracks
    figure = reports.plot_estimates(reports.fault_table(found), title="Two")
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert any(text.startswith("−25 points [") for text in texts)
    assert "0 points [−12, +12]" in texts  # none of the few tracks differs


def test_numbers_in_print_have_a_status_and_none_is_invented() -> None:
    table = revisited.table()
    assert set(table["status"]) == {"second hand", "derived", "not available"}
    assert (table["value"].isna() == (table["status"] == "not available")).all()
    missing = set(table.loc[table["value"].isna(), "run"])
    assert missing == {"pitch", "tempo", "pitch and tempo"}
    assert table["source"].str.len().gt(0).all() and set(table["metric"]) == set(published.METRICS)
    for run in ("base", "continuous"):
        value = table[table["run"] == run].set_index("metric")["value"]
        recall, precision, specificity = value[["recall", "precision", "specificity"]]
        assert value["f1"] == pytest.approx(2 * precision * recall / (precision + recall), abs=2e-3)
        assert value["accuracy"] == pytest.approx((recall + specificity) / 2, abs=2e-3)
        assert value["false_positive_rate"] == pytest.approx(1 - specificity)
        assert value["false_negative_rate"] == pytest.approx(1 - recall)


def test_our_numbers_count_human_as_positive() -> None:
    # 20 human clips, all called human; of 20 AI clips 10 are called human
    ours = revisited.measured(_table(0.5, "clean")).set_index("metric")
    assert ours.loc["recall", "value"] == 1 and ours.loc["recall", "low"] < 0.9
    assert ours.loc["precision", "value"] == pytest.approx(20 / 30)
    assert ours.loc["specificity", "value"] == pytest.approx(0.5)
    assert ours.loc["f1", "value"] == pytest.approx(0.8)
    side = revisited.beside(ours.reset_index()).set_index(["run", "metric"])
    assert side.loc[("base", "F1"), "ours"].startswith("0.80 [")
    assert side.loc[("pitch", "accuracy"), ["published", "ours"]].tolist() == [
        "not available",
        "not run",
    ]


def test_runs_are_matched_with_those_in_print() -> None:
    edit = {"perturbation": "original_pitch_tempo", "variant": "original_pitch_tempo@librosa"}
    own = _table(1.0, "retrained").assign(**edit, train_variant=edit["variant"])
    last = _table(1.0, "iterative").assign(**edit, stage="3 pitch_tempo")
    other = _table(1.0, "retrained").assign(**edit, train_variant="original_tempo@librosa")
    found = revisited.measured(pd.concat([own, last, other, last]))
    assert set(found["run"]) == {"pitch and tempo", "continuous"}
    assert (found["n_clips"] == 40).all()
    with pytest.raises(BadInput, match="one detector"):
        revisited.measured(pd.concat([own, last.assign(detector="shortcut")]))
