"""Where things are kept: one object that knows every folder."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

SUMMARY = "index.json"
"""In a study's results: what the index of all studies says of it, and how long its runs took."""


def project_root() -> Path | None:
    """The checkout this process works in: the nearest folder above with ``studies/``."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "studies").is_dir() and (folder / "notebooks").is_dir():
            return folder
    return None


def default_data() -> Path:
    """``$OFFKEY_DATA``, else ``data/`` in the checkout, else ``./data``."""
    named = os.environ.get("OFFKEY_DATA")
    return Path(named) if named else (project_root() or Path.cwd()) / "data"


@dataclass(frozen=True)
class Workspace:
    """Folders of one study.

    Parameters
    ----------
    data : Path
        What can be built again: audio, variants, models, locks.
    out : Path
        What a reader opens: notebooks, tables, figures.
    also : tuple of Path
        Results that are read where `out` lacks a table, the nearest first; never written.
    """

    data: Path
    out: Path
    also: tuple[Path, ...] = ()

    @classmethod
    def open(cls, data: str | Path = "", out: str | Path = "", study: str = "demo") -> Workspace:
        """Fill in the defaults: an empty `out` keeps an explorer's work out of ``results/``."""
        data_dir = Path(data).expanduser() if data else default_data()
        out_dir = Path(out).expanduser() if out else data_dir / "explored" / study
        return cls(data_dir.resolve(), out_dir.resolve())

    @property
    def datasets(self) -> Path:
        """Audio and manifests, one folder per data set."""
        return self.data / "datasets"

    @property
    def variants(self) -> Path:
        """Log-mel shards, shared by all studies."""
        return self.data / "variants"

    @property
    def models(self) -> Path:
        """Trained detectors and their checkpoints, shared by all studies."""
        return self.data / "models"

    @property
    def tables(self) -> Path:
        """Tables that figures are drawn from."""
        return self.out / "tables"

    @property
    def read_from(self) -> list[Path]:
        """Folders of tables, the own one first."""
        return [self.tables, *(folder / "tables" for folder in self.also)]

    @property
    def figures(self) -> Path:
        """Figures, light and dark, as SVG and PNG."""
        return self.out / "figures"

    @property
    def cards(self) -> Path:
        """Model cards, one page per detector."""
        return self.out / "cards"
