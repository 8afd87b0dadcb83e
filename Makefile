# make install  set everything up
# make run      and repair the default model on this machine
# make test     lint, types, import contracts and all tests
# make check    the first three
# make unit     the fast tests, two minutes
# make clean    remove what tests and builds leave
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run install test check unit clean

install: $(VENV)/.run

run: install
	$(BIN)/python -m a3

test: check
	$(BIN)/python -m pytest

unit: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not slow and not smollm2"

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# A torch that is already there (a CPU build, another CUDA) is kept: its version replaces the pin.
$(VENV)/constraints.txt: constraints.txt | $(BIN)/python
	@torch=$$($(BIN)/python -m pip freeze | grep -i '^torch==' | cut -d+ -f1); \
	if [ -n "$$torch" ]; then { grep -v '^torch==' constraints.txt; echo "$$torch"; }; \
	else cat constraints.txt; fi > $@

$(VENV)/.run: pyproject.toml $(VENV)/constraints.txt
	$(BIN)/python -m pip install --quiet -c $(VENV)/constraints.txt -e .
	@touch $@

$(VENV)/.dev: pyproject.toml $(VENV)/constraints.txt
	$(BIN)/python -m pip install --quiet -c $(VENV)/constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
