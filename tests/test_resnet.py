"""The ResNet detector and its loop: it learns, resumes exactly, keeps its promises on disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import tune
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from offkey import detectors, perturbations, protocols
from offkey.core import seeding, store
from offkey.core.errors import BadInput
from offkey.detectors import detection, devices, training, weights
from offkey.detectors.resnet18 import ResNet18
from offkey.features import LogMel, variants
from offkey.protocols import iterative
from offkey.sound import audio

TINY = {"epochs": 2, "batch_size": 8, "patience": 0}


@pytest.fixture(scope="module")
def built(tiny_clips: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory):
    conditions = perturbations.find(["clean", "pitch+2"])
    return variants.build(tiny_clips, conditions, tmp_path_factory.mktemp("variants"))


@pytest.fixture(scope="module")
def trained(built, tmp_path_factory: pytest.TempPathFactory):
    detector = detectors.create("resnet", epochs=8, batch_size=6, patience=0)
    folder = tmp_path_factory.mktemp("models")
    return protocols.train(detector, [built["clean"]], folder, seed=0, name="tiny")


def test_learns_what_noise_in_the_highs_gives_away(built, trained) -> None:
    detector, history = trained
    assert history["train_loss"].iat[-1] < history["train_loss"].iat[0]
    learnt = built["clean"].select("train")
    score = detector.predict_proba(learnt)
    target = learnt.clips["target"].to_numpy()
    assert score[target == 1].mean() > score[target == 0].mean() + 0.1


def test_saved_and_loaded_gives_the_same_scores(built, trained, tmp_path: Path) -> None:
    detector, _ = trained
    test = built["pitch+2"].select("test")
    detector.save(tmp_path)
    again = detectors.load(tmp_path)
    np.testing.assert_array_equal(detector.predict_proba(test), again.predict_proba(test))
    assert again.threshold == detector.threshold
    assert ((detector.predict_proba(test) >= 0) & (detector.predict_proba(test) <= 1)).all()


def test_scores_are_the_network_s_own(built, trained) -> None:
    detector, _ = trained
    test = built["pitch+2"].select("test")
    network = detector.network.eval()
    with torch.no_grad():
        windows = torch.from_numpy(np.stack([test.windows(row)[0] for row in range(len(test))]))
        direct = torch.sigmoid(network(windows.float())).numpy()
    assert (test.clips["n_windows"] == 1).all()
    np.testing.assert_allclose(detector.predict_proba(test), direct, atol=1e-5)


def test_one_recording_scores_like_its_clip(built, trained) -> None:
    detector, _ = trained
    clean = built["clean"]
    direct = detector.score_samples(audio.load(clean.clips["path"].iat[0]))
    assert direct == pytest.approx(detector.predict_proba(clean)[0], abs=1e-5)
    assert 0 <= detector.score_samples(tune("short", 1.0)) <= 1


def test_other_features_stay_with_the_detector(tiny_clips, tmp_path: Path) -> None:
    features = LogMel(sample_rate_hz=22_050, window_s=2.0)
    clean = perturbations.find(["clean"])
    variant = variants.build(tiny_clips, clean, tmp_path / "v", features=features)["clean"]
    detector = detectors.create("resnet", epochs=1, batch_size=8, crop_share=0.5)
    trained, _ = protocols.train(detector, [variant], tmp_path / "m", seed=0, name="other")
    assert trained.features == features
    found = detection.detect(trained, tiny_clips["path"].iat[0])
    assert found["seconds_heard"] == pytest.approx(4.0)  # as of its training clips
    assert 0 <= found["score"] <= 1


def test_same_request_is_not_trained_twice(built, trained, monkeypatch) -> None:
    detector, history = trained
    monkeypatch.setattr(training, "fit", None)
    new = detectors.create("resnet", epochs=8, batch_size=6, patience=0)
    again, kept = protocols.train(
        new, [built["clean"]], detector.folder.parent, seed=0, name="tiny"
    )
    assert again.fingerprint == detector.fingerprint
    pd.testing.assert_frame_equal(kept, history)


def test_damaged_or_missing_model_is_refused(trained, tmp_path: Path) -> None:
    detector, _ = trained
    detector.save(tmp_path)
    path = tmp_path / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(BadInput, match="does not match the hash"):
        detectors.load(tmp_path)
    with pytest.raises(BadInput, match="no trained detector"):
        detectors.load(tmp_path / "nowhere")


def test_head_only_leaves_the_backbone_alone(built) -> None:
    detector = detectors.create("resnet", train="head", **TINY)
    detector.fit([built["clean"].select("train")], [built["clean"].select("val")], seed=0)
    head_after = detector.network.head.weight.detach().clone()
    fresh = detectors.create("resnet", train="head", **TINY)
    fresh._initialise(0)
    for name, value in fresh.network.backbone.state_dict().items():
        assert torch.equal(value, detector.network.backbone.state_dict()[name]), name
    assert not torch.equal(head_after, fresh.network.head.weight)


def test_three_channels_work(built) -> None:
    detector = detectors.create("resnet", channels=3, train="head", **TINY)
    detector.fit([built["clean"].select("train")], [built["clean"].select("val")], seed=0)
    assert np.isfinite(detector.predict_proba(built["clean"].select("test"))).all()


@pytest.mark.parametrize("head", ["keep", "reset"])
def test_every_iterative_stage_trains(built, trained, head: str) -> None:
    """The original notebook's later stages moved nothing: their optimiser held the old head."""
    base, _ = trained
    stages = {"1 pitch": built["pitch+2"], "2 clean": built["clean"]}
    before = base.network.head.weight.detach().clone()
    for _stage, detector, history in protocols.train_stages(
        base, stages, base.folder.parent, seed=0, name=f"it-{head}", learnt=[built["clean"]],
        head=head, train="head", epochs=3, replay_share=0.3,
    ):  # fmt: skip
        after = detector.network.head.weight.detach().clone()
        assert not torch.allclose(before, after, atol=1e-4)
        assert len(history) == 3
        before = after


