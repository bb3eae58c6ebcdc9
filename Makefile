# Everything a person types. `make` alone lists it.
SHELL := /bin/bash
VENV := .venv
SYSTEM_PYTHON := $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,$(shell \
  $(name) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $(name))) python3)
UV := $(shell command -v uv) # empty (`make setup UV=`): pip
LOCKS := requirements.lock $(if $(GPU),requirements-gpu.lock)
TEST_LOCK := requirements-test.lock
SET_UP = @$(SYSTEM_PYTHON) scripts/setup_venv.py --venv $(VENV) --uv "$(strip $(UV))"
OF_BASE = $$(sed -nE 's/^([A-Za-z0-9._-]+)==.*/--no-emit-package \1/p' requirements.lock)
ACTIVATE := . $(VENV)/bin/activate
PYTEST := python -m pytest -n 2 --dist loadfile --no-loadscope-reorder
COMPILE := uv pip compile pyproject.toml --generate-hashes --universal --no-annotate --no-header --no-emit-index-url --quiet

.DEFAULT_GOAL := help
.PHONY: help in-git setup setup-all repro test test-all check format ui experiments docs clean lock

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 13

setup:  ## make .venv hold exactly what running needs (GPU=1: and CUDA)
	$(SET_UP) $(LOCKS) --keep $(TEST_LOCK) $(KEEP_GPU)

setup-all:  ## and what tests, lint, these docs and `export --format onnx` need
	$(SET_UP) $(LOCKS) $(TEST_LOCK) --keep $(KEEP_GPU)

# who set up with GPU=1 need not repeat it: only `make setup` and `make setup-all` themselves take CUDA away
repro test test-all check format ui docs experiments: KEEP_GPU = $(if $(GPU),,requirements-gpu.lock)

# before the set-up: DVC's own sentence comes after it and does not say what to do
in-git:
	@command -v git >/dev/null || { echo "git is not installed, and DVC needs it" >&2; exit 1; }; \
	  git rev-parse --git-dir >/dev/null 2>&1 || grep -qsi 'no_scm *= *true' .dvc/config .dvc/config.local || \
	  { echo "this folder is no git repository, and DVC needs one: git init && git add -A && git commit -m start" >&2; exit 1; }

repro: in-git setup  ## run the whole pipeline, complete MLflow, show who won and what to do next
	@$(ACTIVATE) && { since=$$(date +%s); dvc repro >/dev/null; repro=$$?; \
	  if test $$repro -eq 0; then imagetrail sync --summary $$since; else imagetrail sync; fi; exit $$((repro | $$?)); }

test: setup-all  ## run all tests but those that are long by nature; before a pull request
	@$(ACTIVATE) && $(PYTEST) -m "not long"

test-all: setup-all  ## run these as well; before a release, and every week (.github/workflows/test-all.yml)
	@$(ACTIVATE) && $(PYTEST)

check: setup-all  ## format, lint, types, fast tests
	@$(ACTIVATE) && ruff format --check . && ruff check . && lint-imports && mypy && $(PYTEST) -m "not slow"

format: setup-all  ## rewrite the code in the project's format
	@$(ACTIVATE) && ruff format . && ruff check --fix .

ui: setup  ## open MLflow's pages at http://127.0.0.1:5000 (PORT=… for another)
	@$(ACTIVATE) && imagetrail ui $(if $(PORT),--port $(PORT))

docs: setup-all  ## build the site of the documentation into site/, and look that no link is dead
	@$(ACTIVATE) && NO_MKDOCS_2_WARNING=1 PYTHONPATH=. python -m mkdocs build --quiet --strict

experiments: setup  ## the experiments of `dvc exp run`, with the params and numbers that differ between them
	@$(ACTIVATE) && dvc exp show --only-changed --drop '^(stages|data|reports|requirements)'

clean:  ## remove caches of tools; never runs, ledger, data or DVC's cache
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build site *.egg-info
	find stages tests -name __pycache__ -prune -exec rm -rf {} +

lock:  ## resolve the lock files anew (needs uv); the last two hold what comes on top of requirements.lock
	$(COMPILE) --extra governance --output-file requirements.lock
	$(COMPILE) --extra governance --extra gpu --constraint requirements.lock $(OF_BASE) --output-file requirements-gpu.lock
	$(COMPILE) --extra governance --extra export --group dev --constraint requirements.lock $(OF_BASE) --output-file $(TEST_LOCK)
