# The softmax book. `make help` lists the targets; README.md explains them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The Python that makes the environment: PYTHON=python3.12 make book
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SITE := _build/html
PORT ?= 8000
# Processes that share the tests, file by file, at most: a browser in each takes memory.
WORKERS ?= 4
# Two threads on matrices as small as the book's only wait for each other.
export OPENBLAS_NUM_THREADS := 1

PACKAGE := $(wildcard softmax_lib/*.py)
SOURCES := _config.yml _toc.yml $(shell find book -type f -not -path '*/__pycache__/*' -not -path '*/.ipynb_checkpoints/*')
BUILT := $(SITE)/.built

.PHONY: help book test serve lab notebooks lint lock clean strict site-offline

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | while IFS=$$'\t' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

book: $(BUILT)  ## build the site, and say where it is
	@echo "The book is built: open $(CURDIR)/$(SITE)/index.html, or run 'make serve'."

test: $(BUILT)  ## run every test: the package, the notebooks, the built site
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses $(WORKERS) --dist loadfile
	@echo "All tests passed. The tested site is in $(CURDIR)/$(SITE)."

serve: $(BUILT)  ## build the site and serve it on this machine
	@echo "Serving the book at http://127.0.0.1:$(PORT)/ (stop with Ctrl+C)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

lab: $(READY)  ## open the chapters in JupyterLab
	$(BIN)/jupyter lab --notebook-dir=book

notebooks: $(READY)  ## run every notebook and store it in its committed form
	$(BIN)/python tools/notebooks.py run

lint: $(READY)  ## check style, spelling and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/mypy

lock: $(READY)  ## compile requirements.txt from the ranges in pyproject.toml
	$(BIN)/uv pip compile --universal --fork-strategy fewest --python-version 3.11 --quiet --no-header \
	  --all-extras --group book --group lite --group lab --group test --group lint --group setup \
	  pyproject.toml --output-file requirements.txt

site-offline: $(BUILT)  ## pack the site and all that it fetches into one zip
	$(BIN)/python tools/site_offline.py

strict: $(READY)  ## build the site from a clean tree
	rm -rf _build
	$(MAKE) book

clean:  ## remove all that was built or installed
	rm -rf _build build dist $(VENV) *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BUILT): $(READY) $(PACKAGE) $(SOURCES) $(wildcard benchmarks/results/*.md) requirements.txt tools/build_book.py tools/build_lite.py
	$(BIN)/python tools/build_book.py
	$(BIN)/python tools/build_lite.py
	@touch $@

# uv, from the lock, installs the lock: the same packages as pip would, in a tenth of the time.
$(READY): requirements.txt pyproject.toml tools/check_python.py
	@command -v $(PYTHON) >/dev/null || { echo "No '$(PYTHON)' here: install Python 3.11 or newer (python.org, or your system's python3 and python3-venv), or name one: make book PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) tools/check_python.py
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -E '^uv==' requirements.txt)"
	$(BIN)/uv pip install --quiet --python $(BIN)/python --requirement requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# A name that is not above gets an answer instead of make's own.
%:
	@if [ "$@" != Makefile ]; then echo "There is no target '$@'. 'make help' lists them." >&2; exit 2; fi
