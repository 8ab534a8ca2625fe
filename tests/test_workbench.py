"""One sound by hand: edits as in a study, every detector at hand, the panel; 02 to 04 are one."""

import threading
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from offkey import detectors, perturbations, workbench
from offkey.core.errors import BadInput
from offkey.detectors import trained
from offkey.detectors.trained import AI_OR_HUMAN
from offkey.features import variants
from offkey.runner import notebook_parameters
from offkey.sound import audio
from offkey.workbench import drawing, edited_dataset, trying

EDITS = sorted((ROOT / "notebooks").glob("0[234]_*.ipynb"))
CARD = {"purpose": AI_OR_HUMAN, "regime": "clean", "train_clips": 10, "trained_on": ["clean"]}


def test_the_notebooks_of_edits_differ_in_parameters_and_prose_alone() -> None:
    codes, asked = [], []
    for path in EDITS:
        cells = nbformat.read(path, as_version=4).cells
        code = [cell for cell in cells if cell.cell_type == "code"]
        codes.append(
            [c.source.replace(path.stem, "NAME") for c in code if not c.metadata.get("tags")]
        )
        declared = notebook_parameters.inspect(path)
        asked.append({name: (one.type, one.help) for name, one in declared.items()})
    assert [path.stem[:2] for path in EDITS] == ["02", "03", "04"]
    assert codes[0] == codes[1] == codes[2]
    assert asked[0] == asked[1] == asked[2]


@pytest.mark.parametrize(
    ("variants_", "left"),
    [
        (["pitch+2", "round_trip_pitch"], {"pitch"}),
        (["pitch+2"], {"pitch"}),
        (["tempo1.1"], {"tempo"}),
        (["pitch_tempo-2x1.1"], {"pitch", "tempo"}),
        (["null_pitch"], {"pitch", "tempo"}),
    ],
)
def test_no_panel_for_what_no_edit_was_to_change(
    tiny_clips: pd.DataFrame, variants_: list[str], left: set[str]
) -> None:
    conditions = perturbations.find(variants_)
    measured = edited_dataset.edit_accuracy.edits(tiny_clips, conditions, n_clips=1)
    assert set(measured["quantity"]) == {"pitch", "tempo", "level"}
    assert set(edited_dataset.asked_for(measured)["quantity"]) == left


def _sound(clips: pd.DataFrame) -> trying.Sound:
    return workbench.chosen(clips, dataset="demo")


@pytest.mark.parametrize(
    ("given", "variant"),
    [
        ({}, "clean"),
        ({"semitones": 2.0}, "pitch+2"),
        ({"tempo": 0.9}, "tempo0.9"),
        ({"semitones": -2.0, "tempo": 1.1}, "pitch_tempo-2x1.1"),
        ({"speed": 0.95}, "speed0.95"),
        ({"snr_db": 20.0}, "noise20"),
        ({"codec": "mp3_64"}, "codec_mp3_64"),
        ({"semitones": 1.0, "codec": "mp3_128"}, "pitch+1>codec_mp3_128"),
    ],
)
def test_a_slider_does_what_the_study_does(
    tiny_clips: pd.DataFrame, given: dict[str, Any], variant: str
) -> None:
    sound = _sound(tiny_clips)
    ((words, (condition, drawn)),) = workbench.named(
        sound, [variant], engine="vocoder", seed=3
    ).items()
    wanted, _ = perturbations.apply(condition, sound.source, drawn)
    edit = trying.moved(sound, **given, engine="vocoder", seed=3)
    found, _ = perturbations.apply(edit[0], sound.source, edit[1])
    np.testing.assert_array_equal(found, wanted)
    assert len(condition.steps) > 1 or edit[0].label == words


