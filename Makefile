# Everything a person types. `make` alone lists it.
SHELL := /bin/bash
VENV := .venv
PYTHON := $(VENV)/bin/python
SYSTEM_PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
  $(name) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $(name))) python3)
LOCK := $(if $(GPU),requirements-gpu.lock,requirements.lock)
STAMP := $(VENV)/.installed-$(LOCK)
ACTIVATE := . $(VENV)/bin/activate

.DEFAULT_GOAL := help
.PHONY: help setup repro test check format ui experiments docs clean lock

help:  ## list these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

setup: $(STAMP)  ## make .venv and install the locked packages (GPU=1: the CUDA build)

$(STAMP): $(LOCK) pyproject.toml
	@$(SYSTEM_PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else f"error: Python 3.11, 3.12 or 3.13 is needed (TensorFlow has no other), $(SYSTEM_PYTHON) is {sys.version.split()[0]}")'
	@test -x $(PYTHON) || $(SYSTEM_PYTHON) -m venv $(VENV)
	@echo "installing the packages of $(LOCK)"
	@if command -v uv >/dev/null; then \
	  uv pip install --quiet --python $(PYTHON) --require-hashes -r $(LOCK); \
	else \
	  $(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r $(LOCK); \
	fi
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@grep -q DO_NOT_TRACK $(VENV)/bin/activate || printf '%s\n' '# imagetrail: tools that are started by hand phone home no more than our own' \
	  'export DO_NOT_TRACK=true MLFLOW_DISABLE_TELEMETRY=true DVC_NO_ANALYTICS=true GX_ANALYTICS_ENABLED=false' >> $(VENV)/bin/activate
	@rm -f $(VENV)/.installed-*; touch $@

repro: setup  ## run the whole pipeline, complete MLflow, show the leaderboard
	@$(ACTIVATE) && { dvc repro; repro=$$?; imagetrail sync; sync=$$?; \
	  test $$repro -ne 0 || imagetrail leaderboard; exit $$((repro | sync)); }

test: setup  ## run all tests
	@$(ACTIVATE) && python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: setup  ## format, lint, types, fast tests
	@$(ACTIVATE) && ruff format --check . && ruff check . && lint-imports && mypy && python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow"

format: setup  ## rewrite the code in the project's format
	@$(ACTIVATE) && ruff format . && ruff check --fix .

ui: setup  ## open MLflow's pages at http://127.0.0.1:5000 (PORT=… for another)
	@$(ACTIVATE) && imagetrail ui $(if $(PORT),--port $(PORT))

docs: setup  ## build the site of the documentation into site/, and look that no link is dead
	@$(ACTIVATE) && NO_MKDOCS_2_WARNING=1 PYTHONPATH=. python -m mkdocs build --quiet --strict

experiments: setup  ## the experiments of `dvc exp run`, with the params and numbers that differ between them
	@$(ACTIVATE) && dvc exp show --only-changed --drop '^(stages|data|reports|requirements)'

clean:  ## remove caches of tools; never runs, ledger, data or DVC's cache
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build site *.egg-info
	find stages tests -name __pycache__ -prune -exec rm -rf {} +

lock: $(PYTHON)  ## resolve both lock files anew (needs uv)
	uv pip compile pyproject.toml --group dev --extra governance --extra export --generate-hashes --universal --no-annotate --no-header --no-emit-index-url --output-file requirements.lock --quiet
	uv pip compile pyproject.toml --group dev --extra governance --extra export --extra gpu --generate-hashes --universal --no-annotate --no-header --no-emit-index-url --output-file requirements-gpu.lock --quiet
