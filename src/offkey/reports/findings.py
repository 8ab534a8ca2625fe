"""The findings that README leads with: each a sentence or two, made from the committed tables.

A sentence says only what its intervals support, and which study it comes from. Real music is
preferred; where its tables lack a detector, the study of decoder twins is quoted, and named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from offkey.core import store
from offkey.reports.words import DETECTORS, interval

# study -> (where, which classes)
STUDIES = {
    "public-clips": ("on real clips (`public-clips`)", "AI from human music"),
    "demo": ("in the offline study (`demo`)", "decoder twins from rendered scores"),
}
GUESSING = 0.5
# Small shifts; the first of them that was tested is quoted.
SMALL = ("pitch-0.25", "pitch-0.5")
SEARCHED = ("pitch-0.5", "pitch+2")
OTHER_ENGINE = ("pitch-0.5@signalsmith", "pitch+2@signalsmith")


@dataclass(frozen=True)
class Study:
    """AUC of every detector under every edit, over all clips, from the tables of one study."""

    name: str
    auc: pd.DataFrame

    def row(self, detector: str, variant: str = "clean") -> pd.Series | None:
        """The row of a detector under an edit; None where that was not tested."""
        found = self.auc[(self.auc["detector"] == detector) & (self.auc["variant"] == variant)]
        return None if found.empty else found.iloc[0]

    @property
    def where(self) -> str:
        """The music, in words; of held-out groups only where there are such."""
        grouped = "n_groups" in self.auc and (self.auc["n_groups"] < self.auc["n_tracks"]).any()
        return STUDIES[self.name][0] + (", families and sources held out" if grouped else "")

    @property
    def classes(self) -> str:
        """What a detector has to separate."""
        return STUDIES[self.name][1]

    def page(self, notebook: str) -> str:
        """Path of an executed notebook, from the root of the checkout."""
        return f"results/{self.name}/notebooks/{notebook}.ipynb"


def findings(results: Path) -> list[str]:
    """Sentences in Markdown on ``peaks``, ``comb``, and the network beside the baselines.

    Parameters
    ----------
    results : Path
        Folder of the studies' results.

    Returns
    -------
    list of str
        One for each that the tables hold.
    """
    studies = [study for name in STUDIES if (study := _read(results, name)) is not None]
    made = (next(filter(None, map(make, studies)), "") for make in (_peaks, _comb, _network))
    return [sentence for sentence in made if sentence]


def _read(results: Path, name: str) -> Study | None:
    tables = [
        store.read_table(path)
        for table in ("scores_compared", "scores_beside_floors", "dose")
        if (path := results / name / "tables" / f"{table}.csv").is_file()
    ]
    if not tables:
        return None
    rows = pd.concat(tables, ignore_index=True)
    rows = rows[(rows["metric"] == "auc") & (rows["subset"] == "all")]
    return Study(name, rows.drop_duplicates(["detector", "variant"]))


def _peaks(study: Study) -> str:
    clean = study.row("peaks")
    if clean is None:
        return ""
    beats = "separates" if clean["low"] > GUESSING else "is not shown to separate"
    text = (
        f"**A detector of spectral peaks {beats} {study.classes}, {study.where}:** "
        f"AUC {_value(clean)}{_size(clean)}."
    )
    small = next((row for v in SMALL if (row := study.row("peaks", v)) is not None), None)
    if small is not None:
        verb = "leaves" if small["high"] < clean["low"] else "is not shown to lower it, leaving"
        text += f" A shift by {small['label']} {verb} {_value(small)}{_guess(small)}."
    return f"{text} [Why]({study.page('20_why_half_a_semitone')})"


def _comb(study: Study) -> str:
    clean = study.row("comb")
    if clean is None:
        return ""
    kept = [row for v in SEARCHED if (row := study.row("comb", v)) is not None]
    lost = [row for v in OTHER_ENGINE if (row := study.row("comb", v)) is not None]
    works = bool(kept) and all(row["low"] > GUESSING for row in (clean, *kept))
    verb = "still works after it" if works else "is not shown to work after it"
    text = (
        f"**A detector that searches for the shift (`comb`) {verb}, {study.where}:** AUC "
        f"{_value(clean)} clean{''.join(map(_at, kept))}{_size(clean)}."
    )
    if lost and kept:
        weaker = max(row["high"] for row in lost) < min(row["low"] for row in kept)
        text += f" Shifted by another engine (Signalsmith), {'less' if weaker else 'it'} "
        text += f"{'is left' if weaker else 'reaches'}: {', '.join(_at(row)[2:] for row in lost)}."
    return f"{text} [All detectors]({study.page('09_compare_detectors')})"


def _network(study: Study) -> str:
    network = study.row("resnet")
    baselines = [row for name in DETECTORS if (row := study.row(name)) is not None]
    if network is None or not baselines:
        return ""
    baseline = max(baselines, key=lambda row: row["value"])
    verb = "is not shown to beat"
    if network["low"] > baseline["high"]:
        verb = "beats"
    elif network["high"] < baseline["low"]:
        verb = "falls below"
    return (
        f"**A ResNet18 on log-mels {verb} the {DETECTORS[baseline['detector']]}, {study.where}:** "
        f"AUC {_value(network)} against {_value(baseline)}{_size(network)}. "
        f"[Baselines]({study.page('14_shortcuts_and_floors')})"
    )


def _at(row: pd.Series) -> str:
    return f", {_value(row)} at {row['label']}"


def _value(row: pd.Series) -> str:
    return interval(row["value"], row["low"], row["high"], n=row["n_clips"])


def _guess(row: pd.Series) -> str:
    return ", and the interval includes guessing (0.5)" if row["low"] <= GUESSING else ""


def _size(row: pd.Series) -> str:
    """The number of clips and, where groups are held out, the interval over groups."""
    n = f"{row['n_clips']:.0f} clips of {row['n_tracks']:.0f} tracks"
    low, high = row.get("group_low", float("nan")), row.get("group_high", float("nan"))
    if pd.isna(low) or not row["n_groups"] < row["n_tracks"]:
        return f" ({n})"
    return f" ({n}; over families and sources [{low:.2f}, {high:.2f}])"
