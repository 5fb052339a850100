# Two commands for a fresh clone: `make room0` ends with a mesh of the built-in room, `make test` with the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUILT_FROM := setup.py pyproject.toml constraints.txt cuda_build.py $(wildcard csrc/*.cpp csrc/*/*.cpp csrc/*/*.cu csrc/*/*.h)

.PHONY: room0 test lint gpu-check clean

# The environment's Python where there is one, unless PYTHON was given: a GPU machine may have torch in its own.
GPU_PYTHON = $(if $(filter file,$(origin PYTHON)),$(or $(wildcard $(BIN)/python),$(PYTHON)),$(PYTHON))

room0: $(VENV)/.installed
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

# The + runs this line under --dry-run too, which then lists the stages.
gpu-check:
	+@$(GPU_PYTHON) -m benchmarks.gpu_check $(if $(findstring n,$(firstword -$(MAKEFLAGS))),--dry-run)

# A change of the native sources builds them again.
$(VENV)/.installed: $(BUILT_FROM) | $(VENV)/bin/pip
	$(BIN)/pip install --no-compile -c constraints.txt -e ".[viewer]"
	@touch $@

# neurfield is there already: this adds the tools for tests and builds nothing again.
$(VENV)/.for-tests: $(VENV)/.installed
	$(BIN)/pip install --no-compile -c constraints.txt "neurfield[dev]"
	@touch $@

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build neurfield.egg-info neurfield/_native_*.so

# Breaks one line at a time and asks whether a test notices (docs/testing.md); goes on where it was stopped.
.PHONY: mutants
mutants: $(VENV)/.for-tests
	$(BIN)/python -m benchmarks.mutants
