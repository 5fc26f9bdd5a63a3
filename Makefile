# Two commands matter: `make demo` and `make test`. Both set up their own environment first.
.DEFAULT_GOAL := help
.PHONY: help setup demo test slow lint bench fleet-day faults delivery-faults power-cut integration page-pictures page-assets wheel-test container-test fuzz supply-chain soak lock clean

VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash

# The first Python on the path that is 3.11 or 3.12 (Bytewax has wheels for these); override with PYTHON=...
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' 2>/dev/null && { command -v "$$p"; break; }; done)

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(VENV)/.ready: requirements.lock pyproject.toml
	@if [ -z "$(PYTHON)" ]; then \
		echo "Sluicegate needs Python 3.11 or 3.12; found: $$(python3 --version 2>&1)."; \
		echo "Install one (Debian 12: apt install python3 python3-venv) or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 2; fi
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] not in ((3, 11), (3, 12)))' || { \
		echo "$(PYTHON) is not Python 3.11 or 3.12. Name one that is: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12"; exit 2; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module. On Debian: apt install python3-venv"; exit 2; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version) from requirements.lock: about a minute, once."
	@rm -rf $(VENV) && "$(PYTHON)" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

setup: $(VENV)/.ready ## make the environment (the others do it when needed)

demo: setup ## the whole job on a simulated plant over real protocols, under two minutes (ARGS='--fault drift')
	@$(BIN)/sluicegate demo $(ARGS)

test: setup ## unit, real sockets, the whole gateway with kills; `make slow` has the rest (ARGS='-k name', and -n0 to see prints)
	@$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal $(ARGS)

integration: setup ## only the tests with real server processes
	@$(BIN)/python -m pytest -m "integration or e2e" $(ARGS)

lint: setup ## format, lint, types, layers
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

bench: setup ## benchmarks, all or ONLY=name; writes var/bench/results.json and results.md
	@case "$(ONLY)" in ""|windows) $(MAKE) --no-print-directory var/peers/.ready || echo "Without the other libraries."; esac
	@$(BIN)/python tests/benchmarks/run.py $(if $(ONLY),--only $(ONLY))

fleet-day: setup ## a day of 1,000 gateways in one place, read back (ARGS='--gateways 100'; minutes, 1 GB)
	@$(BIN)/python tests/benchmarks/fleet_day.py $(ARGS)

var/peers/.ready: tests/benchmarks/windows/requirements.txt
	@echo "Setting up var/peers with other streaming libraries (1.6 GB)."
	@rm -rf $(@D) && "$(PYTHON)" -m venv $(@D)
	@timeout 600 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

var/node/.ready: tests/faults/opcua/package.json
	@command -v npm >/dev/null || { echo "The second server of the faults needs npm (Debian: apt install nodejs npm)."; exit 2; }
	@mkdir -p var/node && cp $< var/node/package.json
	@cd var/node && timeout 300 npm install --omit=dev --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

var/modbus-node/.ready: tests/connectors/modbus/peers/package.json
	@command -v npm >/dev/null || { echo "The Modbus server jsmodbus needs npm (Debian: apt install nodejs npm)."; exit 2; }
	@mkdir -p $(@D) && cp $< $(@D)/package.json
	@cd $(@D) && timeout 300 npm install --omit=dev --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

var/grafana-node/.ready: tests/cloud_sink/grafana/package.json
	@command -v npm >/dev/null || { echo "Grafana's types need npm (Debian: apt install nodejs npm)."; exit 2; }
	@mkdir -p $(@D) && cp $< $(@D)/package.json
	@cd $(@D) && timeout 300 npm install --omit=dev --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

var/azurite/.ready: tests/cloud_sink/peers/package.json
	@command -v npm >/dev/null || { echo "azurite, Azure's emulator, needs npm (Debian: apt install nodejs npm)."; exit 2; }
	@mkdir -p $(@D) && cp $< $(@D)/package.json
	@cd $(@D) && timeout 300 npm install --omit=dev --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

var/browser/.ready: tests/e2e/browser/requirements.txt
	@echo "Setting up var/browser, which drives a browser for the tests (190 MB)."
	@rm -rf $(@D) && "$(PYTHON)" -m venv $(@D)
	@timeout 300 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

page-pictures: setup var/browser/.ready ## pictures of the gateway's page in var/page, from a real Chromium
	@$(BIN)/python -m pytest -q -n0 -m slow tests/e2e/test_page.py -k person && ls var/page

