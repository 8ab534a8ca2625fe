"""Decoder lines: where they stand, where edits move them, and who finds them again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import RATE, tune

from offkey import detectors, evaluation, metrics, perturbations, protocols
from offkey.audits import decoder_lines
from offkey.core import manifest, seeding, store
from offkey.core.errors import BadInput
from offkey.detectors import combs
from offkey.detectors.trees import Trees
from offkey.features import LineSpectra, MeanSpectrum, variants
from offkey.features.mean_spectrum import residual
from offkey.sound import audio

COMB_HZ = 50.0


def clip(name: str, has_lines: bool) -> np.ndarray:
    """A tune in noise; one of a decoder has faint lines at multiples of 50 Hz."""
    sound = tune(name, 6.0)
    rng = seeding.rng(0, name, "lines")
    sound += 0.02 * rng.standard_normal(len(sound)).astype(np.float32)
    if has_lines:
        t = np.arange(len(sound)) / RATE
        phases = rng.uniform(0, 2 * np.pi, 160)
        for multiple in range(20, 160):
            sound += 0.0006 * np.sin(2 * np.pi * multiple * COMB_HZ * t + phases[multiple])
    return (0.5 * sound).astype(np.float32)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Sixteen tunes without and sixteen others with lines, in three folds."""
    folder = tmp_path_factory.mktemp("lines")
    rows = []
    for number in range(32):
        target = number % 2
        path = audio.write(folder / f"line{number}.flac", clip(f"line{number}", bool(target)))
        rows.append(
            {
                "clip_id": f"line{number}",
                "track_id": f"line{number}",
                "path": str(path),
                "target": target,
                "generator": "decoder" if target else "band",
                "family": "decoder" if target else "human",
                "dataset": "lines",
                "split": "test",
                "fold": number // 2 % 3,
                "offset_s": 0.0,
                "duration_s": 6.0,
                "sample_rate_hz": RATE,
                "source_container": "synthetic",
                "source_codec": "synthetic",
                "source_encoder": "",
                "source_bitrate_kbps": float("nan"),
                "source_sample_rate_hz": RATE,
                "sha256": store.file_sha256(path),
                "licence": "none needed",
            }
        )
    return manifest.validate(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def heard(clips: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory):
    conditions = perturbations.find(["clean", "pitch+2", "speed0.95", "tempo0.9"])
    folder = tmp_path_factory.mktemp("heard")
    return variants.build(clips, conditions, folder, features=decoder_lines.heard())


def test_a_residual_is_what_stands_above_the_hull() -> None:
    slope = np.linspace(0, -30, 400)
    spectrum = slope.copy()
    spectrum[[100, 250]] += 6
    found = residual(spectrum)
    assert found[[100, 250]] == pytest.approx([6, 6], abs=0.2)
    assert np.abs(np.delete(found, [100, 250])).max() < 0.2


def test_mean_spectra_are_those_of_numpy() -> None:
    features = MeanSpectrum(sizes=(1024, 4096))
    sound = tune("spectrum", 4.0)
    row = features(sound)
    assert row.shape == (1, features.n_values)
    for size in features.sizes:
        turn = 2 * np.pi * np.arange(size) / size
        window = 0.5 - 0.5 * np.cos(turn)
        starts = range(0, len(sound) - size + 1, size // 4)
        power = [np.abs(np.fft.rfft(sound[s : s + size] * window)) ** 2 for s in starts]
        expected = 10 * np.log10(np.clip(power, 1e-10, 1e6)).mean(axis=0)
        bins = np.fft.rfftfreq(size, 1 / RATE)
        kept = (bins >= 500) & (bins <= 8000)
        np.testing.assert_allclose(features.of_size(row[0], size), expected[kept], atol=0.01)
        np.testing.assert_array_equal(features.frequencies_hz(size), bins[kept])
    for wrong in ({"sizes": (100_000,)}, {"low_hz": 9000.0}, {"sizes": (1001,)}):
        with pytest.raises(BadInput):
            MeanSpectrum(**wrong)


def test_the_rate_of_lines_is_found_and_none_where_there_are_none(heard) -> None:
    found = decoder_lines.family_lines(heard["clean"], decoder_lines.lines(heard["clean"]))
    rates = found.groupby("family")["rate_hz"].first()
    assert rates["decoder"] == COMB_HZ and np.isnan(rates["human"])


def test_lines_go_where_theory_says(heard) -> None:
    clean, *edited = heard.values()
    table = decoder_lines.movement(clean, edited, n_resamples=20).set_index("variant")
    assert table["predicted"].to_dict() == pytest.approx(
        {"clean": 0, "pitch+2": 2, "speed0.95": 12 * np.log2(0.95), "tempo0.9": 0}
    )
    np.testing.assert_allclose(table["value"], table["predicted"], atol=0.03)
    (random,) = perturbations.find(["original_pitch"])
    with pytest.raises(BadInput, match="no one shift"):
        decoder_lines.predicted_semitones(random)


def test_teeth_are_sums_over_multiples() -> None:
    features = LineSpectra()
    size = 16_384
    above = seeding.rng(0, "teeth").standard_normal((2, len(features.frequencies_hz(size))))
    found = combs.teeth(features, size, above)
    first_hz, spacing = features.frequencies_hz(size)[0], features.sample_rate_hz / size
    for band, rate, shift in ((0, 2, 0), (2, 4, combs.ZERO), (4, 13, 1100)):
        moved = combs.RATES_HZ[rate] * 2 ** (combs.SHIFTS_ST[shift] / 12)
        low, high = combs.BANDS_HZ[band]
        at = np.arange(np.ceil(low / moved), np.floor(high / moved) + 1) * moved
        place = (at - first_hz) / spacing
        bins = np.arange(above.shape[1])
        expected = [np.interp(place, bins, one).sum() / np.sqrt(len(at)) for one in above]
        column = band * len(combs.RATES_HZ) + rate
        np.testing.assert_allclose(found[:, column, shift], expected, atol=0.01)


def test_comb_finds_shifted_lines_where_peaks_does_not(clips, tmp_path: Path) -> None:
    conditions = perturbations.find(["clean", "pitch+1", "speed0.95"])
    area = {}
    for kind, settings in (("peaks", {}), ("comb", {"folds": 2, "trees": 10})):
        features = detectors.features(kind)
        built = variants.build(clips, conditions, tmp_path / "v", features=features)
        learnt = (kind, settings)
        how = {"seeds": [0], "name": kind}
        trained = protocols.train_seeds(learnt, [built["clean"]], tmp_path / "m", **how)
        about = {"regime": "clean", "train_variant": "clean"}
        found = protocols.predict_seeds(trained, list(built.values()), **about)
        area |= {
            (kind, variant): metrics.auc(part["target"], part["score"])
            for variant, part in found.groupby("variant")
        }
    assert area["comb", "clean"] > 0.95 and area["peaks", "clean"] > 0.95
    for variant in ("pitch+1", "speed0.95"):
        assert area["comb", variant] > 0.9 > area["peaks", variant]
    with pytest.raises(BadInput, match="clean clips alone"):
        detectors.create("comb").fit([built["pitch+1"]], [built["pitch+1"]], seed=0)


def test_the_smallest_shift_is_interpolated() -> None:
    levels = {"clean": np.nan, "pitch-1": -1.0, "fine_pitch+0.1": 0.1, "pitch+1": 1.0}
    auc = {"clean": 0.9, "pitch-1": 0.8, "fine_pitch+0.1": 0.8, "pitch+1": 0.5}
    rows = pd.DataFrame(
        {
            "detector": "peaks",
            "variant": list(levels),
            "perturbation": [name.rstrip("+-.01") for name in levels],
            "engine": ["", "vocoder", "vocoder", "vocoder"],
            "level": list(levels.values()),
            "value": [auc[name] for name in levels],
            "low": 0.4,
            "high": 0.95,
            "n_clips": 20,
            "n_tracks": 10,
        }
    )
    dose = evaluation.with_zero(rows)
    assert dose["level"].tolist() == [-1.0, 0.0, 0.1, 1.0]
    found = evaluation.enough(dose).set_index("direction")["semitones"]
    assert np.isnan(found["down"])
    guessing = dose.assign(value=dose["value"].where(dose["level"] != 0, 0.45))
    assert evaluation.enough(guessing)["semitones"].isna().all()
    assert found["up"] == pytest.approx(0.1 + 0.9 / 3)  # 0.7 lies a third of the way


def test_trees_as_arrays_answer_as_the_forest_does() -> None:
    from sklearn.ensemble import ExtraTreesClassifier

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((300, 12)).astype(np.float32)
    targets = (rows[:, 0] + rows[:, 3] * rows[:, 5] > 0.2).astype(int)
    forest = ExtraTreesClassifier(
        20, min_samples_leaf=3, class_weight="balanced", random_state=0
    ).fit(rows, targets)
    unseen = rng.standard_normal((200, 12)).astype(np.float32)
    np.testing.assert_allclose(
        Trees.of(forest)(unseen), forest.predict_proba(unseen)[:, 1], atol=1e-6
    )
