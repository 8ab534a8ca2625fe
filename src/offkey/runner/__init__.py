"""A study file becomes executed notebooks and pages: one process per notebook, resumable."""

import sys
from typing import Any, cast

# On import jsonschema (behind nbformat) would build a grammar of web addresses, for a check that no
# notebook asks for: a second in every notebook's process. Told that it is missing, it goes without.
cast(Any, sys.modules).setdefault("rfc3987_syntax", None)