@pytest.mark.parametrize(
    ("share", "counts"),
    # 6 training tracks of 2 clips: of a stage's own, of clean, of the stage before
    [
        (0.0, [{"pitch+2": 12}, {"tempo0.9": 12}]),
        (0.25, [{"pitch+2": 12, "clean": 4}, {"tempo0.9": 12, "clean": 2, "pitch+2": 2}]),
        (0.5, [{"pitch+2": 12, "clean": 12}, {"tempo0.9": 12, "clean": 6, "pitch+2": 6}]),
        (0.8, [{"pitch+2": 12, "clean": 48}, {"tempo0.9": 12, "clean": 24, "pitch+2": 24}]),
    ],
)
def test_the_share_asked_for_is_replayed_from_clean_on(
    tiny_clips: pd.DataFrame,
    trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    counts: list[dict[str, int]],
) -> None:
    conditions = perturbations.find(["clean", "pitch+2", "tempo0.9"])
    clean, *later = variants.build(tiny_clips, conditions, tmp_path / "v").values()
    heard: list[dict[str, int]] = []
    balance: list[float] = []

    def listen(self, train, val, **how) -> pd.DataFrame:
        heard.append({part.condition.variant: len(part) for part in train})
        balance.append(float(pd.concat([part.clips["target"] for part in train]).mean()))
        assert all(set(part.clips["split"]) == {"train"} for part in train)
        self.validation = pd.DataFrame({"variant": [], "clip_id": [], "score": []})
        return pd.DataFrame({"epoch": [1], "train_loss": [0.0], "val_loss": [0.0]})

    monkeypatch.setattr(type(trained[0]), "fit", listen)
    stages = {f"{i} x": variant for i, variant in enumerate(later, 1)}
    how = {"seed": 0, "name": "it", "learnt": [clean], "replay_share": share}
    assert len(list(protocols.train_stages(trained[0], stages, tmp_path / "m", **how))) == 2
    assert heard == counts
    assert balance == [0.5, 0.5]


def test_replay_keeps_the_classes_in_proportion_and_refuses_nothing_to_replay(
    built, trained, tmp_path: Path
) -> None:
    stages = {"1 pitch": built["pitch+2"]}
    how = {"seed": 0, "name": "it", "learnt": [], "replay_share": 0.5}
    with pytest.raises(BadInput, match="needs what the first stage was trained on"):
        next(protocols.train_stages(trained[0], stages, tmp_path, **how))
    # tracks of one class each, as in a folder of one's own: 6 human and 3 AI
    own = pd.DataFrame({"track_id": [f"t{n}" for n in range(9)], "target": [0] * 6 + [1] * 3})
    drawn = iterative._drawn(own, 1.34, np.random.default_rng(0))
    assert drawn["target"].value_counts().to_dict() == {0: 8, 1: 4}
    assert set(drawn["track_id"]) == set(own["track_id"])


