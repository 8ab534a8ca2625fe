"""The door to the pages: a notebook's, a study's, and that of all results."""

from offkey.reports.index import question_of, results_index, study_index
from offkey.reports.notebook import notebook_page, read_notebook, write_notebook
from offkey.reports.notebook_cleaning import clean_notebook

__all__ = [
    "clean_notebook",
    "notebook_page",
    "question_of",
    "read_notebook",
    "results_index",
    "study_index",
    "write_notebook",
]
