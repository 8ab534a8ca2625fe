"""Grad-CAM finds the hidden clue; the deletion check tells a true map from a false one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from offkey import detectors, perturbations, reports
from offkey.audits import explain
from offkey.audits.explain import checking
from offkey.audits.explain.attribution import hottest
from offkey.core.errors import BadInput
from offkey.features import LogMel
from offkey.features.variants import Variant

STAGE = "backbone.layer2"
# frames, bands of the clue of either class
CLUES = {0: (slice(10, 50), slice(16, 40)), 1: (slice(60, 100), slice(80, 104))}
TRACKS = 10


class Peephole(nn.Module):
    """Counts cells above −30 dB for AI and cells below −70 dB for human."""

    def __init__(self, gain: float = 0.3) -> None:
        super().__init__()
        self.backbone = nn.Module()
        self.backbone.layer2 = nn.Conv2d(1, 2, 1)
        self.gain = gain
        with torch.no_grad():
            self.backbone.layer2.weight[:] = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
            self.backbone.layer2.bias[:] = torch.tensor([30.0, -70.0])

    def forward(self, mels: torch.Tensor) -> torch.Tensor:
        found = self.backbone.layer2(mels.transpose(1, 2)[:, None]).relu().mean((2, 3))
        return self.gain * (found[:, 0] - found[:, 1])


class Detector(SimpleNamespace):
    NAME, threshold = "peephole", 0.5

    def predict_proba(self, variant: Variant) -> np.ndarray:
        mels = torch.stack(
            [torch.from_numpy(variant.windows(i).copy()) for i in range(len(variant))]
        )
        with torch.inference_mode():
            logits = self.network(mels.flatten(0, 1).float())
        return torch.sigmoid(logits).reshape(len(variant), -1).mean(1).double().numpy()


@pytest.fixture(scope="module")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Variant:
    """Pairs of clips of two windows; AI is loud in one corner, human silent in another."""
    rng, rows, mels = np.random.default_rng(0), [], []
    for number in range(TRACKS):
        for target in (0, 1):
            mel = rng.normal(-50, 3, (250, 128))
            frames, bands = CLUES[target]
            for begin in (0, 125):
                mel[begin + frames.start : begin + frames.stop, bands] += 45 if target else -45
            about = {"clip_id": f"c{number}-{target}", "track_id": f"t{number}", "target": target}
            place = {"first_frame": 250 * len(rows), "n_frames": 250, "n_windows": 2}
            rows.append({**about, "split": "test", **place})
            mels.append(mel)
    shard = tmp_path_factory.mktemp("shard") / "s.npy"
    np.save(shard, np.concatenate(mels).astype(np.float16))
    clips = pd.DataFrame(rows).assign(shard=str(shard))
    return Variant(perturbations.CLEAN, clips, LogMel(), "hidden clues")


@pytest.fixture(scope="module")
def tables(variant: Variant) -> dict[str, pd.DataFrame]:
    detector = Detector(network=Peephole())
    maps, profiles = explain.average_maps(detector, [variant], layer=STAGE, n_resamples=200)
    deleted = explain.deletion(detector, variant, shares=(0.02, 0.06), n_random=2, layer=STAGE)
    summary = explain.deletion_summary(deleted, n_resamples=200)
    return {"maps": maps, "profiles": profiles, "deleted": deleted, "summary": summary}


def test_heat_lies_on_the_clue_of_the_verdict(variant: Variant) -> None:
    heat = explain.grad_cam(Detector(network=Peephole()), variant, layer=STAGE)
    assert heat.shape == (4 * TRACKS, 125, 128)
    assert heat.min() >= 0
    for clip, target in enumerate(variant.clips["target"]):
        frames, bands = CLUES[target]
        for window in heat[2 * clip : 2 * clip + 2]:
            hot = hottest(window[None], 0.02)[0]
            assert hot[frames, bands].sum() == hot.sum() == 320


def test_maps_and_profiles_peak_at_the_clue(tables: dict[str, pd.DataFrame]) -> None:
    maps, profiles = tables["maps"], tables["profiles"]
    assert maps.groupby("called").size().tolist() == [25 * 32, 25 * 32]
    assert maps["value"].between(0, 1).all()
    assert maps.groupby("called")["value"].mean().to_numpy() == pytest.approx(explain.HOT, abs=1e-3)
    assert maps.groupby("called")["n_ai"].first().to_dict() == {"AI": TRACKS, "human": 0}
    hz = LogMel().frequencies_hz()
    for target, called in enumerate(("human", "AI")):
        frames, bands = CLUES[target]
        mine = maps[maps["called"] == called]
        inside = mine["frequency_hz"].between(hz[bands.start], hz[bands.stop - 1])
        inside &= mine["time_s"].between(frames.start * 0.032, frames.stop * 0.032)
        assert inside.sum() == 8 * 6
        assert mine.loc[inside, "value"].min() == 1
        profile = profiles[profiles["called"] == called]
        peak = profile.loc[profile["value"].idxmax()]
        assert hz[bands.start] <= peak["frequency_hz"] <= hz[bands.stop - 1]
        assert (profile["low"] <= profile["value"]).all()
        assert (profile["value"] <= profile["high"]).all()


def test_true_map_passes(tables: dict[str, pd.DataFrame]) -> None:
    whole = tables["summary"].query("share.isna()").set_index(["called", "kind"])
    for called in ("all", "human", "AI"):
        assert whole.loc[(called, "difference"), "low"] > 0
        parts = whole.loc[called]["value"]
        assert parts["difference"] == pytest.approx(parts["grad_cam"] - parts["random"])
    sentences = reports.deletion_sentences(tables["summary"])
    assert sentences[0] == "2 of 2 maps pass the check."
    assert all("the map passes" in sentence for sentence in sentences[1:])


def test_map_of_another_network_does_not_pass(variant: Variant, monkeypatch) -> None:
    """Heat that has nothing to do with the verdict falls no faster than random masks."""
    rng = np.random.default_rng(1)
    coarse = rng.random((4 * TRACKS, 5, 8))
    heat = coarse.repeat(25, axis=1).repeat(16, axis=2)
    monkeypatch.setattr(checking, "evidence", lambda *_: heat)
    deleted = explain.deletion(Detector(network=Peephole()), variant, shares=(0.1,), layer=STAGE)
    summary = explain.deletion_summary(deleted, n_resamples=200)
    sentences = reports.deletion_sentences(summary)
    assert "No map passes" in sentences[0]
    assert "does not pass: read nothing from it" in sentences[1]
    unknown = reports.deletion_sentences(summary.assign(low=np.nan, high=np.nan))
    assert "cannot be checked with so few tracks" in unknown[1]
    assert "nan" not in unknown[1]


def test_deletion_says_the_same_again_and_for_a_part(variant: Variant) -> None:
    detector = Detector(network=Peephole())
    one, two = (
        explain.deletion(detector, variant, shares=(0.1,), n_random=2, layer=STAGE, seed=seed)
        for seed in (3, 3)
    )
    pd.testing.assert_frame_equal(one, two)
    other = explain.deletion(detector, variant, shares=(0.1,), n_random=2, layer=STAGE, seed=4)
    same = (one["after"] == other["after"])[one["kind"] == "random"]
    assert not same.all()
    chosen = explain.choose(variant.clips, 3, seed=0)
    assert chosen["target"].value_counts().to_dict() == {0: 3, 1: 3}
    assert chosen["track_id"].nunique() == 3
    assert len(variant.among(chosen)) == 6


def test_cells_come_from_other_tracks_and_masks_keep_their_size(variant: Variant) -> None:
    owners = np.repeat(np.arange(2 * TRACKS), 2)
    tracks = variant.clips["track_id"].to_numpy()
    hot = torch.from_numpy(hottest(np.random.default_rng(0).random((40, 125, 128)), 0.1))
    for donors, shifts in checking._draws(variant, owners, 3, seed=0):
        assert (tracks[owners[donors]] != tracks[owners]).all()
        moved = checking._rolled(hot, shifts)
        assert torch.equal(moved.sum((1, 2)), hot.sum((1, 2)))
        assert not any(torch.equal(a, b) for a, b in zip(moved, hot, strict=True))


def test_means_are_those_of_a_table_made_by_hand() -> None:
    rows = [
        {"variant": "v", "label": "v", "clip_id": f"c{i}", "track_id": f"t{i}", "target": i % 2,
         "called": "AI" if i % 2 else "human", "share": share, "kind": kind, "before": 0.9,
         "after": 0.9 - share * (2 if kind == "grad_cam" else 1)}
        for i in range(8) for share in (0.1, 0.3) for kind in ("grad_cam", "random")
    ]  # fmt: skip
    summary = explain.deletion_summary(pd.DataFrame(rows), n_resamples=50)
    values = summary[summary["called"] == "all"].set_index(["share", "kind"])["value"]
    assert values[0.3, "grad_cam"] == pytest.approx(0.6)
    assert values[0.1, "difference"] == pytest.approx(0.1)
    whole = summary[(summary["called"] == "all") & summary["share"].isna()]
    assert whole.set_index("kind")["value"]["random"] == pytest.approx(0.2)


@pytest.mark.parametrize("layer", [explain.LAYER, "backbone.layer3"])
def test_resnet_has_the_stages(variant: Variant, layer: str) -> None:
    detector = detectors.create("resnet")
    few = variant.among(variant.clips.head(4))
    before = [p.clone() for p in detector.network.parameters()]
    heat = explain.grad_cam(detector, few, layer=layer)
    assert heat.shape == (8, 125, 128)
    assert np.isfinite(heat).all()
    assert all(p.grad is None for p in detector.network.parameters())
    assert all(map(torch.equal, before, detector.network.parameters()))


def test_detectors_without_convolutions_are_refused(variant: Variant) -> None:
    linear = nn.Sequential(nn.Flatten(), nn.Linear(125 * 128, 1), nn.Flatten(0))
    for without in (SimpleNamespace(NAME="forest"), Detector(network=linear)):
        with pytest.raises(BadInput, match="no network with convolutions"):
            explain.grad_cam(without, variant)
    with pytest.raises(BadInput, match=r"did you mean 'backbone\.layer2'"):
        explain.grad_cam(Detector(network=Peephole()), variant, layer="layer2")


def test_impossible_checks_are_refused(variant: Variant) -> None:
    detector = Detector(network=Peephole())
    for bad in ({"shares": ()}, {"shares": (0.1, 1.0)}, {"n_random": 0}):
        with pytest.raises(BadInput, match="shares"):
            explain.deletion(detector, variant, layer=STAGE, **bad)
    with pytest.raises(BadInput, match="one track"):
        explain.deletion(detector, variant.among(variant.clips.head(2)), layer=STAGE)
    quiet = dataclasses.replace(variant, clips=variant.clips.assign(first_frame=0))
    nothing = Detector(network=Peephole(gain=0.0))
    with pytest.raises(BadInput, match="no evidence"):
        explain.average_maps(nothing, [quiet], layer=STAGE)


def test_figures_and_what_fails_is_pale(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    summary = tables["summary"].copy()
    lost = (summary["called"] == "AI") & (summary["kind"] == "difference")
    summary.loc[lost, "low"] = -0.1
    maps = reports.with_verdicts(tables["maps"], summary)
    assert maps.groupby("called")["passed"].first().to_dict() == {"AI": False, "human": True}
    text = " ".join(t.get_text() for t in reports.plot_attention(maps).findobj(match=_is_text))
    assert "CHECK NOT PASSED" in text
    assert "Pale: did not pass" in text
    profiles = reports.with_verdicts(tables["profiles"], summary)
    assert len(reports.plot_attention(maps[maps["called"] == "human"]).axes) == 2  # and its scale
    for name, plot, table in (
        ("map", reports.plot_attention, maps),
        ("profile", reports.plot_attention_profile, profiles),
        ("deletion", reports.plot_deletion, summary),
    ):
        figure = plot(table)
        words = " ".join(t.get_text() for t in figure.findobj(match=_is_text))
        assert "n = " in words
        reports.publish(plot, table, tmp_path, name)
        assert (tmp_path / f"{name}.csv").stat().st_size < 1_000_000
        made = {path.name for path in tmp_path.glob(f"{name}.*")}
        assert made == {f"{name}.png", f"{name}.dark.png", f"{name}.csv"}


def _is_text(artist: object) -> bool:
    return hasattr(artist, "get_text") and isinstance(artist.get_text(), str)