TRAIN = """\
import os, sys
from pathlib import Path
os.environ["OMP_NUM_THREADS"] = os.environ["OFFKEY_JOBS"] = "1"
import pandas as pd
from offkey import detectors, perturbations, protocols
from offkey.features import variants
clips, folder = pd.read_parquet(sys.argv[1]), Path(sys.argv[2])
clean = variants.build(clips, perturbations.find(["clean"]), Path(sys.argv[3]))["clean"]
detector = detectors.create("resnet", epochs=3, batch_size=8, patience=0)
real = type(detector).fit
def fit(self, *args, **how):
    with open(folder / "trainings.txt", "a") as stream:
        stream.write(f"{os.getpid()}\\n")
    return real(self, *args, **how)
type(detector).fit = fit
print("ready", flush=True)
sys.stdin.readline()
model, history = protocols.train(detector, [clean], folder / "models", seed=0, name="same")
found = protocols.predict(model, [clean], regime="clean", train_variant="clean", seed=0)
print(len(history), model.fingerprint, found["score"].sum())
"""


def test_two_processes_train_the_same_model_once(
    tiny_clips: pd.DataFrame, built, tmp_path: Path
) -> None:
    tiny_clips.to_parquet(tmp_path / "clips.parquet")
    shards = Path(built["clean"].clips["shard"].iloc[0]).parents[1]
    places = [tmp_path / "clips.parquet", tmp_path, shards]
    words = [sys.executable, "-c", TRAIN, *map(str, places)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(words, text=True, **pipes) for _ in range(2)]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
    for process in both:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=300) for process in both]
    assert [process.returncode for process in both] == [0, 0], answers
    assert answers[0][0] == answers[1][0]
    assert len((tmp_path / "trainings.txt").read_text().split()) == 1
    (place,) = (tmp_path / "models").iterdir()
    assert not list(place.glob("checkpoint*"))
    assert not [path for path in place.rglob("*") if ".partial" in path.name]


def test_optimiser_holds_the_parameters_that_are_there_now() -> None:
    """A head replaced after an earlier fit must be the one that moves."""
    network = nn.Sequential(nn.Linear(4, 1), nn.Flatten(0))
    data = TensorDataset(torch.randn(16, 4), torch.arange(16).remainder(2).float())
    schedule = training.Schedule(epochs=1, batch_size=4)
    training.fit(network, lambda epoch: data, data, schedule, seed=0)
    network[0] = nn.Linear(4, 1)
    start = network[0].weight.detach().clone()
    training.fit(network, lambda epoch: data, data, schedule, seed=0)
    assert not torch.equal(start, network[0].weight)


RESUME = """
import os, sys, pathlib, torch
from torch import nn
from torch.utils.data import TensorDataset
from offkey.detectors import training
torch.set_num_threads(1)
torch.manual_seed(1)
network = nn.Sequential(
    nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(16, 1), nn.Flatten(0),
)
data = TensorDataset(torch.randn(40, 6), torch.randint(0, 2, (40,)).float())
checkpoint, out, die_in = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def epoch_data(epoch):
    if epoch == die_in:
        os.kill(os.getpid(), 9)
    return data
schedule = training.Schedule(epochs=5, batch_size=8, patience=0)
history = training.fit(
    network, epoch_data, data, schedule, seed=3, checkpoint=checkpoint, checkpoint_every_s=0
)
from safetensors.torch import save_file
save_file(network.state_dict(), out)
history.to_csv(out + ".csv", index=False)
"""


def test_killed_training_resumes_to_the_same_bits(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(RESUME)

    def run(name: str, die_in: int) -> int:
        arguments = [tmp_path / f"{name}.ckpt", tmp_path / name, die_in]
        command = [sys.executable, str(script), *map(str, arguments)]
        return subprocess.run(command, env={**os.environ}, check=False, timeout=120).returncode

    assert run("straight", -1) == 0
    for epoch in (1, 3):
        assert run("broken", epoch) == -9
        assert (tmp_path / "broken.ckpt").is_file()
    assert run("broken", -1) == 0
    assert store.file_sha256(tmp_path / "straight") == store.file_sha256(tmp_path / "broken")
    assert (tmp_path / "straight.csv").read_text() == (tmp_path / "broken.csv").read_text()


def test_early_stopping_keeps_the_best_epoch() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(30, 1), nn.Flatten(0))
    train = TensorDataset(torch.randn(20, 30), torch.randint(0, 2, (20,)).float())
    val = TensorDataset(torch.randn(20, 30), torch.randint(0, 2, (20,)).float())
    schedule = training.Schedule(epochs=60, batch_size=5, learning_rate=0.1, patience=3)
    history = training.fit(network, lambda epoch: train, val, schedule, seed=0)
    assert len(history) < 60
    assert history["val_loss"].idxmin() == len(history) - 4
    with torch.inference_mode():
        softened = val.tensors[1] * 0.9 + 0.05
        loss = nn.functional.binary_cross_entropy_with_logits(network(val.tensors[0]), softened)
    assert loss.item() == pytest.approx(history["val_loss"].min(), rel=1e-5)


