# Everything a newcomer or the pipeline does with this house. `make` alone prints what there is.

PYTHON ?= python3
BIN := .venv/bin
# Tests run side by side in this many processes.
SIDE_BY_SIDE ?= 2

# The languages of the interface beside English, in which the sentences are written.
LANGUAGES := zh_Hans
CATALOGUES := $(wildcard odr/translations/*/LC_MESSAGES/*.po)
COMPILED := $(CATALOGUES:.po=.mo)

.DEFAULT_GOAL := help
.PHONY: help setup run test check bench pictures lock catalogues

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready $(COMPILED) ## make the virtual environment and compile the catalogues (only when needed)

run: setup ## start a demonstration with ready-made disputes on http://127.0.0.1:8000
	$(BIN)/odr demo

test: setup ## the whole suite: both databases, browser, promises (about twelve minutes on two cores)
	$(BIN)/python -m pytest -n $(SIDE_BY_SIDE) --dist worksteal

check: setup ## before each commit: lint, types, promises and the pure rules (under a minute)
	$(BIN)/ruff check .
	$(BIN)/mypy
	ODR_EXAMPLES=quick $(BIN)/python -m pytest -q -n $(SIDE_BY_SIDE) -m "not slow and not postgres and not browser and not shared" \
	  tests/promises tests/test_*.py $(wildcard tests/procedure tests/log tests/kernel)

bench: setup ## timed runs: acts, writers, pages, figures, proofs
	$(BIN)/python -m bench

pictures: setup ## photograph the pages at 360 and 1280 pixels in every language, into pictures/
	$(BIN)/python -m tests.browser.pictures

lock: .venv/.ready ## write requirements.lock anew: hashes, and no address of any registry
	$(BIN)/uv pip compile -q --upgrade --all-extras --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --universal pyproject.toml -o requirements.lock

catalogues: .venv/.ready ## gather the sentences to translate and bring every catalogue up to date
	mkdir -p build
	$(BIN)/pybabel -q extract -F pyproject.toml -k lazy_gettext -k lazy_ngettext:1,2 --no-location --sort-output --project=Evenhand \
	  -o build/messages.pot .
	for language in $(LANGUAGES); do \
	  test -f odr/translations/$$language/LC_MESSAGES/messages.po \
	  || $(BIN)/pybabel -q init -i build/messages.pot -d odr/translations -l $$language; \
	  $(BIN)/pybabel -q update -i build/messages.pot -d odr/translations -l $$language \
	    --no-fuzzy-matching --ignore-obsolete --width 120; \
	done

.venv/.ready: requirements.lock pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed; say make PYTHON=…")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

$(COMPILED): $(CATALOGUES) | .venv/.ready
	$(BIN)/python hatch_build.py
