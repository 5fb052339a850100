# Two commands for a fresh clone: `make room0` ends with a mesh of the built-in room, `make test` with the tests.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
BUILT_FROM := setup.py pyproject.toml constraints.txt cpu_build.py cuda_build.py $(wildcard csrc/*.cpp csrc/*/*.cpp csrc/*/*.cu csrc/*/*.h)

.PHONY: room0 viewer test quick lint wheel docs gpu-check clean

JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)

# The environment's Python where there is one, unless PYTHON was given: a GPU machine may have torch in its own.
GPU_PYTHON = $(if $(filter file,$(origin PYTHON)),$(or $(wildcard $(BIN)/python),$(PYTHON)),$(PYTHON))

room0: $(VENV)/.installed
	$(BIN)/neurfield fit --scene room0
	@echo
	@echo "Newest run of the room: runs/room0/latest  (open runs/room0/latest/report.html in a browser)"
	@echo "The command itself lies in $(BIN): type 'source $(BIN)/activate' once, then the lines above."

# The window of `neurfield view`: 60 packages that nothing else needs.
viewer: $(VENV)/.installed
	$(BIN)/pip install --no-compile -c constraints.txt "neurfield[viewer]"

# One process a processor, with one thread each. The CUDA source is compiled for the CPU first, on all of them.
PYTEST = OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(JOBS) --dist worksteal
test: $(VENV)/.for-tests
	@$(BIN)/python cuda_build.py --emulated >/dev/null
	$(PYTEST) $(TESTS)

# Three minutes: all but what is marked slow.
quick: $(VENV)/.for-tests
	$(PYTEST) -m "not slow" $(TESTS)

lint: $(VENV)/.for-tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/clang-format --dry-run --Werror $(wildcard csrc/*.cpp csrc/*/*.cpp csrc/*/*.cu csrc/*/*.h)

# The site of docs/ into build/site, which opens from the disk; a warning is an error.
docs: $(VENV)/.for-tests
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "build/site/index.html"

# The + runs this line under --dry-run too, which then lists the stages.
gpu-check:
	+@$(GPU_PYTHON) -m benchmarks.gpu_check $(if $(findstring n,$(firstword -$(MAKEFLAGS))),--dry-run)

# One wheel with every variant, for any Linux with this kind of processor; it needs no compiler to install.
wheel: | $(VENV)/bin/pip
	scripts/build_wheel.sh $(BIN)/python

# A change of the native sources builds them again. The compiler works while the libraries come over the network; the last line
# then finds its objects.
$(VENV)/.installed: $(BUILT_FROM) | $(VENV)/bin/pip
	$(BIN)/pip install -q --no-compile -c constraints.txt "setuptools>=77" wheel pybind11
	@($(BIN)/python setup.py -q build_ext --inplace & built=$$!; \
	$(BIN)/python scripts/dependencies.py | xargs $(BIN)/pip install --no-compile -c constraints.txt; came=$$?; \
	wait $$built; exit $$came)
	$(BIN)/pip install --no-compile --no-build-isolation --no-deps -e .
	@touch $@

# neurfield is there already: this adds the tools for tests, and what finds poses, and builds nothing again.
$(VENV)/.for-tests: $(VENV)/.installed
	$(BIN)/pip install --no-compile -c constraints.txt "neurfield[dev,photos,priors,texture,web,video,docs,slices,triplanes,generate]"
	@touch $@

$(VENV)/bin/pip:
	$(PYTHON) -m venv $(VENV)

clean:
	rm -rf $(VENV) build neurfield.egg-info neurfield/_native_*.so

# Breaks one line at a time and asks whether a test notices (docs/testing.md); goes on where it was stopped.
.PHONY: mutants
mutants: $(VENV)/.for-tests
	$(BIN)/python -m benchmarks.mutants
