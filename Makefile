# Two commands for a fresh clone: `make room0` ends with a mesh of the built-in room, `make test` with the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUILT_FROM := setup.py pyproject.toml constraints.txt $(wildcard csrc/*.cpp csrc/*/*.cpp csrc/*/*.h)

.PHONY: room0 test lint clean

room0: $(VENV)/.for-room0
	$(BIN)/neurfield fit --scene room0
	@echo
	@echo "Newest run of the room: runs/room0/latest  (open runs/room0/latest/report.html in a browser)"
	@echo "The command itself lies in $(BIN): type 'source $(BIN)/activate' once, then the lines above."

test: $(VENV)/.for-tests
	$(BIN)/python -m pytest

lint: $(VENV)/.for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The extras differ; the packages that both share are installed once. A change of the native sources builds them again.
$(VENV)/.for-room0: $(BUILT_FROM) | $(VENV)/bin/pip
	$(BIN)/pip install -c constraints.txt -e ".[viewer]"
	@touch $@

$(VENV)/.for-tests: $(BUILT_FROM) | $(VENV)/bin/pip
	$(BIN)/pip install -c constraints.txt -e ".[dev,viewer]"
	@touch $@

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build neurfield.egg-info neurfield/_native_*.so
