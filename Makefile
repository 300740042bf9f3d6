# The two commands: `make repro` and `make test`. `make` alone lists the rest.
PYTHONS := python3.13 python3.12 python3.11
first_with = $(shell for python in $(PYTHONS); do \
  "$$python" -c "import $(1)" >/dev/null 2>&1 && echo "$$python" && break; done)
# The newest that works: pyenv has commands that only fail, Debian keeps ensurepip in a package.
PYTHON ?= $(call first_with,ensurepip)
NO_PYTHON = $(or $(foreach python,$(call first_with,sys),$(python) cannot make a virtual \
  environment: install the package $(python)-venv),none of $(PYTHONS) is here: install one (Debian \
  and Ubuntu: the package python3-venv) or say where it is: make env PYTHON=/path/to/python)
LOCK := requirements-$(if $(GPU),gpu,cpu).txt
RESOLVE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --upgrade --quiet --custom-compile-command "make lock"
STAMP := .venv/.installed-$(if $(GPU),gpu,cpu)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help env repro test test-quick lint check docs ui compare serve lock

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

env: $(STAMP) ## make or refresh the virtual environment (GPU=1: TensorFlow with CUDA; PYTHON=…: with that one)

.venv/bin/python: # once: for another version `rm -r .venv`, then `make env PYTHON=python3.12`
	@$(or $(PYTHON),$(error $(NO_PYTHON))) -c 'import sys; "python%d.%d" % sys.version_info[:2] in \
	  "$(PYTHONS)" or sys.exit("PYTHON=$(PYTHON) is none of $(PYTHONS)")'
	@$(PYTHON) -m venv .venv

$(STAMP): $(LOCK) pyproject.toml | .venv/bin/python
	@echo "installing $(LOCK) for $$(python --version)"
	@python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
	  --requirement $(LOCK)
	@python -m compileall -qq -j 0 .venv/lib || true # on all processors: pip compiles on one
	@python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@python -m scanvote.commands.dvc_page .dvc/plots.html # `dvc plots` without a network
	@dvc config --quiet --local plots.html_template plots.html
	@rm -f .venv/.installed-* && touch $@

repro: env ## run the pipeline: raw scans to an evaluated vote and U-Net
	dvc repro

test: env ## run the tests
	python -m pytest --numprocesses auto --dist loadfile

test-quick: env ## the tests but the slow ones
	python -m pytest --numprocesses auto --dist loadfile -m "not slow"

lint: env ## ruff and mypy
	ruff check
	ruff format --check
	mypy

check: lint docs test ## what CI runs: ruff, mypy, the pages and the tests

docs: env ## build the pages of docs/ as a site in docs/_site; a broken link is an error
	python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env docs docs/_site

ui: env ## open the MLflow UI on the runs of this repository
	scanvote ui

compare: env ## compare the workspace with every experiment (NAMES="A B": only these)
	scanvote compare $(NAMES)

serve: env ## serve the finished model: a page and a REST interface on 127.0.0.1:8000
	scanvote serve

lock: env ## resolve pyproject.toml anew into the locked, hashed requirements of every supported Python
	$(RESOLVE) --extra cpu --extra dev --output-file requirements-cpu.txt
	$(RESOLVE) --extra gpu --extra dev --output-file requirements-gpu.txt
	$(RESOLVE) --extra serve --extra build --constraint requirements-cpu.txt \
	  --output-file requirements-serve.txt
