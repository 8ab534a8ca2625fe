"""What a trained detector's card says of its verdicts: cut-offs, and how often they are wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offkey.metrics import cutoffs
from offkey.metrics.cutoffs import CutOffs


@dataclass(frozen=True)
class Verdicts:
    """Three verdicts, and what is known of them.

    Attributes
    ----------
    cut_offs : CutOffs
    false_positive_rate, found : dict
        Shares of the human and of the AI clips that were called AI in cross-validation: ``value,
        low, high`` (95 % confidence interval over tracks), ``n_clips, n_tracks``.
    """

    cut_offs: CutOffs
    false_positive_rate: Mapping[str, Any]
    found: Mapping[str, Any]

    def verdict(self, score: float) -> str:
        """``AI``, ``human`` or ``uncertain``."""
        return str(cutoffs.verdicts(score, *self.cut_offs))

    def sentences(self) -> list[str]:
        """The cut-offs and the rates, for people."""
        low, high = self.cut_offs
        wrong, found = self.false_positive_rate, self.found
        return [
            f"verdict: AI from a score of {high:.3f}, human below {low:.3f}, uncertain between",
            f"false positive rate: {_share(wrong)} of {wrong['n_clips']} human clips were called "
            f"AI; {_share(found)} of {found['n_clips']} AI clips were "
            "(cross-validated, families and sources held out; 95 % confidence intervals)",
        ]


def read(card: Mapping[str, Any]) -> Verdicts | None:
    """The verdicts of a detector's ``model.json``; None where it has one threshold alone."""
    if "cutoffs" not in card:
        return None
    low, high = (float(card["cutoffs"][name]) for name in CutOffs._fields)
    clean = card["tested"]["clean"]
    return Verdicts(CutOffs(low, high), clean["false_positive_rate"], clean["found"])


def _share(rate: Mapping[str, Any]) -> str:
    value, low, high = (100 * rate[name] for name in ("value", "low", "high"))
    return f"{value:.1f} % [{low:.1f}, {high:.1f}]"
