# Everything goes through here; `make help` lists it. The first call of any target installs into .venv.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready

SCENARIO ?= steps
TARGET ?= lab
FAULT ?=
PROCESSES ?= 1
RUN ?= latest
NAME ?=
PORT ?= 8089

BASE ?=
NEW ?= latest
UNTIL ?=
AT_MOST ?=

fault = $(if $(FAULT),--fault $(FAULT))
until = $(if $(UNTIL),--until-$(UNTIL)) $(if $(AT_MOST),--at-most $(AT_MOST))

.PHONY: help setup loadtest experiment investigate probe diagnose gate compare regression trend lab web test test-all lint clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  options    SCENARIO=steps TARGET=lab FAULT=broken-hash PROCESSES=2 RUN=latest PORT=8089"
	@echo "             UNTIL=decided AT_MOST=20m (loadtest ends when the verdict is clear)"

setup: $(READY) ## install into .venv (the other targets do it by themselves)

$(READY): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: $(PYTHON) was not found" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; choose one with: make PYTHON=python3.12 setup" >&2; exit 2; }
	@echo "installing into .venv (once, about a minute) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[lab,dev]'
	@touch $(READY)

loadtest: $(READY) ## run SCENARIO against TARGET (the lab by default) and say why requests failed
	@$(BIN)/loadverdict run $(SCENARIO) --target $(TARGET) $(fault) --processes $(PROCESSES) $(until)

experiment: $(READY) ## one thing changed by turns: is it the cause? NAME from config/experiments
	@$(BIN)/loadverdict experiment $(NAME) $(if $(NAME),--scenario $(SCENARIO) --target $(TARGET) $(fault))

investigate: $(READY) ## run SCENARIO, then try the suspects one by one until one explains the errors
	@$(BIN)/loadverdict investigate $(SCENARIO) --target $(TARGET) $(fault) $(if $(AT_MOST),--at-most $(AT_MOST))

probe: $(READY) ## quick diagnosis: 1 client, 100 requests, 0.1 s apart
	@$(BIN)/loadverdict probe $(TARGET) $(fault)

diagnose: $(READY) ## diagnose RUN again: a run folder, 'latest', or a result file
	@$(BIN)/loadverdict diagnose $(RUN)

gate: $(READY) ## exit code of RUN: are its targets met?
	@$(BIN)/loadverdict gate $(RUN)

compare: $(READY) ## before and after: BASE against NEW, each a run or several with commas between
	@$(if $(BASE),,echo "say which: make compare BASE=RUN [NEW=RUN]" >&2; exit 2;) \
	$(BIN)/loadverdict compare $(BASE) $(NEW)

regression: $(READY) ## a scheduled run: run, gate, hold against the history, record, report; one exit code
	@$(BIN)/loadverdict regression $(SCENARIO) --target $(TARGET) $(fault) $(if $(AT_MOST),--at-most $(AT_MOST))

trend: $(READY) ## what changed from scheduled run to scheduled run, and since when
	@$(BIN)/loadverdict trend

lab: $(READY) ## start the embedded login service and keep it until Ctrl-C
	@$(BIN)/loadverdict lab up $(fault)

web: $(READY) ## Locust's web page on 127.0.0.1:PORT; choose a scenario there
	@$(BIN)/loadverdict web --target $(TARGET) $(fault) --port $(PORT) --processes $(PROCESSES)

test: $(READY) ## unit, property, lab and command tests
	@$(BIN)/python -m pytest -m "not slow" -n 4

test-all: $(READY) ## the slow tests too
	@$(BIN)/python -m pytest --hypothesis-profile=untimed

lint: $(READY) ## ruff, mypy and the dependencies
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/python .ci/audit.py

clean: ## remove what was installed and cached; runs stay
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis *.egg-info build
