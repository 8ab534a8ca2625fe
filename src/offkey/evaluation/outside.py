"""Scores from elsewhere: a CSV of labels and probabilities becomes a table of predictions.

A label and a probability a row are enough. What the table of predictions holds besides, and
no metric asks for, is filled in.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from offkey.core import csvfiles, store
from offkey.core.errors import BadInput
from offkey.evaluation.predictions import CLEAN, COLUMNS

NAMES = {
    "label": ("label", "target", "y"),
    "probability": ("probability", "score", "p"),
    "track": ("track", "track_id"),
    "condition": ("condition",),
    "clip": ("clip", "clip_id", "file", "path", "id"),
}
_AI = ("1", "1.0", "ai", "fake", "generated", "ai-generated", "synthetic", "deepfake", "machine")
AI = (*_AI, "spoof")  # as ASVspoof's files say, beside bonafide
HUMAN = ("0", "0.0", "human", "real", "genuine", "bonafide", "bona-fide", "authentic")
UNEDITED = (CLEAN, "none")


def read(path: Path, *, threshold: float = 0.5) -> pd.DataFrame:
    """Read a CSV of labels and probabilities as predictions of one model.

    Parameters
    ----------
    path : Path
        With a header line; columns ``label`` (or target, y: 1 or 0, or a word for AI or human) and
        ``probability`` of AI (or score, p), and where known ``track`` (or track_id),
        ``condition`` and ``clip`` (or clip_id, file, path, id, the first of them that is there).
        Capitals do not matter; other columns are ignored. Separated by comma, semicolon or tab.
    threshold : float
        From which probability a clip is called AI.

    Returns
    -------
    DataFrame
        See :mod:`offkey.evaluation.predictions`, with one variant per condition; ``clean`` is the
        one called clean or none, or the only one where there is no such column.
        ``attrs["has_tracks"]`` says whether the file names them; otherwise every clip is a track of
        its own. ``attrs["paired"]`` says whether a clip can be found under every condition: it is
        named, or each track has at most one clip of either label under each condition. Otherwise
        every row is a clip of its own, and no difference of conditions can be taken.

    Raises
    ------
    BadInput
        The file is missing, empty or no CSV, a column is missing or there twice, a label is
        unknown, a probability is no number from 0 to 1, a clip is there twice under one condition
        or has two labels or tracks, or one class only is there. The message names the file, the
        first line or column at fault, and the way out.
    """
    cells, _ = csvfiles.read(
        path, NAMES, ("label", "probability"), purpose="score", several=("clip",)
    )
    target = _targets(cells, path)
    condition = cells["condition"] if "condition" in cells else pd.Series(CLEAN, cells.index)
    _refuse(cells, condition == "", path, "has no condition: fill it in")
    for name in ("clip", "track"):
        if name in cells:
            empty = cells[name] == ""
            _refuse(cells, empty, path, f"has no {name}: fill it in, or leave out that column")
    variant = condition.where(~condition.str.lower().isin(UNEDITED), CLEAN)
    if condition[variant == CLEAN].nunique() > 1:
        words = ", ".join(f"'{name}'" for name in condition[variant == CLEAN].unique())
        raise BadInput(f"{path}: conditions {words} all mean clips as they were: keep one name.")
    clip, paired = _clips(cells, variant, target, path)
    track = cells.get("track", clip)
    known = {
        "clip_id": clip,
        "track_id": track,
        "group": track,
        "fold": 0,
        "target": target,
        "variant": variant,
        "perturbation": variant,
        "label": condition,
        "severity": (variant != CLEAN).astype(int),
        "level": np.nan,
        "seed": 0,
        "score": _probabilities(cells, path),
        "threshold": threshold,
        "detector": path.stem,
        "dataset": path.stem,
        "split": "test",
        "data_fingerprint": store.fingerprint(cells.to_numpy().tolist()),
    }
    table = pd.DataFrame({name: known.get(name, "") for name in COLUMNS}, index=cells.index)
    table.attrs |= {"has_tracks": "track" in cells, "paired": paired}
    return table


def _clips(
    cells: pd.DataFrame, variant: pd.Series, target: pd.Series, path: Path
) -> tuple[pd.Series, bool]:
    """Each row's clip, and whether it is the same one under every condition."""
    if "clip" in cells:
        again = cells.assign(variant=variant).duplicated(["clip", "variant"])
        way_out = "give each clip a name of its own; for parts of one recording call the column"
        _refuse(cells, again, path, f"has clip {{clip!r}} a second time: {way_out} 'track'")
        for name, values in (("label", target), ("track", cells.get("track"))):
            if values is not None:
                first = values.groupby(cells["clip"]).transform("first")
                what = f"has clip {{clip!r}} with another {name} than before: {way_out} 'track'"
                _refuse(cells, values != first, path, what)
        return cells["clip"], True
    line = pd.Series(cells.index.astype(str), cells.index)
    if variant.nunique() == 1:
        return line, True
    if "track" in cells:
        pair = pd.DataFrame({"track": cells["track"], "target": target, "variant": variant})
        if not pair.duplicated().any():
            return pair["track"] + "/" + target.astype(str), True
    return line, False


def _targets(cells: pd.DataFrame, path: Path) -> pd.Series:
    words = cells["label"].str.lower()
    hint = "write 1 or AI, 0 or human"
    _refuse(cells, ~words.isin((*AI, *HUMAN)), path, f"has label {{label!r}}: {hint}")
    target = words.isin(AI).astype("int64")
    if target.nunique() == 1:
        there, absent = ("AI", "human") if target.iloc[0] else ("human", "AI")
        raise BadInput(
            f"{path}: the labels say {there} in all {len(cells)} rows: add {absent} clips, "
            "since one class alone cannot be told apart."
        )
    return target


def _probabilities(cells: pd.DataFrame, path: Path) -> pd.Series:
    scores = pd.to_numeric(cells["probability"], errors="coerce")
    _refuse(
        cells,
        scores.isna(),
        path,
        "has probability {probability!r}, which is no number: mend the row or leave it out",
    )
    _refuse(
        cells,
        (scores < 0) | (scores > 1),
        path,
        "has probability {probability}, not between 0 and 1: divide percentages by 100, put logits "
        "through a sigmoid",
    )
    return scores.astype(np.float64)


def _refuse(cells: pd.DataFrame, bad: pd.Series, path: Path, what: str) -> None:
    if bad.any():
        first = {str(name): text for name, text in cells[bad].iloc[0].items()}
        more = f" ({bad.sum()} such rows)" if bad.sum() > 1 else ""
        raise BadInput(f"{path}: line {cells[bad].index[0]} {what.format(**first)}{more}.")


def place(out: str, file: Path) -> Path:
    """Where scores may go: a CSV or Parquet file that is not the one they come from."""
    path = Path(out).expanduser()
    if path.suffix not in (".csv", ".parquet"):
        raise BadInput(f"--out {path}: end the name in .csv or .parquet.")
    if path.resolve() == file.resolve():
        raise BadInput(f"--out {path} is the file of probabilities itself: choose another name.")
    return path


def write(scores: pd.DataFrame, path: Path) -> Path:
    """Write the scores in full precision, as CSV or Parquet by the name's end."""
    if path.suffix == ".parquet":
        store.write_table(scores, path)
    else:
        with store.writing(path) as partial:
            scores.to_csv(partial, index=False, lineterminator="\n")
    return path
