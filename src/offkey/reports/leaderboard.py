"""One page on which detectors of several results stand beside each other."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from markupsafe import Markup

from offkey.reports.differences import difference_table
from offkey.reports.page_parts import templates, write_page
from offkey.reports.words import interval, number, table_html


def leaderboard_table(standings: pd.DataFrame, reference: str) -> pd.DataFrame:
    """The table of :func:`offkey.evaluation.leaderboard.standings` as texts."""
    rows = []
    for row in standings.to_dict("records"):
        n, share = row["n_clips"], "balanced_accuracy"
        ends = row["clean_low"], row["clean_high"]
        worst = number(row["worst"], share, n)
        rows.append(
            {
                "detector": row["detector"],
                "results": row["results"],
                "balanced accuracy, clean": interval(row["clean"], *ends, share, n),
                "mean over edits": number(row["edited"], share, n),
                "worst edit": f"{worst} ({row['worst_edit']})" if row["worst_edit"] else worst,
                "AUC, clean": number(row["auc"], "auc", n),
                "human called AI": number(row["false_accusation_rate"], share, n),
                f"mCE against {reference}": number(row["mce"]),
                "ms a clip": f"{row['ms_per_clip']:.0f}" if row["ms_per_clip"] > 0 else "–",
                "n clips": f"{n}",
                "n tracks": f"{row['n_tracks']}",
            }
        )
    return pd.DataFrame(rows)


def write_leaderboard(
    path: Path, standings: pd.DataFrame, paired: pd.DataFrame, reference: str, warning: str
) -> Path:
    """Write the page.

    Parameters
    ----------
    path : Path
        Of the page.
    standings, paired : DataFrame
        From :mod:`offkey.evaluation.leaderboard`.
    reference : str
        The detector compared with.
    warning : str
        What cannot be compared; empty where all can.
    """
    differences = ""
    if len(paired):
        caption = f"Against {reference}, clip by clip: points of balanced accuracy"
        differences = table_html(difference_table(paired, "detector", "label"), caption)
    page = {
        "title": "Detectors beside each other",
        "table": Markup(table_html(leaderboard_table(standings, reference))),
        "differences": Markup(differences),
        "reference": reference,
        "warning": warning,
    }
    body = templates().get_template("leaderboard.html.j2").render(page=page)
    return write_page(path, str(page["title"]), body)
