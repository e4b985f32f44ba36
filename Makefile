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

soak: ## run the tests at full size: more connections, longer waits
	@$(venv) test
	@ROOMLINE_SOAK=10 $(python) -m pytest $(ARGS)

bench: ## measure commands, page, latency, reads, and the load beside other servers: about 40 minutes
	@$(venv) test
	@$(python) -m tests.bench.commands
	@$(python) -m tests.bench.page
	@$(python) -m tests.bench.latency
	@$(python) -m tests.bench.rooms
	@$(python) -m tests.bench.pruning
	@$(python) -m tests.bench.parts
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

messages: ## bring the translations up to date with the source: needs GNU gettext
	@$(venv)
	$(python) scripts/messages.py

venv: ## only install: make venv EXTRAS=postgres
	@$(venv) $(EXTRAS)

clean: ## remove .venv and caches; var/ with the rooms stays
	rm -rf .venv .venvs __pycache__ build *.egg-info .coverage htmlcov .mypy_cache .pytest_cache .ruff_cache .import_linter_cache tests/bench/load/built
	find chatcli chatcore chatproject scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help run test test-all soak bench bench-load lint format messages venv clean
