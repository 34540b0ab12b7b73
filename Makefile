# Everything needs only Python 3.11+ and make. PYTHON=python3.12 make … chooses another.
PYTHON ?= python3
BIN := .venv/bin
DEMO := demo-home
DAY := 2026-11-24

UV := $(BIN)/uv

# Bytecode is kept: a process that compiles Prefect and Great Expectations again starts ten seconds later.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install hooks demo lint test thorough browser bench docs docs-site golden law attacks lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

install: .venv/.installed ## into .venv, by uv, as requirements.lock has it; every file by its hash

# pip brings uv only, by the lines of it in the lock.
$(UV): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "merchant-credit needs Python 3.11 or later")'
	$(PYTHON) -m venv .venv
	sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	@touch $@

# Nothing is built but the project itself, and that by the backend of the lock: no file comes in without its hash.
.venv/.installed: $(UV) requirements.lock pyproject.toml
	$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --only-binary :all: requirements.lock
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

hooks: install ## have git check before each commit what .pre-commit-config.yaml lists
	$(BIN)/pre-commit install

demo: export PREFECT_HOME := $(abspath $(DEMO))/.prefect
demo: export PREFECT_LOGGING_LEVEL ?= INFO
demo: install ## install, then grade a synthetic marketplace in Prefect and show the result
	@$(BIN)/merchant-credit sample $(DEMO)/sample --papers $(DEMO)/papers --date $(DAY)
	@$(BIN)/python -m pipelines.nightly --path $(DEMO)/sample --date $(DAY) --home $(DEMO)
	@$(BIN)/merchant-credit grades --home $(DEMO) --limit 12
	@$(BIN)/merchant-credit assess enter $(DEMO)/papers/entries.yaml --by "Li Wei" --home $(DEMO)
	@$(BIN)/python -m pipelines.assessment --by "Li Wei" --date $(DAY) --home $(DEMO)
	@echo
	@echo "Published files:        $(DEMO)/published/current"
	@echo "Look at one merchant:   $(BIN)/merchant-credit explain M000002 --home $(DEMO)"
	@echo "Its public files:       ls $(DEMO)/published/current/merchants/*/M000002.*"
	@echo "The site:               $(BIN)/python -m http.server -d $(DEMO)/published/current 8000 --bind 127.0.0.1"
	@echo "The platform's own:     $(DEMO)/assessments/$(DAY), or $(BIN)/merchant-credit assess list --home $(DEMO)"
	@echo "Verify it:              $(BIN)/merchant-credit verify $(DEMO)/published/current"

lint: install ## install, then ruff, mypy and the order of rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache > .venv/imports.txt || { cat .venv/imports.txt; exit 1; }

test: lint ## lint, then the tests but those that take minutes
	$(BIN)/pytest -n 2 --dist loadfile -m "not thorough"

thorough: export MERCHANT_CREDIT_THOROUGH := 1
thorough: lint ## lint, then all tests, those that kill and try by chance three times as long
	$(BIN)/pytest -n 2 --dist loadfile

browser: install ## see to it that there is a Chromium for the tests in a browser
	$(BIN)/python tests/support/browser/chromium.py

bench: install ## 5 million transactions: the evaluation beside hand-written SQL and pandas; 100,000 merchants published
	$(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/publishing.py

docs: install ## write the generated pages of docs/reference anew
	$(BIN)/python -m credit.dictionary
	$(BIN)/python docs/commands.py

docs-site: install ## build the documentation site, strictly, into docs/_build
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --jobs auto docs docs/_build
	@echo "The site: docs/_build/index.html"

golden: install ## accept changed results of the stories marketplace: tests/golden
	PYTHONPATH=tests $(BIN)/python -m support.golden_results

law: install ## try the law of the grade on every kind of fact
	PYTHONPATH=tests $(BIN)/python -m law.matrix

attacks: install ## what attacks on the grade cost, and what honest merchants of all kinds reach
	PYTHONPATH=tests $(BIN)/python -m law.attacks
	PYTHONPATH=tests $(BIN)/python -m law.fairness

lock: $(UV) ## resolve requirements.lock anew: the newest compatible versions
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make lock" --extra dev pyproject.toml -o requirements.lock

clean: ## remove what make has made, the demo included
	rm -rf .venv .chromium $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis docs/_build
