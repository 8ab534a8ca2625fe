"""A study file becomes executed notebooks and pages: one process per notebook, resumable."""
