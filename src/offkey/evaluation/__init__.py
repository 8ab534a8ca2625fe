"""From the predictions table to the scores table: intervals, paired tests, transfer."""

from offkey.evaluation.brightness import like_brightness
from offkey.evaluation.calibration import calibrate, temperatures
from offkey.evaluation.class_means import by_class
from offkey.evaluation.comparison import compare
from offkey.evaluation.differences import compare_detectors, compare_regimes, losses
from offkey.evaluation.dose import called_by_family, enough, with_zero
from offkey.evaluation.ensembles import agreement, ensemble
from offkey.evaluation.held_out import compare_held_out, score_held_out
from offkey.evaluation.predictions import FIXED_ON_CLEAN, gather
from offkey.evaluation.reference_ratio import relative
from offkey.evaluation.scoring import confusions, score
from offkey.evaluation.shares import loss_shares
from offkey.evaluation.stages import forgetting_matrix, transfer
from offkey.evaluation.verdicts import (
    at_cut_offs,
    at_cut_offs_of_other_folds,
    cut_offs,
    verdict_shares,
)

__all__ = [
    "FIXED_ON_CLEAN",
    "agreement",
    "at_cut_offs",
    "at_cut_offs_of_other_folds",
    "by_class",
    "calibrate",
    "called_by_family",
    "compare",
    "compare_detectors",
    "compare_held_out",
    "compare_regimes",
    "confusions",
    "cut_offs",
    "enough",
    "ensemble",
    "forgetting_matrix",
    "gather",
    "like_brightness",
    "loss_shares",
    "losses",
    "relative",
    "score",
    "score_held_out",
    "temperatures",
    "transfer",
    "verdict_shares",
    "with_zero",
]
