"""``offkey compare``: results folders beside each other, on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def compare(
    folders: Annotated[list[Path], typer.Argument(help="Folders of results.")],
    reference: Annotated[str, typer.Option(help="Detector that errors are a share of.")] = "",
    out: Annotated[Path, typer.Option(help="The page; its numbers go beside it as CSV.")] = Path(
        "leaderboard.html"
    ),
    seed: Annotated[int, typer.Option(help="Of the resamples.")] = 0,
) -> None:
    """Put the detectors of several results on one page, with tests where the clips are the same."""
    from offkey.evaluation import leaderboard, outside
    from offkey.reports import leaderboard as page

    predictions = leaderboard.collect(folders)
    names = list(dict.fromkeys(predictions["detector"]))
    reference = reference or ("resnet" if "resnet" in names else names[0])
    costs = leaderboard.costs(folders)
    table = leaderboard.standings(predictions, reference, costs, seed=seed)
    same = leaderboard.paired_with(predictions, reference)
    others = [name for name in names if name not in same]
    warning = ""
    if others:
        warning = (
            f"{', '.join(others)} judged other clips than {reference}: no test and no mCE for "
            "them, and their numbers stand beside the others' only for a first look."
        )
        typer.echo(f"offkey: warning: {warning}", err=True)
    paired = leaderboard.paired(predictions, reference, seed=seed)
    outside.write(table, out.with_suffix(".csv"))
    page.write_leaderboard(out, table, paired, reference, warning)
    for row in page.leaderboard_table(table, reference).to_dict("records"):
        typer.echo(
            f"{row['detector']}: clean {row['balanced accuracy, clean']}, "
            f"mean over edits {row['mean over edits']}, worst {row['worst edit']}"
        )
    typer.echo(f"page: {out}")
