# The commands of this project. Each makes .venv and installs what it needs first, if that changed.
#   PYTHON=python3.12 make …   uses another Python to make .venv
#   make test ARGS="-k srm"    passes options on

SHELL := /bin/sh
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
ARGS ?=

.PHONY: help demo test postgres browser lint calibration bench clean demo-venv dev-venv peers-venv

help:
	@echo "make demo      the shop, filled and running, with its experiment and results"
	@echo "make test      every test that needs no server and no browser"
	@echo "make postgres  the tests that use a database, on PostgreSQL (PGHOST, PGPORT, PGUSER, PGPASSWORD)"
	@echo "make browser   the tests that drive the pages in chromium (CHROMIUM)"
	@echo "make lint      style, types, layers, migrations, translations"
	@echo "make calibration  error rates of the statistics, beside the peers (benchmarks/calibration.py)"
	@echo "make bench     the benchmarks"
	@echo "make clean     removes .venv, the demo's data (var) and every cache"

demo: demo-venv
	@$(BIN)/python -m shopdemo.demo $(ARGS)

test: dev-venv
	$(PYTEST) -m "not browser" $(ARGS)

postgres: dev-venv
	$(PYTEST) -m "not browser" --ds=tests.projects.postgres --ignore=tests/statistics \
		--ignore=abtesting/statistics $(ARGS)

browser: dev-venv
	$(PYTEST) -m browser tests/browser $(ARGS)

lint: dev-venv
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --fail-level WARNING
	scripts/check_translations.sh

calibration: peers-venv
	.venv-peers/bin/python benchmarks/calibration.py --check $(ARGS)

bench: dev-venv peers-venv
	$(BIN)/python benchmarks/import_results.py
	.venv-peers/bin/python benchmarks/statistics_speed.py

clean:
	rm -rf .venv .venv-peers var dist htmlcov test-results .coverage
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

demo-venv:
	@scripts/bootstrap.sh demo

peers-venv:
	@scripts/bootstrap_peers.sh

dev-venv:
	@scripts/bootstrap.sh dev