page-assets: ## fetch the plotting library of the page anew (needs npm); it is checked in, users need nothing
	@rm -rf var/uplot && mkdir -p var/uplot && cd var/uplot && npm install --silent --ignore-scripts uplot@1.6.32
	@cp var/uplot/node_modules/uplot/dist/uPlot.iife.min.js var/uplot/node_modules/uplot/dist/uPlot.min.css \
		var/uplot/node_modules/uplot/LICENSE edge_gateway/page/static/uplot/

var/gcs/.ready: tests/cloud_sink/peers/gcs.txt
	@rm -rf $(@D) && "$(PYTHON)" -m venv $(@D)
	@timeout 300 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

var/moto/.ready: tests/cloud_sink/peers/requirements.txt
	@echo "Setting up var/moto, an S3 server for the tests (300 MB)."
	@rm -rf $(@D) && "$(PYTHON)" -m venv $(@D)
	@timeout 300 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

var/container/.ready: tests/edge_gateway/container/requirements.txt
	@echo "Setting up var/container, what reads container files for the tests (150 MB)."
	@rm -rf $(@D) && "$(PYTHON)" -m venv $(@D)
	@timeout 300 $(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

container-test: setup ## build the image and run it with podman: what it may, how it stops, what a kill leaves (root on Debian)
	@$(BIN)/python .ci/image.py && $(BIN)/python -m pytest -n0 -s -m container $(ARGS)

slow: setup ## the whole gateway for half a minute and more, and servers of others: S3, Azure, InfluxDB, a browser
	@$(BIN)/python -m pytest --numprocesses=4 --dist=worksteal -m slow $(ARGS)

faults: setup var/node/.ready ## every fault of acquisition, made on two families of servers; prints the table
	@$(BIN)/python tests/faults/opcua/matrix.py $(ARGS)

delivery-faults: setup ## every fault of the outbox: power cuts, kills, full disks, damage; prints the table
	@$(BIN)/python tests/faults/delivery/matrix.py $(ARGS)

power-cut: setup ## 200 power cuts of the outbox's disk (root; CUTS=number)
	@CUTS=$(or $(CUTS),200) $(BIN)/python -m pytest -q -n0 -rs tests/faults/delivery/test_power_cut.py

var/fuzz/.ready: requirements.lock
	@rm -rf var/fuzz/site && $(BIN)/python -m pip install --quiet --disable-pip-version-check --target var/fuzz/site atheris==3.0.0
	@touch $@

fuzz: setup var/fuzz/.ready ## every parser of bytes from outside, guided by coverage (ONLY=part of a name, SECONDS=20 each)
	@PYTHONPATH=.:var/fuzz/site $(BIN)/python -m tests.fuzz.hunt --seconds $(or $(SECONDS),20) --only "$(ONLY)"

var/supply/.ready: edge_gateway/container/gateway.lock
	@rm -rf $(@D) && "$(PYTHON)" -m venv $(@D)/gateway && "$(PYTHON)" -m venv $(@D)/tools
	@$(@D)/gateway/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@$(@D)/tools/bin/python -m pip install --quiet --disable-pip-version-check "cyclonedx-bom[validation]==7.5.0" pip-audit==2.10.1
	@touch $@

supply-chain: var/supply/.ready ## what a gateway is made of, as CycloneDX in var/sbom.cdx.json; known flaws in it, where that can be asked
	@var/supply/tools/bin/python .ci/supply_chain.py

soak: setup ## the whole gateway while it is disturbed at random: does anything grow, does anything get lost? (MINUTES=5, SEED=1)
	@$(BIN)/python -m tests.soak.run --minutes $(or $(MINUTES),5) --seed $(or $(SEED),1) $(ARGS)

wheel-test: setup ## build the wheel and run the tests against it, with no sources on the path
	@$(BIN)/python .ci/wheel_test.py

lock: ## pin the dependencies anew (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		--all-extras --no-emit-package sluicegate pyproject.toml -o requirements.lock
	for set in "gateway:" "demo:--extra train --extra simulator"; do \
		uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
			-c requirements.lock $${set#*:} pyproject.toml -o edge_gateway/container/$${set%%:*}.lock; done
	echo hatchling | uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
		-c requirements.lock - -o edge_gateway/container/build.lock

clean: ## remove what these commands made
	rm -rf $(VENV) var .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
