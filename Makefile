# Everything sets itself up in a virtual environment of its own; Python 3.11 or newer is all it needs.
PYTHON ?= python3
VENV ?= .venv
RUN = $(VENV)/bin/python
PIP = $(RUN) -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
PICTURES ?=
SHAPE ?=
SEED ?= 1
SECONDS ?= 7200

.PHONY: demo test slow lint page format bench fuzz crash clean

demo: $(VENV)/.base
	$(RUN) examples/harvest.py build

test: $(VENV)/.dev
	$(RUN) -m pytest

# What takes long: every example of the documentation, and the tests marked slow.
slow: $(VENV)/.dev
	$(RUN) -m pytest -m slow

lint: $(VENV)/.dev
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy

# Types of the studio's page, by TypeScript from npm; what it brings lies in build/ and is no part of the program.
page:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory build/page/.done && \
	build/page/node_modules/.bin/tsc -p tests/studio/browser/tsconfig.json; \
	else echo "npm is not installed: the page's types are not checked"; fi

build/page/.done: tests/studio/browser/package.json
	@mkdir -p build/page && cp $< build/page/
	cd build/page && npm install --silent --no-package-lock --no-audit --no-fund
	@touch $@

format: $(VENV)/.dev
	$(RUN) -m ruff check --fix .
	$(RUN) -m ruff format .

# Ten thousand hostile files and options, a child of a warm process for each; make fuzz SEED=2 for others. What was
# done is kept in build/, so that a run that is cut short goes on; SECONDS bounds it.
fuzz: $(VENV)/.dev
	@mkdir -p build
	PYTHONPATH=tests $(RUN) -m hostile --seed $(SEED) --cases 10000 --seconds $(SECONDS) --state build/hostile-$(SEED)

# A hundred kills at random moments, and kills before system calls, of every verb that writes.
crash: $(VENV)/.dev
	PYTHONPATH=tests $(RUN) -m hostile.crash --seed $(SEED)

# make bench PICTURES=folder SHAPE=file measures with pictures and a shape of your own.
bench: $(VENV)/.base
	$(RUN) benchmarks/pack.py $(if $(PICTURES),--pictures $(PICTURES)) $(if $(SHAPE),--shape $(SHAPE))

clean:
	rm -rf build $(VENV)

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) --editable '.[dev]'
	@touch $(VENV)/.base $@
