# Everything works on a fresh clone: what is missing is installed into .venv first (scripts/venv).

PORT = 8000
PYTHON ?=
ARGS =
side_by_side = -n 3 --dist loadfile
venv = PYTHON="$(PYTHON)" scripts/venv
python = .venv/bin/python

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

run: ## start the site: make run, or make run PORT=8001
	@$(venv)
	@exec $(python) scripts/start.py $(PORT)

test: ## run the tests: make test, or make test ARGS="-k name tests/unit"
	@$(venv) test
	@exec $(python) -m pytest $(side_by_side) -m "not slow" $(ARGS)

test-all: ## run all tests, also the slow ones that CI runs
	@$(venv) test
	@exec $(python) -m pytest $(side_by_side) $(ARGS)

test-servers: ## run all tests on a PostgreSQL and a Valkey of its own: make test-servers ARGS=tests/integration
	@$(venv) test
	@exec $(python) -m tests.servers $(python) -m pytest $(side_by_side) $(ARGS)

test-uvicorn: ## run the tests of running sites with uvicorn instead of runchat: make test-uvicorn ARGS="-k socket"
	@$(venv) test
	@ROOMLINE_TEST_SERVER=uvicorn exec $(python) -m pytest $(side_by_side) tests/acceptance $(ARGS)

matrix: ## unit and integration tests on every Python from 3.11 with every Django from 5.2 that is here
	@$(venv) dev test
	@exec $(python) -m nox $(ARGS)

soak: ## run the tests of faults and loads at full size, then 20 minutes of use with faults: make soak ARGS="--minutes 60"
	@$(venv) test
	@exec $(python) -m tests.soak $(ARGS)

bench: ## measure commands, page, latency, reads, HTTP, and the load beside other servers: about 45 minutes
	@$(venv) test
	@$(python) -m tests.bench.commands
	@$(python) -m tests.bench.page
	@$(python) -m tests.bench.latency
	@$(python) -m tests.bench.rooms
	@$(python) -m tests.bench.pruning
	@$(python) -m tests.bench.parts
	@$(python) -m tests.bench.scale
	@$(python) -m tests.bench.http
	@exec $(python) -m tests.bench.load $(ARGS)

bench-load: ## deliveries/s of ours and of other servers: make bench-load ARGS=--quick; needs cc, for some of them Node
	@$(venv) test
	@exec $(python) -m tests.bench.load $(ARGS)

lint: ## check style, types and the import order
	@$(venv) dev test
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy
	$(python) -m importlinter.cli lint-imports

format: ## put the code into ruff's format
	@$(venv) dev
	$(python) -m ruff check --fix --select I
	$(python) -m ruff format

docs: ## build the site of docs/ into build/docs; a warning is an error
	@$(venv) docs
	@exec $(python) -m sphinx --fail-on-warning --keep-going --quiet docs build/docs

messages: ## bring the translations up to date with the source: needs GNU gettext
	@$(venv)
	$(python) scripts/messages.py

venv: ## only install: make venv EXTRAS=postgres
	@$(venv) $(EXTRAS)

clean: ## remove .venv and caches; var/ with the rooms stays
	rm -rf .nox .venv .venvs __pycache__ build *.egg-info .coverage htmlcov .mypy_cache .pytest_cache .ruff_cache .import_linter_cache tests/bench/load/built
	find chatcli chatcore chatproject scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run test test-all test-servers test-uvicorn matrix soak bench bench-load lint format docs messages venv clean