def test_an_epoch_can_hear_a_share_of_the_clips() -> None:
    half = detectors.create("resnet", epoch_share=0.5)
    first, second = (half._heard(24, 0, epoch) for epoch in (0, 1))
    assert len(set(first)) == len(set(second)) == 12
    assert first != second
    assert first == half._heard(24, 0, 0)
    assert detectors.create("resnet")._heard(24, 0, 0) is None


class OneByOne(Dataset):
    """Random crops, a clip at a time: what stacked epochs must equal."""

    def __init__(self, variants, seed: int, epoch: int, share: float) -> None:
        self.places = [(variant, row) for variant in variants for row in range(len(variant))]
        self.seed, self.epoch, self.share = seed, epoch, share

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int):
        variant, row = self.places[index]
        mel, clip = variant.rows(row), variant.clips.iloc[row]
        name = (clip["clip_id"], variant.condition.variant, "window", str(self.epoch))
        size = round(self.share * variant.features.window_frames)
        start = int(seeding.rng(self.seed, *name).integers(0, len(mel) - size + 1))
        crop = torch.from_numpy(mel[start : start + size].astype(np.float32))
        return crop, torch.tensor(float(clip["target"]))


def test_stacked_epochs_train_to_the_bits_of_clips_one_by_one(built) -> None:
    """The loop as it was: a loader that asks for one clip after another and reads every loss."""
    learn = [built[name].select("train") for name in ("clean", "pitch+2")]
    check = [built["clean"].select("val")]
    settings = {"epochs": 2, "batch_size": 8, "patience": 0, "crop_share": 0.25, "width": 2}
    detector = detectors.create("cnn", **settings)
    history = detector.fit(learn, check, seed=4)

    slow = detectors.create("cnn", **settings)
    slow._initialise(4)
    network, schedule = slow.network, slow.settings
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=schedule.learning_rate, weight_decay=0.0, fused=True
    )
    losses = []
    for epoch in range(2):
        order = torch.Generator().manual_seed(seeding.integer(4, "order", str(epoch)))
        data = OneByOne(learn, 4, epoch, 0.25)
        loader = DataLoader(data, 8, shuffle=True, generator=order)
        torch.manual_seed(seeding.integer(4, "epoch", str(epoch)))
        network.train()
        total = 0.0
        for inputs, targets in loader:
            optimiser.zero_grad()
            loss = training._loss(network(inputs), targets, schedule)
            loss.backward()
            optimiser.step()
            total += loss.item() * len(targets)
        losses.append(total / len(data))
    assert history["train_loss"].tolist() == losses
    best = int(history["val_loss"].idxmin())
    if best == 1:
        for name, value in network.state_dict().items():
            assert torch.equal(value, detector.network.state_dict()[name]), name


@pytest.mark.parametrize("channels", [1, 3])
def test_the_backbone_is_torchvisions(channels: int) -> None:
    from torchvision.models import resnet18

    torch.manual_seed(5)
    theirs = resnet18(weights=None)
    if channels == 1:
        theirs.conv1 = nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    theirs.fc = nn.Identity()
    torch.manual_seed(5)
    ours = ResNet18(channels)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for name, value in theirs.state_dict().items():
        assert torch.equal(value, ours.state_dict()[name]), name
    pictures = torch.randn(3, channels, 128, 60)
    for mode in (True, False):
        theirs.train(mode), ours.train(mode)
        torch.testing.assert_close(ours(pictures), theirs(pictures), atol=1e-6, rtol=0)


def test_a_network_returns_to_where_it_was_and_batches_are_whole() -> None:
    """What is asked of a network in batches is what it says at once, also by float16."""
    network = detectors.create("cnn", width=2).network
    windows = torch.randn(70, 31, 128).half()
    found = devices.outputs(network, windows)
    with torch.inference_mode():
        torch.testing.assert_close(found, network(windows.float()), atol=1e-5, rtol=0)
    assert {p.device.type for p in network.parameters()} == {"cpu"} == {found.device.type}
    assert devices.outputs(network, list(windows[:3].numpy()), network.features).shape == (3, 64)


def test_constant_rate_stays_and_one_cycle_comes_back() -> None:
    constant = training.Schedule(rate="constant", learning_rate=0.1)
    cycle = training.Schedule(learning_rate=0.1)
    assert {training._rate(constant, step / 10) for step in range(11)} == {0.1}
    assert max(training._rate(cycle, step / 20) for step in range(21)) == pytest.approx(0.1)
    assert training._rate(cycle, 1.0) == pytest.approx(0.001)
    with pytest.raises(BadInput, match="one_cycle"):
        training.Schedule(rate="linear")


