# Everything on a fresh machine with Python 3.11 or newer: `make demo`, `make reproduce` and `make test`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo reproduce test quick fuzz kills check docs install publish clean

demo: install  ## Tables 1 and 7 with three seeds on generated people, about 10 minutes on 2 cores
	$(BIN)/rle-lab run flow_size residual_term --scale demo

reproduce: install  ## all eight tables and five figures on generated data, with as many seeds as each claim needs
	$(BIN)/rle-lab run --scale demo --until-decided

test: check  ## everything that CI runs; the tests that kill parts of clusters have the machine to themselves
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not cluster"  # tests/e2e, the longest, first
	$(BIN)/pytest -m cluster

quick: check  ## linters, types and unit tests, about a minute on 2 cores
	$(BIN)/pytest tests/unit -n 2 --dist loadfile

fuzz: install  ## the property tests with a new seed in each of ROUNDS=20 rounds, MINUTES=10, or INPUTS=100000 spoiled inputs
	$(BIN)/python tests/fuzz.py $(if $(INPUTS),--inputs $(INPUTS),$(if $(MINUTES),--minutes $(MINUTES),--rounds $(or $(ROUNDS),20)))

kills: install  ## KILLS=25 parts of a sweep killed at random moments, which SEED=0 repeats
	RLE_LAB_KILLS=$(or $(KILLS),25) RLE_LAB_KILL_SEED=$(or $(SEED),0) $(BIN)/pytest tests/e2e/test_kills.py

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: install  ## the documentation and the programming interface as pages: open site/index.html
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

publish: install  ## copy the demo report into results/published
	$(BIN)/rle-lab publish

install: .venv/installed

.venv/installed: pyproject.toml requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check -q -c requirements.lock -e '.[dev,docs]'
	$(BIN)/python -m models.flow_kernels
	touch $@

clean:
	rm -rf .venv site .mypy_cache .ruff_cache .pytest_cache .hypothesis
