"""The embedded data set: scores read right, sound that is sound, twins that match, same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from offkey import datasets
from offkey.core import manifest, store
from offkey.core.errors import BadInput
from offkey.datasets import decoders, demo, rendering, scores, soundfont
from offkey.sound import audio

TRACKS, CLIP_S = 8, 4.0
RATE = demo.RATE_HZ


def build(folder: Path, seed: int = 0) -> pd.DataFrame:
    return demo.make(folder, seed=seed, tracks=TRACKS, clip_s=CLIP_S)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OFFKEY_JOBS", "1")
        return folder, build(folder)


def pairs(folder: Path, clips: pd.DataFrame) -> list[tuple[np.ndarray, np.ndarray]]:
    """Human clip and twin of every track."""
    paths = clips.pivot(index="track_id", columns="target", values="path")
    return [
        (audio.load(folder / row[0], RATE), audio.load(folder / row[1], RATE))
        for _, row in paths.iterrows()
    ]


def test_manifest_is_valid_and_describes_the_files(made: tuple[Path, pd.DataFrame]) -> None:
    folder, clips = made
    pd.testing.assert_frame_equal(manifest.validate(clips), clips)
    assert len(clips) == 2 * TRACKS
    for clip in clips.itertuples():
        path = folder / str(clip.path)
        header = audio.probe(path)
        assert (header.codec, header.sample_rate_hz, header.channels) == ("flac", 22_050, 1)
        assert header.duration_s == clip.duration_s == CLIP_S
        assert store.file_sha256(path) == clip.sha256
    assert len(list((folder / "audio").iterdir())) == len(clips)


def test_every_track_has_one_clip_of_each_class_in_one_split(
    made: tuple[Path, pd.DataFrame],
) -> None:
    tracks = made[1].groupby("track_id")
    assert (tracks["target"].agg(sorted).map(tuple) == (0, 1)).all()
    assert (tracks["split"].nunique() == 1).all()
    assert set(made[1]["split"]) == set(manifest.SPLITS)
    human = made[1][made[1]["target"] == 0]
    assert set(human["family"]) == {"human"}
    assert human["generator"].str.startswith("score/").all()
    twins = made[1][made[1]["target"] == 1]
    assert (twins["family"] == twins["generator"].map(decoders.family)).all()


def test_twins_share_length_level_and_alignment(made: tuple[Path, pd.DataFrame]) -> None:
    lags = []
    for human, twin in pairs(*made):
        assert len(human) == len(twin) == round(CLIP_S * RATE)
        assert audio.rms_dbfs(twin) == pytest.approx(audio.rms_dbfs(human), abs=0.2)
        assert not np.array_equal(human, twin)
        # decoders lose the phase, so energy is compared, not the waveform
        lags.append(envelope_lag_s(human, twin))
    assert np.abs(np.median(lags)) <= 0.005
    assert np.abs(lags).max() <= 0.03


def envelope_lag_s(first: np.ndarray, second: np.ndarray, hop: int = 16) -> float:
    """Delay of `second` in seconds, from the onsets of energy, within 0.2 s."""
    rise = []
    for samples in (first, second):
        energy = np.convolve(samples**2, np.hanning(256), "same")[::hop]
        rise.append(np.maximum(np.diff(np.sqrt(energy)), 0))
    reach = round(0.2 * RATE / hop)
    inner = slice(reach, -reach)
    scores_ = [rise[0][inner] @ np.roll(rise[1], -lag)[inner] for lag in range(-reach, reach + 1)]
    return (int(np.argmax(scores_)) - reach) * hop / RATE


def test_sound_has_level_no_clipping_no_long_rest_and_variety(
    made: tuple[Path, pd.DataFrame],
) -> None:
    spectra = []
    for human, _ in pairs(*made):
        assert -34 < audio.rms_dbfs(human) < -15.5
        assert np.abs(human).max() < 0.75
        blocks = human.reshape(-1, RATE // 10)
        loud = 20 * np.log10(np.sqrt((blocks**2).mean(axis=1)) + 1e-9) > audio.rms_dbfs(human) - 35
        quiet_runs = "".join("L" if sounds else "q" for sounds in loud).split("L")
        assert max(map(len, quiet_runs)) <= 10  # tenths of a second
        spectra.append(np.log(np.abs(np.fft.rfft(human)[1:32_001]).reshape(-1, 500).mean(axis=1)))
    likeness = np.corrcoef(spectra)
    assert likeness[~np.eye(TRACKS, dtype=bool)].max() < 0.995


def test_same_seed_gives_the_same_bytes_whatever_the_number_of_workers(
    made: tuple[Path, pd.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OFFKEY_JOBS", "2")
    pd.testing.assert_frame_equal(build(tmp_path), made[1])


def test_another_seed_gives_other_sound() -> None:
    path = scores.catalogue()["path"][0]
    first, again, other = (rendering.render(path, "x", seed, 2.0) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.5
    assert not np.array_equal(first, rendering.render(path, "y", 0, 2.0))


def test_a_note_longer_than_its_sample_sounds_the_same_each_time() -> None:
    ensemble = 48  # whose sample at MIDI 56 ends with its loop: memory behind it was heard
    note, rng = np.array([[0.0, 6.0, 56, 90, 0]]), np.random.default_rng(0)
    heard = set()
    for _ in range(12):
        memory = [rng.standard_normal(rng.integers(1_000, 400_000)) for _ in range(8)]
        del memory[::2]
        heard.add(rendering._synthesize(note, [ensemble], 0.0, 6.0).tobytes())
    assert len(heard) == 1


def test_mended_samples_go_on_behind_their_loop_as_at_its_beginning() -> None:
    font = np.fromfile(soundfont.path(), np.uint8).tobytes()
    chunks = {name: font[begin:end] for name, begin, end in soundfont._chunks(font, 0, len(font))}
    points = np.frombuffer(chunks[b"smpl"], "<i2")
    samples = np.frombuffer(chunks[b"shdr"], soundfont.SAMPLE)[:-1]
    assert len(samples) > 500
    assert (samples["end"] >= samples["loop_end"] + soundfont.AFTER_LOOP).all()
    trumpet = samples[samples["name"] == b"TrumpD#5"][0]
    behind, begin = (points[trumpet[place] :][:8] for place in ("loop_end", "loop_start"))
    np.testing.assert_array_equal(behind, begin)
    assert soundfont.mended(font) == font


def test_plan_takes_styles_evenly_and_decoders_too() -> None:
    for tracks, most in ((24, 1), (100, 1)):
        plan = demo._plan(3, tracks, (0.6, 0.15, 0.25))
        assert np.ptp(plan["style"].value_counts()) <= most
        assert len(plan) == plan["track_id"].nunique() == tracks
        for _, split in plan.groupby("split"):
            counts = split["decoder"].value_counts().reindex(demo.DECODERS, fill_value=0)
            assert np.ptp(counts) <= 1
        shares = plan["split"].value_counts(normalize=True)
        assert shares["train"] == pytest.approx(0.6, abs=0.1)
        assert set(shares.index) == set(manifest.SPLITS)


def test_another_seed_chooses_and_splits_anew() -> None:
    first, second = (demo._plan(seed, 100, (0.6, 0.15, 0.25)) for seed in (0, 1))
    assert set(first["track_id"]) != set(second["track_id"])


def test_names_are_unique_on_any_file_system() -> None:
    names = scores.catalogue()["path"].map(demo.track_id)
    assert names.str.lower().is_unique
    assert names.str.fullmatch(r"[A-Za-z0-9.-]+").all()
    assert demo.track_id("bach/bwv101.7.mxl") == "bwv101.7"
    assert demo.track_id("trecento/PMFC_24_20-Padu... serenans.xml") == "PMFC-24-20-Padu-serenans"


def test_every_listed_score_can_be_read_and_is_long_enough() -> None:
    listed = scores.catalogue()
    assert listed["path"].is_unique
    assert listed["style"].value_counts().min() >= 20
    for path in listed["path"][::8]:
        notes = scores.read(path)
        assert len(np.unique(notes[:, scores.ONSET_Q])) >= 60, path
        assert notes[:, scores.PITCH].min() > 20
        assert notes[:, scores.PITCH].max() < 110


def test_musicxml_reader_agrees_with_music21() -> None:
    from music21 import converter

    path = "bach/bwv281.mxl"
    ours = {(on, length, pitch) for _, on, length, pitch in scores.read(path)}
    parsed = converter.parse(str(scores.corpus() / path), forceSource=True, storePickle=False)
    theirs = {
        (float(note.offset), float(note.quarterLength), float(note.pitch.midi))
        for part in parsed.parts
        for note in part.stripTies().flatten().notes
    }
    assert ours == theirs


def test_abc_reader_knows_keys_accidentals_tuplets_dots_ties_chords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scores, "corpus", lambda: tmp_path)
    tune = 'X:1\nT:x\nM:4/4\nL:1/8\nK:D\n"3"f=f2f|f>g (3abc\'|{g}[DF]2 A-|A/ z B,|]\n'
    (tmp_path / "tune.abc").write_text(tune)
    notes = scores.read("tune.abc")[:, 1:]
    third = 1 / 3
    expected = [
        (0, 0.5, 78),
        (0.5, 1, 77),
        (1.5, 0.5, 77),
        (2, 0.75, 78),
        (2.75, 0.25, 79),
        (3, third, 81),
        (3 + third, third, 83),
        (3 + 2 * third, third, 85),
        (4, 1, 62),
        (4, 1, 66),
        (5, 0.75, 69),
        (6.25, 0.5, 59),
    ]
    np.testing.assert_allclose(notes, expected)


def test_what_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="'tracks'"):
        demo.make(tmp_path, seed=0, tracks=10_000)
    with pytest.raises(BadInput, match="'clip_s'"):
        demo.make(tmp_path, seed=0, clip_s=60.0)
    with pytest.raises(BadInput, match="no-such"):
        rendering.render("bach/no-such.mxl", "x", 0, 4.0)
    monkeypatch.setattr(scores, "corpus", lambda: tmp_path)
    (tmp_path / "short.abc").write_text("X:1\nL:1/4\nK:C\nC8|z99|C8|z99|C8|\n")
    with pytest.raises(BadInput, match="short"):
        rendering.render("short.abc", "x", 0, 10.0)


def test_info_states_licences() -> None:
    info = datasets.info("demo")
    assert info.shares_audio
    assert "music21" in info.licence and "GPL-2.0" in info.licence
