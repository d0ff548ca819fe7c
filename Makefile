# make demo   see it work: trains in napari and shows raw beside denoised
# make docs   the site of all pages, in site/
# make notebooks   run the notebooks of the documentation, and keep what they print and show
# make screenshots   the pictures of the guided tour, from the program itself
# make test   everything that is checked before a change is taken
# make soak   what takes long: kills at random, a failing disk, many files, bytes nobody has thought of
# make venv   the environment both need

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv system demo docs notebooks screenshots soak soak-kills soak-faults soak-files soak-fuzz test check test-library test-all clean

# The first that runs and is new enough; the pinned versions were tested with 3.11.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
SCREEN := xvfb-run -a -s "-screen 0 1600x1000x24 +extension GLX"
LIBRARIES := xvfb xauth libegl1 libgl1 libgl1-mesa-dri libopengl0 libxkbcommon-x11-0 libdbus-1-3 \
	libfontconfig1 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-xinerama0
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# Two processes of one torch thread each; a file stays in one, so that what it trains is trained once.
# In their own order: by number of tests the longest would come last, a file of one.
TWO := -q -p no:cacheprovider -n 2 --dist loadfile --no-loadscope-reorder
EXPORTED := constraints.txt pyproject.toml

help:
	@grep '^# make' Makefile | sed 's/^# //'

# What Qt, OpenGL and a virtual screen need; nothing is asked of apt when all of it is there.
system:
	@command -v apt-get >/dev/null || { echo "No apt-get here: install the libraries of Qt 6 and OpenGL by hand."; exit 0; }; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null && venv= || venv=python3-venv; \
	missing=$$(for p in $(LIBRARIES) $$venv; do dpkg-query -Wf '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	if [ -n "$$missing" ]; then \
		echo "Installing" $$missing; \
		$(SUDO) apt-get update -qq; \
		DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

venv: system .venv/.ready

.venv/.ready: $(EXPORTED)
	@[ -n "$(PYTHON)" ] || { echo "Python 3.11 or newer is needed: install it, or set PYTHON=/path/to/python"; exit 1; }
	@echo "Installing Python packages into .venv: gigabytes (PyTorch, napari, Qt), so some minutes without a word"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

# The last line of a demonstration says where its pictures are. Without a screen it runs on a virtual one.
demo: venv
	@if [ -n "$${DISPLAY:-}$${WAYLAND_DISPLAY:-}" ]; then \
		$(BIN)/python -m napari_cryoden.demo demo-output; \
	else \
		CRYODEN_DEMO_EXIT=1 $(SCREEN) $(BIN)/python -m napari_cryoden.demo demo-output; \
	fi

# A page that no list has, and a link that leads nowhere, are errors.
docs: .venv/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "$(CURDIR)/site/index.html"

notebooks: .venv/.docs
	$(BIN)/jupyter nbconvert --to notebook --execute --inplace docs/notebooks/*.ipynb

.venv/.docs: .venv/.ready
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

screenshots: venv
	$(SCREEN) $(BIN)/python docs/take_screenshots.py

# Some thirteen hours, most of them an hour of fuzzing for each reader; make -j4 soak does four parts at once.
FUZZ ?= 3600
soak: soak-kills soak-faults soak-files soak-fuzz

soak-kills: venv
	$(BIN)/python benchmarks/soak/killed_training.py
	$(BIN)/python benchmarks/soak/killed_training.py --command baseline
	$(BIN)/python benchmarks/soak/killed_commands.py
	$(BIN)/python benchmarks/soak/random_stops.py

soak-faults: venv
	$(BIN)/python -m pytest -q -p no:cacheprovider -m long tests
	CRYODEN_CALLS=0 $(BIN)/python -m pytest -q -p no:cacheprovider -m "long or not long" tests/cryoden/faults/test_every_call_fails.py

soak-files: venv
	$(BIN)/python benchmarks/soak/killed_commands.py --kills 10 --files 5000 --lives 0.15
	$(BIN)/python benchmarks/soak/ten_processes.py
	$(BIN)/python benchmarks/soak/refusals.py
	$(BIN)/python benchmarks/soak/many_files.py

soak-fuzz: venv
	$(BIN)/python -m pip install -q --disable-pip-version-check atheris || echo "without atheris: at random"
	$(BIN)/python benchmarks/soak/fuzz.py --seconds $(FUZZ)

check: venv
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/known_vulnerabilities.py

# The library's tests as on a cluster: with what is installed there, neither Qt nor napari.
test-library: .venv/.without-qt
	.venv/without-qt/bin/python -m pytest $(TWO) tests/cryoden

.venv/.without-qt: .venv/.ready
	$(PYTHON) -m venv .venv/without-qt
	.venv/without-qt/bin/python -m pip install -q --disable-pip-version-check -c constraints.txt \
		-e '.[cluster,cryosparc,movies,pipeliner]' hypothesis packaging pytest pytest-xdist
	@touch $@

test-all: venv
	NAPARI_STRICT_QT=1 $(SCREEN) $(BIN)/python -m pytest $(TWO) tests/test_*.py tests/napari_cryoden

test: check test-library test-all

clean:
	rm -rf .venv demo-output dist site .cache .mypy_cache .ruff_cache .pytest_cache
