"""A downward shift taken apart: known losses come out as the shares that made them."""

import pandas as pd
import pytest

from offkey import evaluation, perturbations
from offkey.core.manifest import KEYS

VARIANTS = ("clean", "pitch-2", "bandlimit-2", "round_trip_pitch", "pitch+2", "pitch-4")
WRONG = {"clean": 0, "bandlimit-2": 4, "round_trip_pitch": 2, "pitch-2": 10}


def _predictions(
    *, limited: bool = True, variants: tuple[str, ...] = VARIANTS, wrong: dict[str, int] = WRONG
) -> pd.DataFrame:
    """Twenty tracks with a clip of each class; the first few of each variant are mistaken."""
    rows = []
    for condition in perturbations.find(variants):
        for number in range(20):
            for target in (0, 1):
                mistaken = number < wrong.get(condition.variant, 0)
                rows.append(
                    dict.fromkeys(KEYS, "x")
                    | condition.columns()
                    | {
                        "clip_id": f"{number}-{target}",
                        "track_id": str(number),
                        "target": target,
                        "split": "test",
                        "band_limited": limited,
                        "score": float(target != mistaken),
                        "threshold": 0.5,
                    }
                )
    about = {"detector": "d", "regime": "clean", "stage": "", "train_variant": "clean", "seed": 0}
    marks = dict.fromkeys(("model_fingerprint", "data_fingerprint", "feature_fingerprint"), "f")
    return pd.DataFrame(rows).assign(**about, **marks)


def test_shares_are_what_was_planted_and_add_up() -> None:
    found = evaluation.loss_shares(_predictions())
    assert found["variant"].unique().tolist() == ["pitch-2"]  # the only one with its controls
    drop = found.set_index("share")["drop"]
    assert drop["the whole edit"] == pytest.approx(0.5)
    assert drop["empty band"] == pytest.approx(0.2)
    assert drop["tool"] == pytest.approx(0.1)
    assert drop["edit"] == pytest.approx(0.2)
    assert (found["low"] < found["drop"]).all() and (found["drop"] < found["high"]).all()
    assert found["n_tracks"].eq(20).all()


def test_a_file_that_fills_the_band_loses_nothing_to_it() -> None:
    found = evaluation.loss_shares(_predictions(limited=False)).set_index("share")
    assert found.loc["empty band", "drop"] == 0
    assert found.loc["empty band", ["low", "high"]].isna().all(), "nothing was estimated"
    assert found.loc["edit", "drop"] == pytest.approx(0.4)


def test_a_share_that_moved_no_verdict_is_not_known_to_be_zero() -> None:
    found = evaluation.loss_shares(_predictions(wrong={"pitch-2": 10})).set_index("share")
    assert found.loc[["empty band", "tool"], "drop"].eq(0).all()
    assert found.loc[["empty band", "tool"], "low"].lt(-0.05).all()
    assert found.loc[["empty band", "tool"], "high"].gt(0.05).all()


def test_without_controls_there_is_nothing_to_take_apart() -> None:
    assert evaluation.loss_shares(_predictions(variants=("clean", "pitch-2"))).empty
