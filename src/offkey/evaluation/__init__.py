"""From the predictions table to the scores table: intervals, paired tests, transfer."""

from offkey.evaluation.comparison import compare
from offkey.evaluation.predictions import gather
from offkey.evaluation.scoring import confusions, score
from offkey.evaluation.stages import forgetting_matrix, transfer

__all__ = ["compare", "confusions", "forgetting_matrix", "gather", "score", "transfer"]
