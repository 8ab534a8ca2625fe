# make help lists what can be done. Variables: DATA, OUT (folders), JOBS (0: one per core),
# CLIPS (folder with a local copy of the public clips), PYTHON (to make the environment with).
PYTHON ?= python3
DATA ?= data
OUT ?=
JOBS ?= 0
CLIPS ?=
BIN := .venv/bin
RUN = $(BIN)/offkey run --data "$(DATA)" --jobs $(JOBS)

.DEFAULT_GOAL := help
.PHONY: help study test lab lint results pages shipped clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## ?(.*)/\1\t\2/' | \
		awk -F'\t' '{ printf "  make %-9s %s\n", $$1, $$2 }'
	@echo "  variables: DATA=$(DATA) OUT=$(OUT) JOBS=$(JOBS) CLIPS=$(CLIPS) PYTHON=$(PYTHON)"

.venv/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "offkey needs Python 3.11 to 3.14: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	$(BIN)/offkey warm-up
	touch $@

study: .venv/.installed ## run the embedded study (offline, on the processor)
	$(RUN) demo $(if $(OUT),--out "$(OUT)")

test: .venv/.installed ## run the tests
	$(BIN)/python -m pytest -n 2

lab: .venv/.installed ## open the notebooks in Jupyter Lab
	JUPYTER_PREFER_ENV_PATH=1 OFFKEY_DATA="$(abspath $(DATA))" $(BIN)/jupyter lab notebooks

lint: .venv/.installed ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

results: .venv/.installed ## make results/ again: demo, and public-clips from CLIPS
	$(RUN) demo --out results/demo
	OFFKEY_CLIPS="$(abspath $(CLIPS))" $(RUN) public-clips --out results/public-clips
	$(MAKE) shipped
	$(BIN)/python -m offkey.reports.readme

pages: .venv/.installed ## make the pages in results/ again, executing nothing
	$(BIN)/offkey pages $(dir $(wildcard results/*/index.json))
	$(BIN)/python -m offkey.reports.readme

shipped: ## put the detector that public-clips made into the package
	install -d src/offkey/detectors/shipped
	install -m 644 "$(DATA)"/shipped/model.* src/offkey/detectors/shipped/

clean: ## remove caches of tools; data, runs, results and the environment stay
	rm -rf .pytest_cache .mypy_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
