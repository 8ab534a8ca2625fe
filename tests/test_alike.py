"""AUC over pairs of clips of like brightness, against counting the pairs one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
from test_evaluation import table

from offkey import evaluation, metrics
from offkey.core import seeding
from offkey.core.errors import BadInput
from offkey.metrics import alike, uncertainty


def by_hand(target, score, value, within, weight=None) -> float:
    """Count every pair; a clip with weight 2 is there twice."""
    weights = np.ones(len(target)) if weight is None else weight
    won = total = 0.0
    for a, b in product(np.flatnonzero(target == 1), np.flatnonzero(target == 0)):
        if abs(value[a] - value[b]) <= within:
            each = weights[a] * weights[b]
            total += each
            won += each * (score[a] > score[b]) + 0.5 * each * (score[a] == score[b])
    return won / total if total else float("nan")


def drawn(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, scores with many ties, roll-offs in steps of 250 Hz."""
    rng = seeding.rng(seed, "alike")
    return rng.integers(0, 2, n), rng.integers(0, 8, n) / 8, 250.0 * rng.integers(0, 30, n)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("within", [0.0, 500.0, 2000.0])
def test_it_is_what_counting_gives(seed: int, within: float) -> None:
    target, score, value = drawn(seed)
    expected = by_hand(target, score, value, within)
    assert metrics.auc_of_like(target, score, value, within) == pytest.approx(expected)
    assert metrics.auc_of_like(target, score, value, np.inf) == pytest.approx(
        metrics.auc(target, score)
    )


def test_a_detector_of_darkness_is_found_out() -> None:
    rng = seeding.rng(0, "darkness")
    target = np.tile([0, 1], 300)
    value = np.clip(rng.normal(4500 - 1500 * target, 800), 0, 8000)
    assert metrics.auc(target, 1 - value / 8000) > 0.85
    assert abs(metrics.auc_of_like(target, 1 - value / 8000, value, 50.0) - 0.5) < 0.05


def test_ties_count_half_and_no_pair_is_no_number() -> None:
    assert metrics.auc_of_like([1, 0], [0.5, 0.5], [1000, 1500], 500) == 0.5
    assert np.isnan(metrics.auc_of_like([1, 0], [0.9, 0.1], [1000, 1501], 500))
    assert np.isnan(metrics.auc_of_like([1, 1], [0.9, 0.1], [1000, 1000], 500))
    assert alike.has_like([1, 0, 0], [1000, 1500, 1501], 500).tolist() == [True, True, False]
    with pytest.raises(BadInput, match="value is not finite"):
        metrics.auc_of_like([1, 0], [0.5, 0.5], [1000, np.nan], 500)
    with pytest.raises(BadInput, match="one per clip"):
        metrics.auc_of_like([1, 0], [0.5, 0.5], [1000], 500)


def test_resamples_weigh_the_pairs() -> None:
    target, score, value = drawn(7)
    names = [f"t{k // 2}" for k in range(len(target))]
    resamples = uncertainty.resample_tracks(names, target, n_resamples=20, seed=1)
    track = resamples.columns(names)
    draws = alike.like_draws(resamples.counts, track, target, score, value, 500.0)
    expected = [by_hand(target, score, value, 500.0, row[track]) for row in resamples.counts]
    assert draws == pytest.approx(expected)


def test_the_table_of_models_and_variants() -> None:
    target, score, value = drawn(3, 80)
    other = 0.1 * target + 0.3 * score
    predictions = table({"clean": score, "pitch+2": other}, target)
    families = "family" + (np.arange(160) % 80 // 8).astype(str).astype(object)
    predictions = predictions.assign(group=families, fold=0)
    rolloff = pd.DataFrame({"clip_id": predictions["clip_id"][:80], "rolloff_hz": value})
    found = evaluation.like_brightness(predictions, rolloff, n_resamples=200)
    assert found["variant"].tolist() == ["clean", "pitch+2"]
    for row, scores in zip(found.itertuples(), (score, other), strict=True):
        assert row.value == pytest.approx(by_hand(target, scores, value, 500.0))
        assert row.low < row.value < row.high and row.group_low < row.value < row.group_high
        assert row.n_clips == alike.has_like(target, value, 500.0).sum()
        assert row.n_tracks > row.n_groups == 10
    none = evaluation.like_brightness(predictions, rolloff.assign(rolloff_hz=10_000 * target))
    assert none[["value", "low", "high"]].isna().all(axis=None) and (none["n_clips"] == 0).all()
    with pytest.raises(BadInput, match="no roll-off of clip 'clip079'"):
        evaluation.like_brightness(predictions, rolloff[:-1])
