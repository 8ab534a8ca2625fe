"""Figures from tables alone: files are there, names are text."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from PIL import Image

from offkey import reports
from offkey.core.errors import BadInput
from offkey.reports import estimates, style, tables, words
from offkey.reports.pictures import small_png

EVIL = '<img src=x onerror=alert(1)> & "A$AP$"'
VARIANTS = [
    ("clean", "clean", 0, np.nan, "clean"),
    ("pitch-2", "pitch", -1, -2.0, "−2 st"),
    ("pitch+2", "pitch", 1, 2.0, "+2 st"),
    ("tempo0.9", "tempo", -1, 0.9, "×0.9"),
    ("pitch_tempo-2x0.9", "pitch_tempo", 1, np.nan, "−2 st ×0.9"),
    ("original_pitch", "original_pitch", 1, np.nan, "U(−2, 2) st"),
    ("round_trip_pitch", "round_trip", 1, np.nan, "+2 then −2 st"),
]


def scores() -> pd.DataFrame:
    """Clean-trained, retrained and iterative models whose accuracy is known per variant."""
    models = [("clean", "", "clean", 0.0), ("iterative", "0 clean", "clean", 0.0)]
    models += [("iterative", "10 pitch", "pitch+2", 0.04), ("iterative", "2 tempo", "tempo0.9", 0)]
    models += [("retrained", "", name, 0.05) for name, *_ in VARIANTS]
    rows = []
    for regime, stage, trained, gain in models:
        for variant, perturbation, severity, level, label in VARIANTS:
            about = {
                "detector": "resnet", "regime": regime, "stage": stage, "train_variant": trained,
                "seed": 0, "variant": variant, "perturbation": perturbation, "severity": severity,
                "level": level, "unit": "", "label": label, "engine": "vocoder" if severity else "",
            }  # fmt: skip
            accuracy = 0.9 - 0.1 * (severity != 0) + gain
            values = {"balanced_accuracy": accuracy, "auc": accuracy + 0.05, "drop_auc": 0.02}
            for metric, value in values.items():
                size = {"low": value - 0.05, "high": value + 0.04, "n_clips": 80, "n_tracks": 40}
                rows.append({**about, "subset": "all", "metric": metric, "value": value, **size})
            for source, metric in ((EVIL, "miss_rate"), ("fma", "false_accusation_rate")):
                size = {"low": np.nan, "high": np.nan, "n_clips": 20, "n_tracks": 10}
                subset = f"generator={source}"
                rows.append({**about, "subset": subset, "metric": metric, "value": 0.2, **size})
    return pd.DataFrame(rows)


def predictions() -> pd.DataFrame:
    """Twenty clips a variant; on pitched ones, AI clips slip below the threshold."""
    parts = []
    for variant, perturbation, _, _, label in VARIANTS:
        target = np.arange(20) % 2
        score = np.where(target == 1, 0.3 if perturbation == "pitch" else 0.8, 0.1)
        keys = {"regime": "clean", "train_variant": "clean", "stage": "", "seed": 0}
        about = {"variant": variant, "perturbation": perturbation, "label": label, **keys}
        names = [f"clip{i}" for i in range(20)]
        part = pd.DataFrame({**about, "target": target, "score": score, "threshold": 0.5})
        parts.append(part.assign(clip_id=names, track_id=names))
    return pd.concat(parts, ignore_index=True)


def measured() -> pd.DataFrame:
    asked = np.repeat([-200.0, 200.0], 4)
    error = np.tile([-1.0, 0, 1, 2], 2)
    about = {"variant": "pitch", "label": "x", "quantity": EVIL, "unit": "cents"}
    parts = [
        pd.DataFrame({**about, "engine": engine, "asked": asked, "measured": asked + error})
        for engine in ("vocoder", "librosa")
    ]
    return pd.concat(parts, ignore_index=True)


def one_sound(edits: list[Any]) -> pd.DataFrame:
    """Five detectors on one sound: more than stand in a row; the last is uncertain."""
    about = [{"human_below": 0.5, "ai_from": 0.5, "verdict": "human"}] * 4
    about.append({"human_below": 0.3, "ai_from": 1.1, "verdict": "uncertain"})
    rows = [
        {"edit": edit, "detector": f"{EVIL}{number}", "score": number / 4, **about[number]}
        for edit in edits
        for number in range(5)
    ]
    return pd.DataFrame(rows)


def paired_tests() -> pd.DataFrame:
    """Paired tests: pitch costs 30 points for sure, tempo nothing that can be seen."""
    about = {"detector": "resnet", "regime": "clean", "n_clips": 80, "n_tracks": 40, "engine": ""}
    return pd.DataFrame(
        [
            {"variant": "pitch-2", "perturbation": "pitch", "label": EVIL, "drop": 0.3,
             "low": 0.2, "high": 0.4, "p_tracks_holm": 0.001},
            {"variant": "tempo0.9", "perturbation": "tempo", "label": "×0.9", "drop": 0.02,
             "low": -0.05, "high": 0.09, "p_tracks_holm": 0.8},
            {"variant": "null_pitch", "perturbation": "null_pitch", "label": "±0 st", "drop": 0.0,
             "low": np.nan, "high": np.nan, "p_tracks_holm": 1.0},
        ]
    ).assign(**about)  # fmt: skip


def clean_scores() -> pd.DataFrame:
    """The clean-trained model, with the best threshold 3 points above the one in use."""
    rows = scores().query("regime == 'clean' and subset == 'all'")
    lost = rows.query("metric == 'drop_auc'").assign(metric="drop_balanced_accuracy")
    rows = pd.concat([rows, lost])
    best = rows.query("metric == 'balanced_accuracy'").assign(metric="oracle_balanced_accuracy")
    return pd.concat([rows, best.assign(value=best["value"] + 0.03)])


def dose() -> pd.DataFrame:
    """Two detectors against semitones, one of which half a semitone blinds."""
    rows = [
        (name, engine, level, value - lost * min(abs(level), 1) - (level == 0.5) * lost / 2)
        for name, value, lost in (("peaks", 0.9, 0.35), ("comb", 0.95, 0.05))
        for engine in ("vocoder", "signalsmith")
        for level in (-2.0, -0.5, 0.0, 0.5, 2.0)
    ]
    table = pd.DataFrame(rows, columns=["detector", "engine", "level", "value"])
    ends = {"low": table["value"] - 0.03, "high": table["value"] + 0.03}
    return table.assign(**ends, n_clips=80, n_tracks=40)


def detector_scores() -> pd.DataFrame:
    """Two detectors; the second one worse everywhere."""
    rows = clean_scores()
    other = rows.assign(detector="forest", value=rows["value"] - 0.2)
    return pd.concat([other, rows], ignore_index=True)


def agreement() -> pd.DataFrame:
    rows = [("cnn", "forest", 0.8), ("cnn", "resnet", 0.9), ("forest", "resnet", np.nan)]
    table = pd.DataFrame(rows, columns=["first", "second", "same"])
    return table.assign(label="clean", n_clips=80)


def bins() -> pd.DataFrame:
    colours = [f"{colour} {i}" for colour in ("red", "blue") for i in range(3)]
    slopes = [f"time {i}, frequency {j}" for i in range(3) for j in range(3)]
    targets = np.array([0, 1, 1])
    return pd.concat(
        [
            reports.bin_table(np.linspace(0, 1, 18).reshape(3, 6), targets, colours, "colours"),
            reports.bin_table(np.linspace(0, 1, 27).reshape(3, 9), targets, slopes, "derivatives"),
        ]
    )


def figures() -> dict[str, tuple]:
    mel = -40 + 20 * np.sin(np.arange(32 * 25)).reshape(32, 25)
    hz = np.geomspace(60, 7900, 32)
    wave = np.sin(np.arange(16000) / 20)
    history = pd.DataFrame({"epoch": [1, 2, 3], "train_loss": [0.7, 0.4, 0.2], "stage": EVIL})
    clean = predictions()
    return {
        "confusion": (reports.plot_confusion, reports.confusion_counts(clean), {}),
        "severity": (reports.plot_severity, clean_scores(), {}),
        "dose": (reports.plot_dose, dose(), {"engines": True}),
        "regimes": (reports.plot_regimes, scores(), {}),
        "forgetting": (reports.plot_forgetting, scores(), {}),
        "generators": (
            reports.plot_estimates,
            reports.called_ai(scores(), variant="pitch"),
            {"title": "How often is each source called AI?"},
        ),
        "histograms": (reports.plot_histograms, reports.score_bins(clean, ["clean"]), {}),
        "history": (
            reports.plot_history,
            history.assign(val_loss=[0.6, 0.5, 0.55]),
            {"panel": "stage", "clips": 30},
        ),
        "detectors": (reports.plot_detectors, detector_scores(), {}),
        "agreement": (reports.plot_agreement, agreement(), {}),
        "bins": (reports.plot_bins, bins(), {}),
        "losses": (
            reports.plot_estimates,
            reports.drop_table(paired_tests()),
            {"title": "What each edit costs", "x_label": "points lost"},
        ),
        "levels": (
            reports.plot_estimates,
            reports.level_table(clean_scores(), label="label", kind="regime"),
            {"title": "Beside chance"},
        ),
        "reliability": (
            reports.plot_reliability,
            reports.reliability_bins(clean.assign(stage="as trained")),
            {},
        ),
        "threshold": (
            reports.plot_estimates,
            reports.threshold_losses(clean_scores()),
            {"title": "Is only the threshold wrong?"},
        ),
        "one_sound": (reports.plot_detector_scores, one_sound([EVIL, "+2 st"]), {"title": EVIL}),
        "one_sound_curve": (
            reports.plot_detector_scores,
            one_sound([-1.0, 0.5]),
            {"title": "a", "along": "pitch shift (semitones)"},
        ),
        "measurement": (reports.plot_edit_accuracy, measured(), {}),
        "spectrogram": (
            reports.plot_spectrogram,
            reports.mel_table(mel, mel[:, :20], frequencies_hz=hz, frame_s=0.032),
            {"edit": EVIL},
        ),
        "waveforms": (
            reports.plot_waveforms,
            reports.wave_table(wave, wave[:8000], sample_rate_hz=16000),
            {"edit": "×2"},
        ),
    }


@pytest.mark.parametrize("name", figures())
def test_figure_is_published_in_both_themes_with_its_table(name: str, tmp_path: Path) -> None:
    plot, table, options = figures()[name]
    reports.publish(plot, table, tmp_path, name, **options)
    made = {path.name for path in tmp_path.iterdir()}
    assert made == {f"{name}.{ending}" for ending in ("png", "dark.png", "csv")}
    assert len(pd.read_csv(tmp_path / f"{name}.csv")) == len(table)
    papers = []
    for theme, mid in (("light", ""), ("dark", ".dark")):
        picture = Image.open(tmp_path / f"{name}{mid}.png")
        assert picture.mode == "P" and not picture.info.get("Software")
        papers.append(picture.convert("RGB").getpixel((0, 0)))
        with style.theme(theme):
            assert papers[-1] == tuple(round(255 * part) for part in to_rgb(style.base("paper")))
    assert papers[0] != papers[1]


def test_a_long_table_is_kept_as_parquet_alone(tmp_path: Path) -> None:
    level = np.tile(np.linspace(-60, 0, 64)[:, None], (1, 40))
    mels = reports.mel_table(
        level, level, frequencies_hz=np.linspace(100, 8000, 64), frame_s=0.032, shared=True
    )
    reports.publish(reports.plot_spectrogram, mels, tmp_path, "long")
    assert {path.suffix for path in tmp_path.iterdir()} == {".png", ".parquet"}
    assert len(pd.read_parquet(tmp_path / "long.parquet")) == len(mels) == 2 * 64 * 40


def test_a_picture_gets_a_palette_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (40, 40, 4), dtype=np.uint8), "RGBA")
    noise.save(tmp_path / "noise.png")
    once = small_png((tmp_path / "noise.png").read_bytes())
    assert len(Image.open(io.BytesIO(once)).getcolors()) <= 256
    assert small_png(once) == once
    clear = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    clear.save(tmp_path / "clear.png")
    seen = Image.open(io.BytesIO(small_png((tmp_path / "clear.png").read_bytes())))
    assert seen.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_publishing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        bins = reports.score_bins(predictions(), ["clean"])
        reports.publish(reports.plot_histograms, bins, tmp_path / folder, "g")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_figure_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="only letters"):
        reports.publish(reports.plot_regimes, scores(), tmp_path / "in", "../out")
    assert not list(tmp_path.iterdir())


def test_plot_called_by_hand_is_light_and_leaves_the_users_style_alone() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    figure = reports.plot_histograms(reports.score_bins(predictions(), ["clean"]))
    assert figure.get_facecolor()[:3] == (1.0, 1.0, 1.0)
    assert dict(matplotlib.rcParams) == before


def test_figures_say_n_and_keep_text_inside() -> None:
    for name, (plot, table, options) in figures().items():
        figure = plot(table, **options)
        words_on_it = " ".join(text.get_text() for text in figure.findobj(match=_is_text))
        assert re.search(r"n = \d|n=\d|[Oo]ne clip", words_on_it), name
        figure.canvas.draw()
        for text in figure.texts:
            box = text.get_window_extent()
            assert box.x0 >= 0 and box.x1 <= figure.bbox.x1, (name, text.get_text())


def _is_text(artist: object) -> bool:
    return hasattr(artist, "get_text") and isinstance(artist.get_text(), str)


def test_confusion_counts_are_the_verdicts() -> None:
    counts = reports.confusion_counts(predictions()).set_index(["variant", "true", "called"])
    cells = counts["n_clips"]
    assert cells["clean", "AI", "AI"] == cells["clean", "human", "human"] == 10
    assert cells["pitch+2", "AI", "human"] == 10
    assert cells["pitch+2", "AI", "AI"] == 0


def test_retrained_counts_come_from_the_model_trained_on_that_variant() -> None:
    clean = predictions()
    right = clean.assign(regime="retrained", train_variant=clean["variant"], score=clean["target"])
    wrong = right.assign(train_variant="pitch+2", score=1 - right["target"])
    table = pd.concat([clean, right, wrong[wrong["variant"] != "pitch+2"]])
    counts = reports.confusion_counts(table)
    retrained = counts[counts["regime"] == "retrained"]
    assert retrained.loc[retrained["true"] == retrained["called"], "n_clips"].eq(10).all()


def test_last_stage_goes_by_number() -> None:
    kept = tables.last_stage(scores())
    assert set(kept.loc[kept["regime"] == "iterative", "stage"]) == {"10 pitch"}


def test_called_ai_turns_the_miss_rate_round() -> None:
    rows = reports.called_ai(scores().query("regime == 'clean'"))
    values = rows.set_index(rows["group"].str.split(":").str[0])["value"]
    assert values["AI"] == pytest.approx(0.8)
    assert values["human"] == pytest.approx(0.2)


def test_bins_hold_the_clips_of_one_seed_and_intervals_over_tracks() -> None:
    first = predictions().query("variant == 'clean'").assign(stage="as trained")
    three = pd.concat([first.assign(seed=seed) for seed in (0, 1, 2)])
    bins = reports.reliability_bins(three)
    pd.testing.assert_frame_equal(bins, reports.reliability_bins(first))
    assert bins["n_clips"].sum() == 20
    # ten clips of ten tracks, all human: none of ten
    assert bins.loc[0, "high"] == pytest.approx(1 - 0.025 ** (1 / 10))
    pairs = reports.reliability_bins(three.assign(track_id=[f"t{i // 4}" for i in range(20)] * 3))
    assert pairs.loc[0, "high"] == pytest.approx(1 - 0.025 ** (1 / 5))


def test_a_folder_of_one_name_in_both_classes_is_two_sources() -> None:
    table = scores()
    table["subset"] = table["subset"].replace(f"generator={EVIL}", "generator=fma")
    rows = reports.called_ai(table, variant="pitch")
    figure = reports.plot_estimates(rows, title="Called AI?")
    names = [" ".join(label.get_text().split()) for label in figure.axes[0].get_yticklabels()]
    assert [name.split(":")[0] for name in names] == ["AI", "fma n=20", "human", "fma n=20"]
    assert rows.groupby("group")["kind"].agg(list).tolist() == [["clean", "+2 st"]] * 2
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in dots] == [1, 1, 1, 1]


def test_an_example_in_the_prose_of_a_notebook_stays_as_it_is() -> None:
    prose = 'Run `offkey run demo --set "dataset_options={source: /path/to/music}"`.'
    nb = new_notebook(cells=[new_markdown_cell(prose), new_code_cell('place = "/home/anna/x"')])
    cells = reports.clean_notebook(nb).cells
    assert cells[0].source == prose
    assert "anna" not in cells[1].source


@pytest.mark.parametrize(
    ("value", "metric", "n", "text"),
    [
        (0.8765, "accuracy", 60, "88 % [80, 90]"),
        (0.8765, "accuracy", 400, "87.6 % [80.0, 90.0]"),
        (0.8765, "auc", 60, "0.88 [0.80, 0.90]"),
    ],
)
def test_numbers_have_no_digit_that_n_cannot_carry(value, metric, n, text) -> None:
    assert words.interval(value, 0.8, 0.9, metric, n) == text


def test_headline_names_the_worst_level_and_stays_readable_as_lines() -> None:
    table = scores()
    worse = (table["variant"] == "pitch-2") & (table["regime"] == "clean")
    table.loc[worse & (table["metric"] == "balanced_accuracy"), "value"] = 0.6
    rows = reports.headline(table)
    told = set(rows.loc[rows["regime"] == "clean", "tested_on"])
    assert "pitch shift: −2 st (worst of 2)" in told
    assert {"label", "value", "low", "high", "n_clips", "n_tracks"} <= set(rows)
    assert rows["label"].is_unique
    shown = reports.formatted(rows)
    assert shown.loc[0, "balanced accuracy"] == "90 % [85, 94]"
    assert len(shown) == len(rows) / 2


def test_other_tables_are_shown_as_they_are() -> None:
    table = pd.DataFrame({"name": ["python"], "value": ["3.11"], "share_left": [0.123456]})
    shown = reports.formatted(table)
    assert shown.to_dict("list") == {
        "name": ["python"],
        "value": ["3.11"],
        "share left": ["0.1235"],
    }


def test_conclusions_do_not_claim_what_the_interval_does_not_carry() -> None:
    about = {"detector": "resnet", "regime": "clean", "n_clips": 80, "n_tracks": 40}
    tests = pd.DataFrame(
        [
            {"variant": "pitch-2", "perturbation": "pitch", "label": "−2 st", "drop": 0.3,
             "low": 0.2, "high": 0.4, "detectable_drop": 8.0, "p_tracks_holm": 0.01},
            {"variant": "tempo0.9", "perturbation": "tempo", "label": "×0.9", "drop": 0.02,
             "low": -0.05, "high": 0.09, "detectable_drop": 8.0, "p_tracks_holm": 0.7},
        ]
    ).assign(**about)  # fmt: skip
    text = " ".join(reports.conclusions(scores(), tests, detector="resnet"))
    assert "Pitch shift (−2 st) costs 30 [20, 40] points" in text
    assert "mostly a threshold shift" in text
    loss = "Time stretch (×0.9): a loss of 2 [-5, 9] points of balanced accuracy, not significant"
    assert loss in text
    assert "significant (Holm-adjusted p < 0.05) for 1 of 2 edits tested" in text
    assert "the detectable difference is 8.0 points, in one comparison alone." in text
    smaller = tests.assign(drop=0.12, low=0.05, high=0.2)
    text = " ".join(reports.conclusions(scores(), smaller, detector="resnet"))
    assert "AUC loses 0.020 [-0.030, 0.060]: whether the threshold shifted" in text
    corrected = tests.assign(p_tracks_holm=0.2)
    text = " ".join(reports.conclusions(scores(), corrected, detector="resnet"))
    assert "costs" not in text
    # an edit that is no test of its own decides nothing
    untested = pd.concat([tests, tests.iloc[:1].assign(variant="gain", perturbation="gain")])
    untested["p_tracks_holm"] = [0.01, 0.7, np.nan]
    text = " ".join(reports.conclusions(scores(), untested, detector="resnet"))
    assert "1 of 2 edits" in text and "Gain (" not in text


def test_what_a_threshold_wins_back_and_what_not_add_up() -> None:
    table = reports.threshold_table(clean_scores())
    np.testing.assert_allclose(table["threshold"] + table["separability"], table["total"])
    assert table["separability"].tolist() == pytest.approx([0.1] * len(table))
    assert "clean" not in set(table["variant"])


def test_controls_stand_together_in_the_losses() -> None:
    table = reports.drop_table(paired_tests()).set_index("label")
    assert table.loc["null pitch ±0 st", "group"] == "control: the tool, no edit"
    assert table.loc["×0.9", "group"] == "time stretch"


def test_a_spectrogram_says_what_is_compared() -> None:
    level = np.full((8, 5), -20.0)
    axes = {"frequencies_hz": np.linspace(100, 8000, 8), "frame_s": 0.032}
    for edited in (level, level[:, :4]):  # of equal length, and shorter
        mels = reports.mel_table(level, edited, **axes)
        usual = reports.plot_spectrogram(mels, edit="+2 st").get_suptitle()
        said = "What the edit does to the picture the detector sees: +2 st"
        assert " ".join(usual.split()) == said  # on two lines
        named = reports.plot_spectrogram(mels, edit="twin", title="A clip and its twin")
        assert named.get_suptitle() == "A clip and its twin: twin"


def losses(n: int) -> pd.DataFrame:
    """`n` kinds of edit that cost 1, 2, … points at their worst, and the tool that costs most."""
    found = [
        (f"edit{i}", f"level {j}", 0.01 * (i + 1) - 0.005 * j) for i in range(n) for j in (0, 1)
    ]
    table = pd.DataFrame(
        [*found, ("round_trip", "there", 0.9)], columns=["perturbation", "label", "drop"]
    )
    size = {"p_tracks_holm": 0.5, "engine": "", "n_clips": 80, "n_tracks": 40}
    return table.assign(low=table["drop"] - 0.1, high=table["drop"] + 0.1, **size)


def test_the_costliest_edits_are_shown_at_their_worst_level_and_controls_with_them() -> None:
    table = reports.worst_drops(losses(14))
    edits, controls = (part for _, part in table.groupby("group", sort=False))
    assert edits["label"].tolist() == [f"edit{i}: level 0" for i in range(13, 3, -1)]
    assert edits["value"].is_monotonic_decreasing
    assert controls["label"].tolist() == ["round trip"]


def test_a_dot_is_filled_where_its_difference_is_significant() -> None:
    table = reports.drop_table(paired_tests())
    figure = reports.plot_estimates(table, title="t")
    paper = to_rgb(style.base("paper"))
    hollow = [
        to_rgb(line.get_markerfacecolor()) == paper
        for line in figure.axes[0].lines
        if line.get_marker() == "o"
    ]
    assert hollow == [False, True, True]
    shown = [text.get_text() for text in figure.legends[0].get_texts()]
    assert shown == list(estimates.SIGNIFICANT)
    alone = reports.plot_estimates(table[table["filled"] == estimates.SIGNIFICANT[1]], title="t")
    assert [text.get_text() for text in alone.legends[0].get_texts()] == [estimates.SIGNIFICANT[1]]


def test_no_two_things_of_one_kind_share_a_colour() -> None:
    detectors = ["resnet", "cnn", "forest", "histogram", "dual", "peaks", "comb", "metadata"]
    detectors += ["ensemble", "shortcut", "codec_floor", *(f"of my own {i}" for i in range(6))]
    engines = ["vocoder", "librosa", "signalsmith", "another"]
    regimes = [f"trained:{name}" for name in words.REGIMES if "heard" not in name]
    for theme in style.THEMES:
        with style.theme(theme):
            for names in (detectors, engines, regimes, ["human", "AI"]):
                assert len(set(style.inks(names).values())) == len(names), (theme, names)


def test_the_figure_of_doses_says_what_half_a_semitone_does() -> None:
    figure = reports.plot_dose(dose())
    said = " ".join(" ".join(text.get_text().split()) for text in figure.texts)
    assert (
        "Half a semitone takes the AUC of peaks from 0.90 to 0.55, of comb from 0.95 to 0.90"
        in said
    )
    names = [text.get_text() for text in figure.axes[0].texts]
    assert names == ["guessing", "peaks", "comb"]
    ticks = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert ticks == ["−2", "−1", "clean", "+1", "+2"]
    assert "Half" not in " ".join(
        text.get_text() for text in reports.plot_dose(dose().query("abs(level) != 0.5")).texts
    )


def test_sound_that_may_not_be_passed_on_leaves_only_coarse_means() -> None:
    level = np.random.default_rng(0).normal(-40, 5, (128, 313))
    axes = {"frequencies_hz": np.linspace(50, 8000, 128), "frame_s": 0.032}
    fine = reports.mel_table(level, level, shared=True, **axes)
    assert len(fine) == 2 * level.size
    coarse = reports.mel_table(level, level[:, :200], **axes)
    panel = coarse[coarse["panel"] == "original"]
    assert panel["frequency_hz"].nunique() == 4
    assert np.diff(np.sort(panel["time_s"].unique())) == pytest.approx(16 * 0.032)
    first = panel.sort_values(["time_s", "frequency_hz"])["level_db"].iloc[0]
    assert first == pytest.approx(level[:32, :16].mean(), abs=0.05)
    assert panel["level_db"].mean() == pytest.approx(level.mean(), abs=0.2)
    reports.plot_spectrogram(coarse)


def test_relative_robustness_is_a_row_per_detector() -> None:
    relative = pd.DataFrame(
        {
            "detector": ["cnn", "cnn", "resnet"],
            "perturbation": ["codec", "original_pitch", "codec"],
            "error_ratio": [0.7, 2.04, 1.0],
            "rise_ratio": [-0.04, np.nan, 1.0],
        }
    )
    table = reports.relative_table(relative)
    assert list(table) == ["detector", "re-encoding", "random pitch"]
    assert table.to_numpy().tolist() == [
        ["cnn", "0.7 (0.0)", "2.0 (–)"],
        ["resnet", "1.0 (1.0)", "–"],
    ]


def test_differences_are_shown_in_points_with_their_interval() -> None:
    losses = pd.DataFrame(
        {
            "label": ["+2 st", "30 dB SNR"],
            "drop": [-0.0135, 0.2365],
            "low": [-0.0338, 0.1757],
            "high": [0.0001, 0.2973],
            "seed_low": [-0.02, 0.2],
            "seed_high": [0.0, 0.3],
            "p_tracks_holm": [0.0644999, 0.0004],
            "detectable_drop": [4.054, 6.081],
            "n_seeds": [3, 3],
            "n_clips": [148, 148],
        }
    )
    table = reports.difference_table(losses, "label")
    assert table.iloc[0].to_dict() == {
        "label": "+2 st",
        "points lost [95 %]": "-1 [-3, 0]",
        "lowest to highest seed": "-2 to 0",
        "detectable difference": "4.1",
        "Holm-adjusted p": "0.064",
        "n_seeds": "3",
        "n_clips": "148",
    }
    assert table.loc[1, "Holm-adjusted p"] == "< 0.001"
    alone = losses.assign(p_tracks=[0.03, 0.0001], p_tracks_holm=[0.03, np.nan])
    assert reports.difference_table(alone, "label").loc[1, "Holm-adjusted p"] == (
        "not tested (< 0.001)"
    )
    assert reports.family_note(alone).startswith("Holm-adjusted over the 1 comparisons tested; not")
    # of one seed nothing is said; an effect without spread has no interval
    one = losses.assign(n_seeds=1, regime="clean").rename(columns={"drop": "gain"})
    assert list(reports.difference_table(one.drop(columns="detectable_drop"), "regime")) == [
        *("regime", "points gained [95 %]", "Holm-adjusted p", "n_clips")
    ]
    certain = pd.DataFrame({"effect": [-0.5], "low": [np.nan], "high": [np.nan]})
    certain = certain.assign(p_holm=1e-5, n_clips=60)
    assert reports.difference_table(certain).iloc[0].tolist() == ["-50", "< 0.001", "60"]
    with pytest.raises(BadInput, match="one of the columns drop, gain, effect"):
        reports.difference_table(losses.drop(columns="drop"), "label")


def test_sentences_on_other_worlds_claim_only_what_is_shown() -> None:
    def auc(regime: str, value: float, **more) -> dict:
        ends = {"low": value - 0.05, "high": min(value + 0.05, 1.0), "n_clips": 90, "n_tracks": 70}
        about = {"regime": regime, "metric": "auc", "subset": "all", "variant": "clean", "seed": 0}
        return {**about, "value": value, **ends, **more}

    worlds = [auc(regime, value, held_out=name) for name, regime, value in (
        *((what, "heard", 0.97) for what in ("codec", "vocoder", "sines")),
        ("codec", "heard_same_size", 0.95), ("codec", "unheard", 0.6),
        ("vocoder", "heard_same_size", 0.95), ("vocoder", "unheard", 0.94),
        ("sines", "heard_same_size", 0.95), ("sines", "unheard", 0.9))]  # fmt: skip
    costs = pd.DataFrame(
        [
            {"held_out": "codec", "gain": -0.3, "low": -0.4, "high": -0.2, "p_tracks_holm": 0.002},
            {
                "held_out": "vocoder",
                "gain": -0.01,
                "low": -0.04,
                "high": 0.02,
                "p_tracks_holm": 0.7,
            },
            {
                "held_out": "sines",
                "gain": -0.08,
                "low": -0.15,
                "high": -0.01,
                "p_tracks_holm": 0.08,
            },
        ]
    ).assign(n_clips=90)
    floors = [auc("clean", 0.65, detector="shortcut"), auc("clean", 0.68, detector="resnet")]
    won = {"detector": "resnet", "variant": "clean", "gain": 0.02, "low": -0.01, "high": 0.05}
    above = pd.DataFrame([{**won, "p_tracks_holm": 0.3, "n_clips": 90}])
    others = pd.DataFrame(worlds), costs, pd.DataFrame(floors)
    text = reports.world_sentences(*others, above)
    assert "codec held out: AUC 0.60 [0.55, 0.65]. With it in training: 0.95" in text[0]
    assert "on as few tracks, 0.97 [0.92, 1.00] on all tracks (90 clips)" in text[0]
    assert "costs 30 [20, 40] points of balanced accuracy, significant" in text[0]
    assert "costs 1 [-2, 4] points of balanced accuracy, not significant" in text[1]
    assert "costs 8 [1, 15] points of balanced accuracy, not significant" in text[2]
    assert "is 2 [-1, 5] points of balanced accuracy, not significant" in text[3]
    # intervals of the two AUCs overlap, and the paired test decides
    told = reports.world_sentences(*others, above.assign(p_tracks_holm=0.01))
    assert "balanced accuracy, significant (Holm-adjusted p < 0.05)" in told[3]
    assert len(text) == 4
    folds = pd.DataFrame([row for row in worlds if row["regime"] != "heard_same_size"])
    text = reports.world_sentences(folds, *others[1:], above)
    assert "With it in training: 0.97 [0.92, 1.00] on all tracks" in text[0]
    counted = pd.DataFrame([*floors, auc("clean", 0.59, detector="codec_floor")])
    also = reports.world_sentences(*others[:2], counted, above)
    assert also[3].startswith(
        "Codec, sample rate and bit rate of the file alone reach an AUC of 0.59"
    )


def test_a_table_does_not_let_one_row_stand_for_several() -> None:
    seeds = pd.concat([scores().assign(seed=seed) for seed in (0, 1)])
    rows = seeds[(seeds["metric"] == "auc") & (seeds["regime"] == "clean")]
    columns = ["label", "metric", "value", "low", "high"]
    with pytest.raises(BadInput, match="over_seeds"):
        words.formatted(rows[columns])
    assert len(words.formatted(reports.over_seeds(rows)[columns])) == len(VARIANTS)


def test_of_equal_levels_the_headline_names_the_first() -> None:
    equal = scores().query("regime == 'clean'").copy()
    equal["value"] = np.where(equal["metric"] == "balanced_accuracy", 0.9, equal["value"])
    dust = (equal["variant"] == "pitch-2") & (equal["metric"] == "balanced_accuracy")
    equal.loc[dust, "value"] += 1e-13
    first = equal.loc[equal["perturbation"] == "pitch", "label"].iloc[0]
    table = reports.headline(equal)
    assert table["tested_on"].str.startswith(f"pitch shift: {first}").any()


def test_names_of_trainings_and_stages_are_words() -> None:
    named = scores().replace({"stage": {"10 pitch": "10 pitch_tempo"}})
    ticks = [
        " ".join(tick.get_text().split())
        for figure in (reports.plot_regimes(scores()), reports.plot_forgetting(named))
        for tick in [*figure.axes[0].get_xticklabels(), *figure.axes[0].get_yticklabels()]
    ]
    titles = [
        reports.plot_history(
            pd.DataFrame({"epoch": [1], "train_loss": [0.5], "val_loss": [0.6], panel: name}),
            panel=panel,
        ).axes[0].get_title(loc="left")
        for panel, name in (("stage", "3 pitch_tempo"), ("regime", "iterative_replay"))
    ]  # fmt: skip
    assert titles == ["3 pitch and tempo", "iterative_replay"]
    assert "one edit after another" in ticks
    assert "10 pitch and tempo" in ticks


def test_controls_of_several_engines_are_told_apart() -> None:
    own = clean_scores()
    name, engine = "round_trip_pitch", "signalsmith"
    other = own[own["variant"] == name].assign(variant=f"{name}@{engine}", engine=engine)
    drawn = [reports.plot_severity(table, engines=True) for table in (own, pd.concat([own, other]))]
    legends = [[text.get_text() for text in one.legends[0].get_texts()] for one in drawn]
    names = [tick.get_text() for tick in drawn[1].axes[0].get_xticklabels()]
    controls = {
        line.get_color(): x
        for line in drawn[1].axes[0].lines
        for x in line.get_xdata()
        if round(x) == names.index("round trip")
    }
    assert set(controls) == {style.colour("vocoder"), style.colour(engine)}
    assert len(set(controls.values())) == 2  # beside each other
    assert legends == [["edited by vocoder"], ["edited by vocoder", "edited by signalsmith"]]


def test_gains_are_sentences_only_when_chance_does_not_explain_them() -> None:
    gains = pd.DataFrame(
        [
            {"label": "random pitch", "regime": "joint", "gain": 0.06, "low": 0.02, "high": 0.1,
             "p_tracks_holm": 0.01},
            {"label": "random tempo", "regime": "joint", "gain": 0.04, "low": 0.001, "high": 0.08,
             "p_tracks_holm": 0.2},
        ]
    ).assign(n_seeds=3)  # fmt: skip
    tests = paired_tests().assign(detectable_drop=8.0)
    text = " ".join(reports.conclusions(scores(), tests, gains=gains))
    assert "Trained on all edits, the detector gains 6.0 [2.0, 10.0] points on random pitch" in text
    assert "Of 2 comparisons" in text and "1 show no significant difference" in text


@pytest.mark.parametrize(
    ("counts", "said"),
    [([1, 1], ""), ([3, 3], " Mean of 3 seeds."), ([1, 3], " Mean of 1 to 3 seeds.")],
)
def test_figures_say_of_how_many_seeds_they_are_the_mean(counts: list[int], said: str) -> None:
    assert tables.seeds_note(pd.DataFrame({"n_seeds": counts}), spans=False) == said


def test_an_interval_over_seeds_is_called_one() -> None:
    several = tables.over_seeds(pd.concat([scores(), scores().assign(seed=1)]))
    assert "from the lowest to the highest" in tables.seeds_note(several)
    assert tables.seeds_note(tables.over_seeds(scores())) == ""


def test_plots_refuse_tables_they_cannot_draw() -> None:
    with pytest.raises(BadInput, match="lacks the columns"):
        reports.plot_severity(pd.DataFrame({"detector": ["a"]}))
    two = pd.concat([scores(), scores().assign(detector="cnn")])
    with pytest.raises(BadInput, match=r"several detectors \(resnet, cnn\)"):
        reports.plot_severity(two)
    with pytest.raises(BadInput, match="it has resnet"):
        reports.plot_severity(scores(), detector="forest")


def test_themes_are_told_apart_by_lightness_for_every_meaning() -> None:
    for theme, paper in (("light", 1.0), ("dark", 0.0)):
        with style.theme(theme):
            for meaning in ("human", "AI", "trained:clean", "trained:retrained", "pitch", "tempo"):
                ink = np.mean(to_rgb(style.colour(meaning)))
                assert abs(ink - paper) > 0.3, (theme, meaning)


def test_reports_need_neither_torch_nor_sound() -> None:
    code = (
        "import sys, offkey.reports, offkey.reports.pages; "
        "bad = {'torch', 'librosa', 'soundfile', 'av', 'offkey.sound.audio', "
        "'offkey.features.variants'}; "
        "print(sorted(bad & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_level_that_is_a_mean_over_seeds_says_so() -> None:
    one = scores().query("regime == 'clean'").assign(seed=0)
    how = {"label": "label", "kind": "regime"}
    for seeds, says in ((1, False), (3, True)):
        several = pd.concat([one.assign(seed=seed) for seed in range(seeds)])
        fig = reports.plot_estimates(reports.level_table(several, **how), title="t")
        said = " ".join(text.get_text() for text in fig.texts).replace("\n", " ")
        assert ("Mean of 3 seeds" in said) is says