def test_a_sound_is_a_clip_or_the_middle_of_a_file(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    first = _sound(tiny_clips)
    assert first.title == "tune0__noisy (noisy)" and first.shared
    assert workbench.chosen(tiny_clips, dataset="public_clips", clip="tune1").shared is False
    with pytest.raises(BadInput, match="unknown clip 'tune'"):
        workbench.chosen(tiny_clips, dataset="demo", clip="tune")
    long = np.sin(np.arange(30 * audio.SAMPLE_RATE_HZ) ** 1.2).astype(np.float32)
    path = audio.write(tmp_path / "mine.wav", long)
    mine = workbench.chosen(tiny_clips, dataset="demo", file=str(path))
    assert (mine.title, mine.shared) == ("mine.wav (own file)", False)
    middle = long[10 * audio.SAMPLE_RATE_HZ : 20 * audio.SAMPLE_RATE_HZ]
    np.testing.assert_allclose(mine.source.samples, middle, atol=1e-4)


def _model(models: Path, name: str, **about: Any) -> detectors.Detector:
    """A small detector, untrained, as a training leaves it."""
    one = detectors.create("cnn", width=1)
    one.validated = 0.8
    one.save(models / name, **{**CARD, **about})
    return detectors.load(models / name)


def test_a_score_is_the_studys(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    (condition,) = perturbations.find(["pitch+2"])
    variant = variants.build(tiny_clips, [condition], tmp_path)["pitch+2"]
    one = _model(tmp_path / "models", "one")
    sound = _sound(tiny_clips)
    edits = workbench.named(sound, ["clean", "pitch+2"], engine="vocoder", seed=0)
    table = workbench.scores({"cnn": one}, sound, edits)
    assert table["edit"].tolist() == ["clean", "+2 st by vocoder"]
    row = variant.clips["clip_id"].tolist().index(sound.name)
    assert table["score"][1] == pytest.approx(one.predict_proba(variant)[row], abs=1e-5)
    (slower,) = perturbations.find(["tempo0.8"])
    variant = variants.build(tiny_clips, [slower], tmp_path)["tempo0.8"]
    edits = workbench.named(sound, ["tempo0.8"], engine="vocoder", seed=0)
    longer = workbench.scores({"cnn": one}, sound, edits)["score"][0]
    assert longer == pytest.approx(one.predict_proba(variant)[row], abs=1e-3)
    assert table["verdict"][1] == ("AI" if table["score"][1] >= one.threshold else "human")


def test_a_detector_with_two_cut_offs_may_be_uncertain(
    tiny_clips: pd.DataFrame, tmp_path: Path
) -> None:
    rate = {"value": 0.0, "low": 0.0, "high": 0.1, "n_clips": 9, "n_tracks": 9}
    card: dict[str, Any] = {"cutoffs": {"human_below": 0.01, "ai_from": 0.99}}
    card["tested"] = {"clean": {"false_positive_rate": rate, "found": rate}}
    models, sound = {"one": _model(tmp_path, "one", **card)}, _sound(tiny_clips)
    (row,) = workbench.scores(models, sound, {"clean": trying.moved(sound)}).to_dict("records")
    assert (row["human_below"], row["ai_from"], row["verdict"]) == (0.01, 0.99, "uncertain")
    assert "uncertain</b>" in drawing.board([row], {"one": 0.5})
    assert workbench.overview(models)["AI_from"].tolist() == [0.99]


def test_the_models_of_a_study_and_of_the_package_are_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trained, "SHIPPED", tmp_path / "shipped")
    with pytest.raises(BadInput, match=r"no trained detector in .*run 05_train_and_evaluate first"):
        workbench.models_at_hand(tmp_path / "models", "demo")
    _model(tmp_path, "shipped", train_clips=500, dataset="other")
    assert list(workbench.models_at_hand(tmp_path / "models", "demo")) == ["cnn (shipped)"]
    _model(tmp_path / "models", "far", train_clips=99, dataset="other")
    _model(tmp_path / "models", "near", dataset="demo", seed=4)
    _model(tmp_path / "models", "stage", dataset="demo", regime="iterative", seed=5)
    found = workbench.models_at_hand(tmp_path / "models", "demo")
    assert list(found) == ["cnn", "cnn (shipped)"]
    assert workbench.overview(found)["trained_on"].tolist() == [
        "clean music of demo, seed 4",
        "clean music of other",
    ]


def _all(widget: Any) -> list[Any]:
    return [widget, *(w for child in getattr(widget, "children", ()) for w in _all(child))]


def _threads() -> list[str]:
    """Threads at work; the one by which tqdm watches all bars of a process is its own."""
    return [one.name for one in threading.enumerate() if type(one).__name__ != "TMonitor"]


def test_a_move_edits_once_and_asks_everybody(
    tiny_clips: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not workbench.somebody_is_there()
    models = {name: _model(tmp_path, "one") for name in ("one", "two <b>")}
    threads = _threads()
    panel = workbench.panel(models, tiny_clips, tmp_path, semitones=[-1, 1], dataset="demo")
    parts = _all(panel)
    texts = [one for one in parts if isinstance(one, widgets.HTML)]
    controls = {one.description: one for one in parts if getattr(one, "description", "")}
    said, board, player, pictures = texts
    assert said.value.endswith("clean</b>") and board.value.count("AI from 0.50") == 2
    assert "two &lt;b&gt;" in board.value and "<audio" in player.value
    before = pictures.value, player.value

    edits = []
    apply = perturbations.apply

    def counted(*given: Any) -> Any:
        edits.append(given)
        return apply(*given)

    monkeypatch.setattr(perturbations, "apply", counted)
    controls["semitones"].value = 1.0
    assert len(edits) == 1
    assert said.value.endswith("+1 st by vocoder</b>")
    assert pictures.value != before[0] and player.value != before[1]
    controls["codec"].value = "mp3_64"
    assert "+1 st by vocoder, then MP3 64 kbps" in said.value
    controls["codec"].value, controls["noise"].value = "", 20.0
    assert said.value.endswith("+1 st by vocoder, then 20 dB SNR</b>")
    controls["or file"].value = str(tmp_path / "nothing.wav")
    assert "nothing.wav" in said.value and not board.value
    controls["or file"].value = ""
    assert board.value.count("AI from 0.50") == 2

    controls["Score against semitones"].click()
    assert (tmp_path / "score_semitones.png").is_file()
    assert not controls["Score against semitones"].disabled
    assert _threads() == threads


def test_what_may_not_be_passed_on_is_not_played(tiny_clips: pd.DataFrame, tmp_path: Path) -> None:
    models = {"one": _model(tmp_path, "one")}
    where = {"semitones": [], "dataset": "public_clips"}
    panel = workbench.panel(models, tiny_clips, tmp_path, **where)
    texts = [one.value for one in _all(panel) if isinstance(one, widgets.HTML)]
    assert not [text for text in texts if "<audio" in text]
    assert "may not be passed on" in texts[2]
