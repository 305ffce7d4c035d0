.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
# Hundreds of processes of tests would each compile all that they import.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo up test compiled drills cases month lint protos bench chaos kills upgrades mutations lock images scan deploy-check alerts console-check figures docs

help: ## Shows these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.installed ## Installs everything needed (Debian 12, Python 3.11; apt by root or sudo)

.venv/.installed: requirements.lock tools/uv.txt tools/setup.sh $(wildcard */pyproject.toml */*/pyproject.toml)
	@tools/setup.sh

demo: setup ## Starts the whole platform and moves a client's money through it
	@$(BIN)/ringfence demo --fresh

up: setup ## Starts the whole platform and leaves it running until Ctrl-C
	@$(BIN)/ringfence up

# What is held to a time has the machine to itself; the rest shares it, a file at a time.
ALONE := tests/chaos/test_kills.py tests/chaos/test_overload.py tests/integration/test_standby.py
SHARED := kernel/tests services clients tools bench/tests tests/architecture tests/stores tests/integration tests/cases tests/month tests/chaos
# They wait for servers more than they work; what takes long is begun first (conftest.py).
WORKERS := -n 5 --dist loadfile --no-loadscope-reorder
# Processes of the release before beside those of this one: minutes, with a verb of its own.
UPGRADES := tests/integration/test_upgrade.py tests/integration/test_rolling.py
# Five of the drills are short enough to be played with every change.
DRILLS := tests/drills
CUT := tests/drills/test_cuts.py::test_what_is_cut_off_is_missed_and_nothing_else_stops
SHORT_DRILLS := tests/drills/test_clocks.py '$(CUT)[postgres]' '$(CUT)[custody]'

test: setup ## Unit, architecture and integration tests on real servers
	@$(BIN)/python -m pytest $(WORKERS) $(SHARED) $(ALONE:%=--ignore=%) $(UPGRADES:%=--ignore=%)
	@$(BIN)/python -m pytest $(ALONE)

compiled: setup ## Compiles what tests import ahead of them, else each of several workers does
	@$(BIN)/python -m pytest --collect-only -qq $(SHARED) > /dev/null

drills: setup ## Sets clocks wrong, cuts cables, fills disks under load (root) and compares; tries stolen keys
	@$(BIN)/python -m pytest $(if $(SHORT),$(SHORT_DRILLS),$(DRILLS))

cases: setup ## Plays inputs that failed once or fail still, and says which wait for what
	@$(BIN)/python -m tests.cases

month: setup ## Lives a simulated month of 100,000 payments and 200 faults twice, once with kills; compares
	@$(BIN)/python -m tests.month

lint: setup ## Format, lint, types, layers, protos
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint protos
	$(BIN)/buf format --exit-code -d protos

protos: setup ## Generates the Python code of the protos
	@$(BIN)/python protos/generate.py

bench: setup ## Measures ledger and instructions beside their controls; draws docs/bench.svg
	@$(BIN)/python -m bench

chaos: setup ## Kills whoever leads each service, and PostgreSQL, 200 times under load; compares all four
	@$(BIN)/python -m tests.chaos

kills: setup ## Kills the audit log 100 times while it takes over a busy source; lists, verifies and rebuilds it
	@RINGFENCE_AUDIT_KILLS=$(or $(KILLS),100) $(BIN)/python -m pytest -s services/audit/tests/test_audit_kills.py

upgrades: setup ## Replaces processes under load, and those of the release before by those of this one and back
	@$(BIN)/python -m pytest $(UPGRADES)

ORACLES = PYTHONPATH="$$(echo .mutations/venv/lib/python3*/site-packages)" COVERAGE_FILE=.mutations/coverage

# Percent of the verifier's statements and branches that its tests take: what they took last, rounded down.
COVERED := 92

mutations: setup ## Changes valid evidence a million times; compares the verifier with Go's code and pymerkle, counts branches
	@tools/mutations-setup.sh
	@$(ORACLES) $(BIN)/python -m clients.verifier.tests.mutations $(if $(RECORD),--record)
	@$(ORACLES) $(BIN)/python -m clients.verifier.tests.mutations.dossiers
	@$(BIN)/python -m clients.verifier.tests.mutations.balances
	@$(ORACLES) $(if $(RECORD),RINGFENCE_RECORD=1) $(BIN)/python -m pytest -q services/audit/tests/interop.py
	@$(ORACLES) $(BIN)/python -m coverage run --branch --source=ringfence_verifier -m pytest -q clients/verifier/tests
	@$(ORACLES) $(BIN)/python -m coverage report --show-missing --fail-under=$(COVERED)

lock: setup ## Pins every version by hash: requirements.lock, those of the images, tools/*.txt
	@tools/lock.sh

images: setup ## Builds the images of services and tools, and runs them beside real servers (root)
	@tools/images-setup.sh
	@nice $(BIN)/python -m deploy.images $(IMAGES)

scan: setup ## Looks for weaknesses in code, locks and images' recipes; says what could not be asked
	@tools/images-setup.sh --scan
	@$(BIN)/python -m deploy.images.scan

CHECKS := deploy/checks
CHECKERS := -n 3 --dist loadfile --no-loadscope-reorder
# Terraform's own tests, and alerts over a whole stack under Prometheus: minutes.
LONG_CHECKS := --deselect deploy/checks/test_terraform.py::test_terraform_agrees --ignore deploy/checks/test_alerts.py

deploy-check: setup .deploy/.installed .venv/infra/.installed ## Holds chart, platform, Terraform, Tiltfile, alerts and images' recipes to their rules
	@$(BIN)/python -m pytest $(CHECKERS) $(CHECKS) $(if $(SHORT),$(LONG_CHECKS))

.deploy/.installed: tools/deploy.txt tools/helm.txt tools/deploy-setup.sh
	@tools/deploy-setup.sh

.venv/infra/.installed: tools/infra.txt tools/infra-setup.sh
	@tools/infra-setup.sh

CONSOLE := tests/console

console-check: setup ## Looks at every page of the console in Chromium: languages, themes, widths, the keyboard, hostile words
	@RINGFENCE_CONSOLE_RECORD=$(RECORD) RINGFENCE_CONSOLE_LOOKS=$(if $(SHORT),rotated,every) $(BIN)/python -m pytest $(CONSOLE) $(if $(SHORT),--ignore=$(CONSOLE)/test_hosts.py)

figures: setup ## Replays a bank's real postings and holds page, CSV, camt.053, commands and gRPC to the file
	@RINGFENCE_FIGURES=whole $(BIN)/python -m pytest -s tests/integration/test_figures.py

ALERTS := tests/alerts

alerts: setup ## Makes trouble on whole stacks under Prometheus until each alert fires, and ends it by its runbook
	@command -v prometheus >/dev/null || { . tools/debian.sh && install_debian prometheus; }
	@$(BIN)/python -m pytest $(ALERTS)

docs: setup ## Builds the documentation as a site in .docs/site, strictly: links, settings, Chinese
	@$(BIN)/python -m docs.site
