# Everything needs only Python 3.11+ and make. PYTHON=python3.12 make … chooses another.
PYTHON ?= python3
BIN := .venv/bin
DEMO := demo-home
DAY := 2026-11-24

.PHONY: help install demo browser test lint bench lock docs docs-site golden clean

help:
	@echo "make demo     install, then grade a synthetic marketplace in Prefect and show the result"
	@echo "make test     install, then lint, type check and test"
	@echo "make browser  see to it that there is a Chromium for the tests in a browser"
	@echo "make bench    5 million transactions: the evaluation beside hand-written SQL and pandas; 100,000 merchants published"
	@echo "make docs     write the generated pages of docs/reference anew"
	@echo "make docs-site  build the documentation site, strictly, into docs/_build"
	@echo "make golden   accept changed results of the stories marketplace: tests/golden"
	@echo "make lock     resolve requirements.lock anew"

install: .venv/.installed

.venv/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "merchant-credit needs Python 3.11 or later")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

demo: export PREFECT_HOME := $(abspath $(DEMO))/.prefect
demo: export PREFECT_LOGGING_LEVEL ?= INFO
demo: install
	@$(BIN)/merchant-credit sample $(DEMO)/sample --date $(DAY)
	@$(BIN)/python -m pipelines.nightly --path $(DEMO)/sample --date $(DAY) --home $(DEMO)
	@$(BIN)/merchant-credit grades --home $(DEMO) --limit 12
	@echo
	@echo "Published files:        $(DEMO)/published/current"
	@echo "Look at one merchant:   $(BIN)/merchant-credit explain M000002 --home $(DEMO)"
	@echo "Its public files:       ls $(DEMO)/published/current/merchants/*/M000002.*"
	@echo "The site:               $(BIN)/python -m http.server -d $(DEMO)/published/current 8000 --bind 127.0.0.1"
	@echo "Verify it:              $(BIN)/merchant-credit verify $(DEMO)/published/current"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: lint
	$(BIN)/pytest -n 2 --dist loadfile

browser: install
	$(BIN)/python tests/support/browser/chromium.py

bench: install
	$(BIN)/python benchmarks/evaluation.py
	$(BIN)/python benchmarks/publishing.py

docs: install
	$(BIN)/python -m credit.dictionary
	$(BIN)/python docs/commands.py

docs-site: install
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --jobs auto docs docs/_build
	@echo "The site: docs/_build/index.html"

golden: install
	PYTHONPATH=tests $(BIN)/python -m support.golden_results

lock:
	$(PYTHON) -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv
	.venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	    --no-emit-find-links --custom-compile-command "make lock" --extra dev pyproject.toml -o requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-lock .chromium $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis docs/_build
