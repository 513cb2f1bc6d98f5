# Each target sets up what it needs in .venv first, on any machine with Python 3.11 or newer and make.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# PyTorch comes first and by exact version: what else asks for it then finds it there, instead of fetching gigabytes of CUDA.
TORCH := torch==2.13.0
CUDA := cuda

# The lowest versions that pyproject.toml allows, on the lowest Python, in an environment of their own.
MINIMUM := build/minimum
LOWEST := $(shell p=python3.11; "$$p" -c 1 2>/dev/null && echo "$$p" || echo "$(PYTHON)")
BOUNDS := import tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*(line.replace(">=", "==") for line in project["dependencies"]), sep="\n")

# What `make quick` runs: nothing of it trains, compares with a framework or compiles kernels.
QUICK := tests/test_layers.py tests/test_operations_are_complete.py tests/graph tests/passes tests/forms/test_latex.py \
	tests/frontend/test_rules.py tests/frontend/test_model.py tests/codegen/test_buffers.py tests/codegen/test_source_lines.py

.PHONY: help demo test quick fuzz test-gpu test-minimum lint bench bench-gpu clean

help:
	@echo 'make demo    compile, train and check the two-layer net'
	@echo 'make quick   run the tests of rules, rewrites, plans, layers and every operation'
	@echo 'make test    run every test'
	@echo 'make test-gpu  run the tests that need CuPy and a GPU; CUDA=cuda13 for CUDA 13'
	@echo 'make test-minimum  try symdiff with the lowest versions of what it needs'
	@echo 'make fuzz    try random models; ARGS="--models 20000 --seed 0" says how many'
	@echo 'make lint    ruff and mypy'
	@echo 'make bench   run the benchmarks against every peer; ARGS=--quick tries whether they run'
	@echo 'make bench-gpu  the same on a GPU; CUDA=cuda13 for CUDA 13'
	@echo 'make clean   remove .venv and build'

demo: $(VENV)/demo.stamp
	$(BIN)/symdiff compile examples/two_layer_net/model.py -o build/demo
	PYTHONPATH=build/demo $(BIN)/python examples/two_layer_net/train.py
	$(BIN)/symdiff compare examples/two_layer_net/model.py --against torch

test: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n auto

quick: $(VENV)/test.stamp
	$(BIN)/python -m pytest -n auto -q -m "not slow" $(QUICK)

fuzz: $(VENV)/test.stamp
	PYTHONPATH=tests:tests/support $(BIN)/python -m fuzz $(ARGS)

test-gpu: $(VENV)/test.stamp
	$(PIP) --editable '.[$(CUDA)]'
	$(BIN)/python -m pytest -m gpu

test-minimum: $(MINIMUM)/stamp
	$(MINIMUM)/bin/python -W error tools/smoke.py

lint: $(VENV)/lint.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/bench.stamp
	$(BIN)/python -m benchmarks $(ARGS)

bench-gpu: $(VENV)/bench.stamp
	$(PIP) --editable '.[$(CUDA)]'
	$(BIN)/python -m benchmarks.gpu $(ARGS)

clean:
	rm -rf $(VENV) build

# A stamp is made when its installation went through, and made again when pyproject.toml changes.
$(VENV)/demo.stamp: pyproject.toml | $(BIN)/python
	$(PIP) $(TORCH)
	$(PIP) --editable '.[compare]'
	@touch $@

$(VENV)/test.stamp: pyproject.toml | $(BIN)/python
	$(PIP) $(TORCH)
	$(PIP) --editable '.[test]'
	@touch $@

$(VENV)/bench.stamp: pyproject.toml | $(BIN)/python
	$(PIP) $(TORCH)
	$(PIP) --editable '.[test,bench]'
	@touch $@

$(VENV)/lint.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@

$(MINIMUM)/stamp: pyproject.toml
	$(LOWEST) -m venv --clear $(MINIMUM)
	$(LOWEST) -c '$(BOUNDS)' > $(MINIMUM)/bounds.txt
	$(MINIMUM)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(MINIMUM)/bounds.txt --editable .
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo 'No Python 3.11 or newer was found: install one, or name it: make PYTHON=/path/to/python3'; exit 1; }
	$(PYTHON) -m venv $(VENV)
