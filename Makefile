# The two commands: `make repro` and `make test`. `make` alone lists the rest.
PYTHON ?= python3.11
LOCK := requirements-$(if $(GPU),gpu,cpu).txt
STAMP := .venv/.installed-$(if $(GPU),gpu,cpu)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help env repro test test-quick lint check docs ui serve lock

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

env: $(STAMP) ## make or refresh the virtual environment (GPU=1: TensorFlow with CUDA)

$(STAMP): $(LOCK) pyproject.toml
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@echo "installing $(LOCK)"
	@python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes \
	  --requirement $(LOCK)
	@python -m compileall -qq -j 0 .venv/lib || true # on all processors: pip compiles on one
	@python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
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

check: lint test ## what CI runs: ruff, mypy and the tests

docs: env ## build the pages of docs/ as a site in docs/_site; a broken link is an error
	python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env docs docs/_site

ui: env ## open the MLflow UI on the runs of this repository
	scanvote ui

serve: env ## serve the finished model: a page and a REST interface on 127.0.0.1:8000
	scanvote serve

lock: env ## resolve pyproject.toml anew into the locked, hashed requirements
	for extra in cpu gpu; do uv pip compile pyproject.toml --extra $$extra --extra dev \
	  --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --upgrade --quiet \
	  --custom-compile-command "make lock" --output-file requirements-$$extra.txt; done
