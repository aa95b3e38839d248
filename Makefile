# `make help` lists what can be made. Needs git, make and Python 3.11 or newer.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo test lab check bench docs site man data clean

# or each of the processes that tests start compiles all modules again
export PYTHONDONTWRITEBYTECODE :=

VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --editable
DEMO := analyzer/data/office.pcap

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-6s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/.installed ## summarise the mail sessions of a bundled capture
	$(BIN)/mailtap analyze $(DEMO)

# one more process than there are processors, as some tests wait
test: tools $(VENV)/.installed-dev ## run all tests
	$(BIN)/pytest --quiet --numprocesses $$(($$(nproc) + 1)) --dist worksteal

lab: tools $(VENV)/.installed-dev ## watch real servers and clients; needs root
	@missing=$$($(BIN)/python -m tests.support.laboratory --missing); \
	[ -z "$$missing" ] || .ci/packages $$missing
	$(BIN)/pytest --quiet -m lab tests/lab

check: $(VENV)/.installed-dev site ## check format, lint, types, import rules and links
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: tools $(VENV)/.installed-dev ## measure speed and memory
	$(BIN)/python -m tests.bench

docs: $(VENV)/.installed-dev ## write the parts of the documentation that are made
	$(BIN)/python -m analyzer.tables.schema > docs/tables.md
	$(BIN)/python -m analyzer.findings > docs/findings.md
	$(BIN)/python -m tests.support.documents
	$(BIN)/python -m tests.support.notebook

site: $(VENV)/.installed-dev ## make a website of docs/, in build/site
	$(BIN)/zensical build --clean --strict

man: $(VENV)/.installed ## write the manual page, build/man/man1/mailtap.1
	@mkdir -p build/man/man1
	$(BIN)/python -m analyzer.cli.manual > build/man/man1/mailtap.1

data: $(VENV)/.installed-dev ## make the test captures again; needs root
	$(BIN)/python -m tests.support.laboratory

clean: ## remove everything that was made
	rm -rf $(VENV) build dist *.egg-info .coverage .hypothesis .cache .*_cache
	find . -name __pycache__ -type d -prune -exec rm -r {} +

# what tests and benchmarks run besides Python
.PHONY: tools
# two at a time may not install Debian packages
tools: | $(BIN)/python
	@.ci/tools

$(BIN)/python:
	@.ci/venv $(VENV)

$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing mailtap into $(VENV) ...'
	@$(INSTALL) .
	@touch $@

$(VENV)/.installed-dev: setup.cfg pyproject.toml | $(BIN)/python
	@echo 'Installing mailtap and its development tools into $(VENV) ...'
	@$(INSTALL) '.[dev]'
	@touch $(VENV)/.installed $@
