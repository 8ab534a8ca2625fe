"""The clips table: what is refused, and how tracks are dealt into splits."""

from pathlib import Path

import pandas as pd
import pytest

from offkey.core import manifest
from offkey.core.errors import BadInput


def test_written_and_read_back(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    manifest.write(tiny_clips, tmp_path)
    pd.testing.assert_frame_equal(manifest.read(tmp_path), tiny_clips)
    assert (tmp_path / "clips.csv").is_file()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.drop(columns="target"), "missing columns"),
        (lambda c: c.assign(extra=1), "unknown columns"),
        (lambda c: pd.concat([c, c.head(1)]), "'clip_id' must be unique"),
        (lambda c: c.assign(target=2), "'target' fails"),
        (lambda c: c.assign(split="holdout"), "'split' fails"),
        (lambda c: c.assign(sha256="abc"), "'sha256' fails"),
        (lambda c: c.assign(duration_s=0.0), "'duration_s' fails"),
        (lambda c: c.assign(duration_s="long"), "long"),
        (lambda c: c.head(0), "no clips"),
    ],
)
def test_bad_tables_are_refused(tiny_clips: pd.DataFrame, change, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        manifest.validate(change(tiny_clips))


def test_a_track_in_two_splits_is_a_leak(tiny_clips: pd.DataFrame) -> None:
    leaking = tiny_clips.copy()
    leaking.loc[0, "split"] = "test"
    with pytest.raises(BadInput, match="track 'tune0' stands in the splits test and train"):
        manifest.validate(leaking)


def test_groups_stay_together_and_shares_are_met_in_every_stratum() -> None:
    tracks = pd.Series([f"t{i // 3}" for i in range(300)])
    strata = pd.Series(["a" if i < 150 else "b" for i in range(300)])
    split = manifest.assign_splits(tracks, strata, seed=1)
    assert split.groupby(tracks).nunique().max() == 1
    for stratum in ("a", "b"):
        share = split[strata == stratum].value_counts(normalize=True)
        assert share["train"] == pytest.approx(0.6, abs=0.03)
        assert share["val"] == pytest.approx(0.15, abs=0.03)
        assert share["test"] == pytest.approx(0.25, abs=0.03)
    again = manifest.assign_splits(tracks[::-1], strata[::-1], seed=1)
    pd.testing.assert_series_equal(again.sort_index(), split)
    assert not split.equals(manifest.assign_splits(tracks, strata, seed=2))


def test_select_overview_and_counterpart(tiny_clips: pd.DataFrame) -> None:
    test = manifest.select(tiny_clips, "test")
    assert set(test["split"]) == {"test"}
    assert manifest.select(tiny_clips, limit=2)["track_id"].nunique() == 2
    with pytest.raises(BadInput, match="unknown split"):
        manifest.select(tiny_clips, "dev")
    overview = manifest.overview(tiny_clips)
    assert overview["band_limited"].sum() == len(tiny_clips)
    assert overview["clips"].sum() == len(tiny_clips)
    assert list(overview["split"].unique()) == ["train", "val", "test"]
    assert manifest.generators(tiny_clips)[["train", "val", "test"]].to_numpy().sum() == 20
    human = tiny_clips.iloc[0]
    assert manifest.counterpart(tiny_clips, human)["clip_id"] == "tune0__noisy"


@pytest.mark.parametrize(
    ("rate", "source_rate", "limited"),
    [
        (16_000, 44_100, True),
        (44_100, 16_000, True),
        (20_160, 22_050, False),
        (20_159, 48_000, True),
    ],
)
def test_a_clip_is_band_limited_where_a_shift_downwards_finds_nothing_to_move(
    tiny_clips: pd.DataFrame, rate: int, source_rate: int, limited: bool
) -> None:
    clips = tiny_clips.assign(sample_rate_hz=rate, source_sample_rate_hz=source_rate)
    for table in (
        clips,
        clips.drop(columns="band_limited"),
        clips.assign(band_limited=not limited),
    ):
        assert manifest.validate(table)["band_limited"].eq(limited).all()
