# Everything here makes and reuses .venv by itself: Python 3.11 or newer and make are all it needs.
PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-all lint budget bench soak clean

.venv/plain: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

# trackeval asks for a second OpenCV build that would overwrite the headless one, so it comes without its dependencies.
.venv/dev: pyproject.toml constraints.txt .venv/plain
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[app,cameras,rating,postgresql,train,dev]'
	$(BIN)/python -m pip install --quiet --no-deps 'trackeval==1.3.0'
	touch $@

demo: .venv/plain            ## simulate a scene, assess it, print a table and the report's path
	$(BIN)/spermscope demo --out demo --replace

test: .venv/dev              ## the default tests, under 5 minutes on two cores
	$(BIN)/python -m pytest -n 2

test-all: .venv/dev          ## the slow, real and browser tests
	$(BIN)/python -m pytest -n 2 -m 'slow or real or browser'

lint: .venv/dev              ## style, types, import rows, Windows wheels
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python tools/windows_wheels.py

budget: .venv/dev            ## no stage slower than the last release's
	$(BIN)/python -m benchmarks.budget

bench: .venv/dev             ## every figure of docs/RESULTS.md
	$(BIN)/python -m benchmarks

soak: .venv/dev              ## memory flat over ten minutes of video and half an hour live; 100 kills lose no vote, 100 no recording
	$(BIN)/python -m benchmarks.soak
	$(BIN)/python -m benchmarks.painting 1800
	$(BIN)/python -m benchmarks.recording --kills 100
	$(BIN)/python -m benchmarks.rating --kills 100

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache demo
