# `make` alone says what there is. Everything lands in .venv/ and var/; nothing else is touched.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PY := .venv/bin/python
PROCESSES ?= 2
PYTEST_ARGS ?=
TEST_DATABASE_URL ?= postgres://postgres@127.0.0.1:5432/test
CODE := connector mappings audit sandbox manage.py
# Must stay at 100 %: what decides about money has no line that no test reaches.
CERTAIN := audit/canonical_json.py,audit/ledger/allowed.py,audit/ledger/duplicates.py,audit/ledger/holds.py,audit/ledger/invoice_number.py,audit/ledger/leases.py,audit/ledger/lifecycle.py,audit/ledger/outcomes.py,audit/ledger/triage.py,audit/ledger/waiting.py,audit/trail/as_of.py,audit/transitions.py,connector/actions/renumber.py,connector/domain/*,connector/epicor/ap_invoice/*,connector/epicor/side_by_side.py,connector/sync/bills/lanes.py,connector/sync/bills/payment_hold.py,connector/sync/narrow.py,connector/sync/retry.py,mappings/cells.py,mappings/chart.py,mappings/choose.py,mappings/coding.py,mappings/doubts.py,mappings/effective.py,mappings/fiscal.py,mappings/gaps.py,mappings/known_ids.py,mappings/resolve.py,mappings/suggest.py

SEEDS ?= 1-20
JOBS ?= 2

.PHONY: help setup test test-all test-postgres simulate check certain coverage screenshots demo lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' Makefile

setup: .venv/.dev ## a virtual environment with everything for development

.venv/bin/python:
	@found=; for name in python3 python3.13 python3.12 python3.11 python3.14; do \
	  if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$name; break; fi; \
	done; \
	if [ -z "$$found" ]; then echo "ml-connector needs Python 3.11 or newer; install it and run this again." >&2; exit 1; fi; \
	"$$found" -m venv .venv || { rm -rf .venv; echo "Python's venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }

.venv/.app: requirements.txt | .venv/bin/python
	$(PY) -m pip install --quiet --require-hashes -r requirements.txt
	@touch $@

.venv/.dev: .venv/.app requirements-dev.txt
	$(PY) -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

test: .venv/.dev ## the tests on SQLite, in a few minutes; says what was left out
	env -u DATABASE_URL DEBUG=1 $(PY) -m pytest -p tests.leftout -n $(PROCESSES) --dist loadgroup $(PYTEST_ARGS)

test-all: .venv/.dev ## the slow journeys, too, on SQLite
	env -u DATABASE_URL DEBUG=1 $(PY) -m pytest -p tests.leftout -n $(PROCESSES) --dist loadgroup -m 'not simulation' $(PYTEST_ARGS)

test-postgres: .venv/.dev ## the same tests on PostgreSQL (TEST_DATABASE_URL=postgres://…)
	DEBUG=1 DATABASE_URL='$(TEST_DATABASE_URL)' $(PY) -m pytest -p tests.leftout -n $(PROCESSES) --dist loadgroup $(PYTEST_ARGS)

simulate: .venv/.dev ## seeded worlds with people and trouble, and bugs it must find (SEEDS=1-200 JOBS=2)
	env -u DATABASE_URL DEBUG=1 $(PY) -m tests.simulation --seeds '$(SEEDS)' --jobs '$(JOBS)'
	env -u DATABASE_URL DEBUG=1 $(PY) -m pytest -q -m simulation tests/simulation $(PYTEST_ARGS)

check: .venv/.dev ## style, types, imports, settings and migrations
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	DEBUG=1 .venv/bin/mypy $(CODE)
	.venv/bin/lint-imports
	key() { $(PY) -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'; }; \
	env -u DATABASE_URL DEBUG=0 SECRET_KEY="$$(key)$$(key)" FIELD_ENCRYPTION_KEY="$$(key)" AUDIT_KEY="$$(key)" \
	  PUBLIC_URL=https://bills.example.com ALLOWED_HOSTS=bills.example.com \
	  $(PY) manage.py check --deploy --fail-level WARNING
	env -u DATABASE_URL DEBUG=1 $(PY) manage.py makemigrations --check --dry-run

certain: .venv/.dev ## that tests reach every line and branch of what decides about money (DATABASE_URL=… for PostgreSQL)
	rm -f .coverage .coverage.*
	DEBUG=1 DATABASE_URL='$(DATABASE_URL)' $(PY) -m coverage run -m pytest -p tests.leftout -n $(PROCESSES) --dist loadgroup \
	  tests/actions tests/audit tests/domain tests/epicor tests/mappings tests/sync tests/web/test_acts.py tests/web/test_exceptions.py
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report --include='$(CERTAIN)' --show-missing --skip-covered --fail-under=100

coverage: .venv/.dev ## which lines and branches no test reaches
	rm -f .coverage .coverage.*
	env -u DATABASE_URL DEBUG=1 $(PY) -m coverage run -m pytest -q -n $(PROCESSES) --dist loadgroup $(PYTEST_ARGS)
	$(PY) -m coverage combine --quiet
	$(PY) -m coverage report --skip-covered --fail-under=90
	$(PY) -m coverage report --include='$(CERTAIN)' --show-missing --fail-under=100

screenshots: .venv/.dev ## a picture of every page into screenshots/ (desktop, phone, dark)
	env -u DATABASE_URL DEBUG=1 $(PY) -m pytest -q tests/browser/screenshots.py $(PYTEST_ARGS)
	@echo "The pictures are in screenshots/."

demo: .venv/.app ## both systems, worker and pages on this machine (ONCE=1: one sync, then stop)
	@DEBUG=1 exec $(PY) manage.py demo $(if $(ONCE),--once)

lock: .venv/.dev ## pin what pyproject.toml asks for, with hashes
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' -o requirements.txt pyproject.toml
	.venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
	  --custom-compile-command 'make lock' -c requirements.txt -o requirements-dev.txt --group dev

clean: ## removes the environment and caches; keeps var/ (database and keys)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.* static_root screenshots
	find connector mappings audit sandbox tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
