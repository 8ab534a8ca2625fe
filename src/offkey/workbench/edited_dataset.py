"""A data set under an edit: shown on one clip, measured, built. The notebooks 02, 03 and 04."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from offkey import datasets, reports
from offkey.audits import edit_accuracy
from offkey.core import manifest, store
from offkey.core.workspace import Workspace
from offkey.features import LogMel, variants
from offkey.perturbations import Condition
from offkey.sound import audio, listening

UNCHANGED = {"pitch": 0.0, "tempo": 1.0, "level": 0.0}
"""What is asked for where an edit is to leave a quantity alone."""


def show(
    clips: pd.DataFrame, condition: Condition, figures: Path, *, dataset: str, seed: int
) -> None:
    """Draw and play the first human clip before and after an edit."""
    before, after = variants.edited(clips[clips["target"] == 0].iloc[0], condition, seed=seed)
    edit, name = _words(condition), condition.perturbation
    waves = reports.wave_table(before, after, sample_rate_hz=audio.SAMPLE_RATE_HZ)
    reports.publish(reports.plot_waveforms, waves, figures, f"{name}_waveform", edit=edit)
    mel = LogMel()
    axes: dict[str, Any] = {"frequencies_hz": mel.frequencies_hz(), "frame_s": mel.frame_s}
    mels = reports.mel_table(mel(before).T, mel(after).T, **axes)
    reports.publish(reports.plot_spectrogram, mels, figures, f"{name}_spectrogram", edit=edit)
    shared = datasets.info(dataset).shares_audio
    listening.play({"original": before, edit: after}, shared=shared)


def measure(
    clips: pd.DataFrame, conditions: Sequence[Condition], work: Workspace, name: str, *, seed: int
) -> None:
    """Measure what edits do to human clips; draw what they were asked to change.

    Parameters
    ----------
    name : str
        Of the table ``measurements_NAME`` and the figure ``NAME_measured``.
    """
    measured = edit_accuracy.edits(clips, conditions, seed=seed)
    store.write_table(measured, work.tables / f"measurements_{name}", csv=True)
    labels = [
        reports.edit_name(*pair) for pair in zip(measured["label"], measured["engine"], strict=True)
    ]
    shown = measured.assign(label=labels)
    # no panel for what no edit was to change: the table says how far it stayed
    reports.publish(reports.plot_edit_accuracy, asked_for(shown), work.figures, f"{name}_measured")
    reports.show_table(
        edit_accuracy.summary(shown),
        "Largest error of the clips measured, and the level the engine leaves",
    )


def asked_for(measured: pd.DataFrame) -> pd.DataFrame:
    """The rows of every quantity that some edit was to change; pitch and tempo if none was."""
    changed = measured["asked"] != measured["quantity"].map(UNCHANGED)
    asked = changed.groupby(measured["quantity"]).transform("any")
    return measured[asked if asked.any() else measured["quantity"] != "level"]


def build(
    clips: pd.DataFrame,
    learnt: Sequence[Condition],
    tested: Sequence[Condition],
    folder: Path,
    *,
    features: Mapping[str, Any],
    write_audio: bool,
    seed: int,
) -> None:
    """Build variants of all clips for training, and of the test clips for testing.

    Parameters
    ----------
    learnt, tested : sequence of Condition
    folder : Path
        Where shards are kept.
    features : mapping
        Settings of the log-mel.
    write_audio : bool
        Keep every edited clip as sound beside the data set, too.
    """
    sound = Path(clips.attrs["folder"], "audio_variants") if write_audio else None
    how: dict[str, Any] = {"folder": folder, "seed": seed, "audio_folder": sound}
    how["features"] = LogMel(**features)
    built = variants.build(clips, learnt, **how, label="for training")
    built |= variants.build(manifest.select(clips, "test"), tested, **how, label="for testing")
    edits = [_words(variant.condition) for variant in built.values()]
    reports.show_table(variants.overview(built).assign(edit=edits), "On disk")


def _words(condition: Condition) -> str:
    return reports.edit_name(condition.label, condition.engine)
