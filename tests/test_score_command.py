"""``offkey score``: answers of any detector, from a CSV of labels and probabilities.

``published_2507_10447.csv`` holds raw probabilities of SpecTTTra-alpha-120s for 22 real, 20 Suno,
20 Udio, 20 MusicGen and 23 YuE songs, as the authors of arXiv 2507.10447 published them
(github.com/tosroka/wimu-sonics, MIT licence, Copyright (c) 2025 wimu: ``results/
{no_augment,pitch_shift_-2sm,mp3_compression_64}_results.csv``). The track is the generator and the
row in its file. Checked against the publication are the probabilities, as input, and so the counts
above the threshold. The paper prints means of the probabilities in a picture, no accuracies: the
expected balanced accuracies, AUCs and EERs were computed from the same files beforehand, by other
code, to three digits. No interval of theirs is there to check against; ours of balanced accuracy
follows from the counts.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint
from typer.testing import CliRunner, Result

from offkey import evaluation
from offkey.__main__ import app
from offkey.evaluation import outside

PUBLISHED = Path(__file__).with_name("published_2507_10447.csv")
# humans .1 .4 .6, AI .35 .5 .8 .9: at 0.5 one human is accused and one AI clip missed
SMALL = "label,probability\n0,.1\n0,.4\n0,.6\n1,.35\n1,.5\n1,.8\n1,.9\n"


def score(*words: object) -> Result:
    return CliRunner().invoke(app, ["score", *map(str, words), "--resamples", "50"])


def values(path: Path, threshold: float = 0.5) -> pd.Series:
    """Values by condition and metric."""
    scores = evaluation.score(
        outside.read(path, threshold=threshold), n_resamples=200, subsets=("all",)
    )
    return scores.set_index(["label", "metric"])["value"]


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "answers.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("condition", "found", "balanced_accuracy", "auc", "eer"),
    [
        ("none", {"suno": 20, "udio": 10, "musicgen": 7, "YuE": 12}, 0.795, 0.923, 0.146),
        ("pitch -2 st", {"suno": 0, "udio": 9, "musicgen": 1, "YuE": 1}, 0.566, 0.870, 0.228),
        ("mp3 64k", {"suno": 16, "udio": 9, "musicgen": 5, "YuE": 7}, 0.723, 0.963, 0.094),
    ],
)
def test_published_case(
    condition: str, found: dict[str, int], balanced_accuracy: float, auc: float, eer: float
) -> None:
    table = outside.read(PUBLISHED)
    rows = table[table["label"] == condition]
    called = rows[rows["score"] >= 0.5]["track_id"].str.split().str[0].value_counts().to_dict()
    assert called == {name: count for name, count in found.items() if count}
    n_found = sum(found.values())
    value = values(PUBLISHED)[condition]
    # exact, from the counts: no real song is accused
    assert value["false_accusation_rate"] == 0
    assert value["miss_rate"] == pytest.approx(1 - n_found / 83, abs=1e-15)
    assert value["balanced_accuracy"] == pytest.approx((1 + n_found / 83) / 2, abs=1e-15)
    # to the digits of the earlier computation
    assert value["balanced_accuracy"] == pytest.approx(balanced_accuracy, abs=6e-4)
    assert value["auc"] == pytest.approx(auc, abs=6e-4)
    assert value["eer"] == pytest.approx(eer, abs=6e-4)


def test_published_changes_and_intervals() -> None:
    scores = evaluation.score(outside.read(PUBLISHED), n_resamples=1000, subsets=("all",))
    rows = scores.set_index(["label", "metric"])
    # 49 of 83 found before, 11 and 37 after
    lost = rows.xs("drop_balanced_accuracy", level="metric")
    assert lost["value"].to_dict() == pytest.approx({"pitch -2 st": 38 / 166, "mp3 64k": 12 / 166})
    assert (lost["low"] > 0).all()
    # MP3 costs accuracy at 0.5 and no separability: AUC does not fall
    assert rows.loc[("mp3 64k", "drop_auc"), "high"] < 0.02
    none = rows.loc[("none", "balanced_accuracy")]
    # both rates' exact intervals: 22 of 22 real and 49 of 83 generated songs are told
    real, generated = (proportion_confint(*told, method="beta") for told in ((22, 22), (49, 83)))
    below = np.hypot(1 - real[0], 49 / 83 - generated[0]) / 2
    above = (generated[1] - 49 / 83) / 2
    ends = (none["value"] - below, none["value"] + above)
    assert (none["low"], none["high"]) == pytest.approx(ends)
    assert none[["n_clips", "n_tracks"]].tolist() == [105, 105]


def test_known_answers_by_hand(tmp_path: Path) -> None:
    value = values(written(tmp_path, SMALL))["clean"]
    expected = {
        "false_accusation_rate": 1 / 3,
        "miss_rate": 1 / 4,
        "balanced_accuracy": (2 / 3 + 3 / 4) / 2,
        "auc": 9 / 12,
        "eer": (1 / 4 + 1 / 3) / 2,
        "oracle_balanced_accuracy": 0.75,
        "brier": (0.01 + 0.16 + 0.36 + 0.4225 + 0.25 + 0.04 + 0.01) / 7,
        "ece": 4 / 7 - 3.65 / 7,  # seven clips are one bin
    }
    assert value[list(expected)].to_dict() == pytest.approx(expected)
    stricter = values(written(tmp_path, SMALL), threshold=0.7)["clean"]
    assert stricter["false_accusation_rate"] == 0 and stricter["miss_rate"] == 0.5
    assert stricter["auc"] == value["auc"]


def test_small_table_as_printed(tmp_path: Path) -> None:
    shown = score(written(tmp_path, SMALL))
    assert shown.exit_code == 0, shown.output
    cells = {line[:24].strip(): line[24:].strip() for line in shown.stdout.splitlines()}
    assert cells["n"] == cells["n_tracks"] == "7" and cells["n_human"] == "3"
    assert cells["balanced accuracy"].startswith("0.708 [")
    assert cells["AUC"].startswith("0.750 [") and cells["EER"].startswith("0.292 [")
    assert cells["false positive rate"].startswith("0.333 [")
    assert cells["miss rate"].startswith("0.250 [") and cells["Brier"].startswith("0.179 [")
    assert cells["oracle balanced accuracy"] == "0.750"  # the best of all thresholds has none
    assert cells["ECE"] == "0.050"
    assert "no column 'track'" in shown.stdout


def test_conditions_get_a_line_each_and_differences(tmp_path: Path) -> None:
    shown = score(PUBLISHED)
    assert shown.exit_code == 0, shown.output
    lines = [line for line in shown.stdout.splitlines() if line.startswith("pitch -2 st")]
    assert len(lines) == 3
    assert "0.566 [" in lines[0] and "105" in lines[0]
    assert "0.229 [" in lines[2] and "0.054 [" in lines[2]
    assert "no column 'track'" not in shown.stdout
    # without tracks nothing can be paired: the scores, and why there is no more
    unnamed = pd.read_csv(PUBLISHED).drop(columns="track").to_csv(index=False)
    shown = score(written(tmp_path, unnamed))
    assert shown.exit_code == 0, shown.output
    assert len([line for line in shown.stdout.splitlines() if line.startswith("pitch")]) == 2
    assert "lost" not in shown.stdout and "need a column 'clip'" in shown.stdout
    # no clean condition, no differences
    edited = unnamed.replace("none,", "mp3 320k,")
    assert "lost" not in score(written(tmp_path, edited)).stdout


def conditions(**columns: list) -> pd.DataFrame:
    """Twelve clips of six tracks, clean and through MP3; MP3 flips two of them."""
    target = np.tile([0, 1], 6)
    clean = np.where(target == 1, 0.9, 0.1) + 0.01 * np.arange(12)
    coded = np.where(np.arange(12) < 2, 1 - clean, clean)
    parts = [
        pd.DataFrame({"condition": name, "label": target, "p": p, "track": np.arange(12) // 2})
        for name, p in (("clean", np.minimum(clean, 1)), ("mp3", np.clip(coded, 0, 1)))
    ]
    return pd.concat([part.assign(**columns) for part in parts])


@pytest.mark.parametrize("column", ["clip", "clip_id", "File", "path", "id"])
def test_clips_are_paired_by_name_and_not_by_place(tmp_path: Path, column: str) -> None:
    rows = conditions(**{column: [f"{i}.wav" for i in range(12)], "track": [0] * 6 + [1] * 6})
    first = values(written(tmp_path, rows.to_csv(index=False)))
    assert first["mp3", "flip_rate"] == pytest.approx(2 / 12)
    turned = pd.concat([rows[rows["condition"] == "clean"], rows[rows["condition"] == "mp3"][::-1]])
    pd.testing.assert_series_equal(first, values(written(tmp_path, turned.to_csv(index=False))))
    # without a track, a clip is one
    named = turned.drop(columns="track").to_csv(index=False)
    assert values(written(tmp_path, named))["mp3", "flip_rate"] == pytest.approx(2 / 12)


def test_one_clip_a_track_label_and_condition_is_a_pair(tmp_path: Path) -> None:
    rows = conditions()
    first = values(written(tmp_path, rows.to_csv(index=False)))
    turned = values(written(tmp_path, rows[::-1].to_csv(index=False)))
    assert first["mp3", "flip_rate"] == turned["mp3", "flip_rate"] == pytest.approx(2 / 12)
    # two of a track and label could be either: scores alone
    shown = score(written(tmp_path, conditions(track=[0] * 6 + [1] * 6).to_csv(index=False)))
    assert shown.exit_code == 0, shown.output
    assert "flipped" not in shown.stdout and "need a column 'clip'" in shown.stdout


def test_labels_of_asvspoof_are_known(tmp_path: Path) -> None:
    text = "track,label,score\nt0,bonafide,0.1\nt0,spoof,0.9\nt1,BonaFide,0.2\nt1,Spoof,0.8\n"
    assert outside.read(written(tmp_path, text))["target"].tolist() == [0, 1, 0, 1]
    assert score(written(tmp_path, text)).exit_code == 0


def test_tracks_are_drawn_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [
        f"{track},{track % 2},{np.clip(0.7 * rng.standard_normal() + track % 2, 0, 1):.3f}"
        for track in range(24)
    ]
    once = written(tmp_path, "\n".join(["track,y,p", *rows]))
    single = evaluation.score(outside.read(once), subsets=("all",)).set_index("metric")
    repeated = written(tmp_path, "\n".join(["track,y,p", *(row for row in rows for _ in range(4))]))
    scores = evaluation.score(outside.read(repeated), subsets=("all",)).set_index("metric")
    assert scores.loc["auc", ["n_clips", "n_tracks"]].tolist() == [96, 24]
    for name in ("balanced_accuracy", "auc", "eer"):
        same = scores.loc[name, ["value", "low", "high"]].tolist()
        assert same == pytest.approx(single.loc[name, ["value", "low", "high"]].tolist())


@pytest.mark.parametrize(
    "text",
    [
        "Target; SCORE ;track_id\nAI;0.9;a\nHuman;0.1;b\n",
        "p\ty\tcomment\r\n0.9\tfake\t\r\n\r\n0.1\tREAL\tx\r\n",
        b"\xef\xbb\xbfy,p\n1.0,9e-1\n0.0,.1",
        'note,label,probability\n"a, b\nc",generated,0.9\n,bonafide,0.1\n',
        "label,score\nspoof,0.9\nbonafide,0.1\n",
    ],
)
def test_ways_to_write_it(tmp_path: Path, text: str | bytes) -> None:
    table = outside.read(written(tmp_path, text))
    assert sorted(zip(table["target"], table["score"], strict=True)) == [(0, 0.1), (1, 0.9)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("label,probability\n", "a header and no rows"),
        ("label,prob\n1,.5\n", "no column 'probability' (or score, p) among 'label', 'prob'"),
        ("p\n.5\n", "no column 'label' (or target, y)"),
        ("y,p,score\n1,.5,.5\n", "columns 'p' and 'score' both mean probability: keep one"),
        ("y,p\n1,.5\n0,nan\n", "line 3 has probability 'nan', which is no number"),
        ("y,p\n1,.5\n\n0,\n0,x\n", "line 4 has probability '', which is no number"),
        ("y,p\n1,.5\n0,50\n0,60\n", "line 3 has probability 50, not between 0 and 1"),
        ("y,p\n1,-0.1\n0,.5\n", "line 2 has probability -0.1, not between 0 and 1"),
        ("y,p\n1,inf\n0,.5\n", "line 2 has probability inf, not between 0 and 1"),
        ("y,p\n1,.5\nmaybe,.5\n", "line 3 has label 'maybe': write 1 or AI, 0 or human"),
        ("y,p\n1,.5\n1,.6\n", "the labels say AI in all 2 rows: add human clips"),
        ("y,p\n1,0,5\n0,0,2\n", "line 2 has 3 cells, the header 2"),
        ("y,p,track\n1,.5,\n0,.2,a\n", "line 2 has no track"),
        ("y,p,condition\n1,.5,none\n0,.2,clean\n", "'none', 'clean' all mean"),
        ("y,p,id\n1,.5,a\n0,.2,b\n1,.6,a\n", "line 4 has clip 'a' a second time: give each clip"),
        ("y,p,file\n1,.5,a\n0,.2,a\n", "line 3 has clip 'a' a second time"),
        (
            "y,p,clip,condition\n1,.5,a,none\n0,.5,b,none\n0,.2,a,mp3\n",
            "line 4 has clip 'a' with another label than before",
        ),
        (
            "y,p,clip,condition,track\n1,.5,a,none,s\n0,.5,b,none,s\n1,.2,a,mp3,t\n",
            "line 4 has clip 'a' with another track than before",
        ),
        ("y,p,clip\n1,.5,\n0,.2,a\n", "line 2 has no clip"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is not a CSV file"),
    ],
)
def test_mistakes_name_the_file_the_place_and_the_way_out(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    path = written(tmp_path, text)
    result = score(path)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"offkey: error: {path}")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1


def test_no_file_a_folder_and_bad_places_to_write(tmp_path: Path) -> None:
    path = written(tmp_path, SMALL)
    for words, message in (
        ([tmp_path / "none.csv"], "cannot be read (No such file"),
        ([tmp_path], "cannot be read (Is a directory)"),
        ([path, "--out", tmp_path / "scores.txt"], "end the name in .csv or .parquet"),
        ([path, "--out", path], "is the file of probabilities itself"),
    ):
        result = score(*words)
        assert result.exit_code == 2 and message in result.stderr
    assert path.read_text() == SMALL


def test_scores_are_written_in_full(tmp_path: Path) -> None:
    tables = []
    for name, read in (("a.csv", pd.read_csv), ("b.parquet", pd.read_parquet)):
        result = score(PUBLISHED, "--out", tmp_path / "new" / name)
        assert result.exit_code == 0 and f"scores: {tmp_path / 'new' / name}" in result.stdout
        tables.append(read(tmp_path / "new" / name))
    assert list(tables[0]) == evaluation.scoring.SCORE_COLUMNS
    assert (tables[0]["value"] == tables[1]["value"]).all()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["a.csv", "b.parquet"]
