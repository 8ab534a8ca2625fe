"""The door to the pages: a notebook's, a study's, and that of all results."""

from offkey.reports.clean import clean_notebook
from offkey.reports.index import question_of, results_index, study_index
from offkey.reports.notebook import notebook_page

__all__ = ["clean_notebook", "notebook_page", "question_of", "results_index", "study_index"]
