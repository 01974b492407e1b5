# make demo      queue tasks for five SSH machines of its own and watch them run
# make machines  start the demo's machines again, to play on in its home
# make test      run the tests
# make documents run every command that README and docs show
# make collection  check what Galaxy and its certification ask of the collection
# make venv      only make the virtual environment

VENV ?= .venv
DEMO_HOME ?= demo-home
# Some checks of the collection only, for example: make collection CHECKS=sanity-2.21
CHECKS ?=
# For the tests, for example: make test TESTS=tests/unit
TESTS ?= --ignore=tests/documents
# Processes that run tests side by side; each starts SSH machines of its own. They also wait for
# machines, so twice as many as there are processors keep all of them busy.
JOBS ?= $(shell expr 2 \* $$(getconf _NPROCESSORS_ONLN))

BIN = $(abspath $(VENV))/bin
PYTEST = PATH="$(BIN):$$PATH" "$(BIN)/python" -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder
READY = $(VENV)/.ready

.PHONY: collection demo documents help machines test venv

help:
	@sed -n 's/^# \(make .*\)/\1/p' Makefile

venv: $(READY)

# Made anew when what it must hold has changed; the checkout itself is installed editable.
$(READY): pyproject.toml tests/support/make-venv
	@sh tests/support/make-venv "$(VENV)"
	@touch $@

demo: $(READY)
	@PATH="$(BIN):$$PATH" "$(BIN)/python" tests/demo/demo.py --home "$(DEMO_HOME)"

machines: $(READY)
	@PATH="$(BIN):$$PATH" "$(BIN)/python" tests/demo/demo.py --home "$(DEMO_HOME)" --machines

test: $(READY)
	@$(PYTEST) $(TESTS)

documents: $(READY)
	@$(PYTEST) tests/documents

collection: $(READY)
	@"$(BIN)/python" tests/collection/check.py $(CHECKS)