def test_a_regime_follows_from_what_is_learnt() -> None:
    def regime(*names: str) -> tuple[str, str]:
        return protocols.regime_of(perturbations.find(names))

    assert regime("clean") == ("clean", "clean")
    assert regime("pitch+2") == ("retrained", "pitch+2")
    assert regime("clean", "pitch") == ("joint", "joint")
    assert regime("clean", "augmentation") == ("augmented", "augmented")
    with pytest.raises(BadInput, match="at least one variant"):
        protocols.regime_of([])


def test_every_seed_is_a_detector_of_its_own(built, tmp_path: Path) -> None:
    kind = ("resnet", {"epochs": 1, "batch_size": 8, "crop_share": 0.25})
    trained = protocols.train_seeds(kind, [built["clean"]], tmp_path, seeds=[0, 1], name="two")
    test = [built["clean"].select("test"), built["pitch+2"].select("test")]
    found = protocols.predict_seeds(trained, test, regime="clean", train_variant="clean")
    assert found.groupby(["seed", "variant"]).size().eq(len(test[0])).all()
    assert found["model_fingerprint"].nunique() == 2
    assert set(protocols.histories(trained)["seed"]) == {0, 1}


def test_a_detector_hears_a_variant_once(built, tmp_path: Path, monkeypatch) -> None:
    kind = ("resnet", {"epochs": 1, "batch_size": 8, "crop_share": 0.25})
    trained = protocols.train_seeds(kind, [built["clean"]], tmp_path, seeds=[0], name="once")
    about = {"regime": "clean", "train_variant": "clean"}
    test = built["clean"].select("test")
    first = protocols.predict_seeds(trained, [test], **about)

    def never(variant):
        raise AssertionError("these clips were heard before")

    monkeypatch.setattr(trained[0].detector, "predict_proba", never)
    # the same clips by another way, and with other labels
    same = built["clean"].among(test.clips.assign(target=1 - test.clips["target"]))
    again = protocols.predict_seeds(trained, [same], **about)
    assert again["score"].tolist() == first["score"].tolist()
    assert (again["target"] == 1 - first["target"]).all()
    for other in (built["pitch+2"].select("test"), test.among(test.clips.iloc[::-1].iloc[1:])):
        with pytest.raises(AssertionError, match="heard before"):
            protocols.predict_seeds(trained, [other], **about)


def test_bad_settings_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match="did you mean 'epochs'"):
        detectors.create("resnet", epoch=3)
    with pytest.raises(BadInput, match="did you mean 'resnet'"):
        detectors.create("resent")
    for bad in ({"train": "tail"}, {"channels": 2}, {"epochs": 0}, {"weights": "imagenet"}):
        with pytest.raises(BadInput):
            detectors.create("resnet", **bad)


def test_one_class_only_is_refused(built, tmp_path: Path) -> None:
    clean = built["clean"]
    human = variants.Variant(
        clean.condition, clean.clips[clean.clips["target"] == 0], clean.features, "human"
    )
    with pytest.raises(BadInput, match="both classes"):
        protocols.train(detectors.create("resnet"), [human], tmp_path, seed=0, name="x")


class _Weights:
    url = "https://example.invalid/models/resnet18-0123abcd.pth"


def test_imagenet_weights_are_never_replaced_in_silence(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(BadInput, match=r"download https://example\.invalid.*weights: none"):
        weights.imagenet_state(_Weights)
    place = tmp_path / "hub" / "checkpoints" / "resnet18-0123abcd.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"not the weights")
    with pytest.raises(BadInput, match="does not match the hash"):
        weights.imagenet_state(_Weights)


def test_imagenet_weights_load_from_the_cache(tmp_path: Path, monkeypatch) -> None:
    from torchvision.models import resnet18

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    state = resnet18(weights=None).state_dict()
    staged = tmp_path / "staged.pth"
    torch.save(state, staged)
    prefix = store.file_sha256(staged)[:8]
    place = tmp_path / "hub" / "checkpoints" / f"resnet18-{prefix}.pth"
    place.parent.mkdir(parents=True)
    staged.rename(place)

    class Local:
        url = f"https://example.invalid/models/resnet18-{prefix}.pth"

    loaded = weights.imagenet_state(Local)
    assert torch.equal(loaded["conv1.weight"], state["conv1.weight"])
    assert not any(key.startswith("fc.") for key in loaded)
