# Needs: Debian 12 or like it with python3 (3.11 or later), git and make. Everything else comes from PyPI and Debian.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
# Fetched as uv.lock names it, so that everybody has the same; make UV=uv takes the machine's own.
UV ?= .tools/bin/uv
FETCHED_UV := $(filter .tools/%,$(UV))
# The interpreter is the machine's: nothing is taken from outside PyPI and Debian. Certificates are the machine's too.
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true
export UV_PROJECT_ENVIRONMENT := .venv
# Where it is set, each of the hundreds of programs that tests start would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE
# As many as there are cores; a machine that is short of memory takes fewer: make test TEST_WORKERS=1
TEST_WORKERS ?= auto

.PHONY: help demo test check bench setup setup-system docs lock clean screenshots

help: ## What there is
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /|/' | while IFS='|' read -r name text; do \
	  printf '  make %-13s %s\n' "$$name" "$$text"; done

demo: $(FETCHED_UV) ## Install, start on a simulated year of incidents, print the address
	@$(UV) sync --locked --no-dev --inexact --quiet
	@exec .venv/bin/resile demo

test: setup-system check ## Everything: check, then every test
	@.venv/bin/python -m pytest -n $(TEST_WORKERS) --dist loadscope --no-loadscope-reorder $(PYTEST_ARGS)

check: setup ## Style, types, floors, documentation
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(MAKE) --no-print-directory docs

bench: setup ## Measure; figures go to bench/RESULTS.md by hand
	@.venv/bin/python bench/run.py $(BENCH)

setup: $(FETCHED_UV) ## Install what uv.lock names into .venv
	@$(UV) sync --locked --all-extras --quiet

setup-system: ## As root: install the Debian packages that tests need
	@scripts/setup_system.sh

docs: setup ## Build the documentation into site/, failing on any warning
	@.venv/bin/zensical build --strict --clean

lock: $(FETCHED_UV) ## Bring uv.lock up to date with pyproject.toml
	@$(UV) lock

screenshots: setup ## Take the README's pictures from the running demo
	@.venv/bin/python scripts/screenshots.py

clean: ## Remove what was built; .venv and .tools too
	@rm -rf .venv .tools site dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .cache .shots

.tools/bin/uv: scripts/get_uv.py
	@$(PYTHON) scripts/get_uv.py .tools/bin
