"""Fills the blocks of README.md from results and notebooks: ``python -m offkey.reports.readme``."""

from __future__ import annotations

import re
from pathlib import Path

from offkey.core import store, workspace
from offkey.core.errors import BadInput
from offkey.reports.findings import STUDIES, findings
from offkey.reports.index import markdown, question_of

_BLOCK = re.compile(r"(<!-- (?P<name>figure|findings|reading) -->\n).*?(<!-- end -->)", re.DOTALL)
FIGURE = "dose"
READ = "1 is perfect, 0.5 is guessing: a robust detector would draw a flat line near 1."
ALT = "AUC of detectors against the pitch shift in semitones, with 95 % intervals"


def filled(text: str, root: Path) -> str:
    """README text with its blocks made anew.

    ``figure`` is the dose figure, ``findings`` the sentences of :mod:`offkey.reports.findings`,
    ``reading`` the notebooks with links to their executed copies.

    Parameters
    ----------
    text : str
        Markdown.
    root : Path
        Checkout, with ``results/`` and ``notebooks/``.
    """
    blocks = {"figure": _figure, "findings": _findings, "reading": _reading}
    return _BLOCK.sub(lambda match: f"{match[1]}{blocks[match['name']](root)}\n{match[3]}", text)


def _figure(root: Path) -> str:
    for study, (where, _) in STUDIES.items():
        picture = f"results/{study}/figures/{FIGURE}"
        if (root / f"{picture}.png").is_file():
            dark = ""
            if (root / f"{picture}.dark.png").is_file():
                dark = f'<source media="(prefers-color-scheme: dark)" srcset="{picture}.dark.png">'
            image = f'<img src="{picture}.png" alt="{ALT}">'
            words = f"AUC against the size of a pitch shift, {where}. {READ}"
            return f"<picture>{dark}{image}</picture>\n\n*{words}*"
    raise BadInput(f"no study in {root / 'results'} has the figure '{FIGURE}': run one first.")


def _findings(root: Path) -> str:
    sentences = findings(root / "results")
    return "\n".join(f"{number}. {text}" for number, text in enumerate(sentences, 1))


def _reading(root: Path) -> str:
    lines = ["| | question | real music | decoder twins |", "|---|---|---|---|"]
    for source in sorted((root / "notebooks").glob("*.ipynb")):
        number = source.name[:2]
        title = question_of(source)[0].partition(" · ")[2]
        links = [_executed(root, study, number) for study in STUDIES]
        cells = [f"[{number}](notebooks/{source.name})", markdown(title), *links]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _executed(root: Path, study: str, number: str) -> str:
    """Link to the executed notebook, the first where a study runs it several times."""
    found = sorted((root / "results" / study / "notebooks").glob(f"{number}_*.ipynb"))
    return f"[read]({found[0].relative_to(root).as_posix()})" if found else "–"


def main() -> None:
    """Rewrite README.md of the checkout."""
    root = workspace.project_root()
    if root is None:
        raise BadInput("no checkout here: run this in the project's folder.")
    readme = root / "README.md"
    store.write_text(readme, filled(readme.read_text(encoding="utf-8"), root))


if __name__ == "__main__":
    main()
