# Two commands to know: make demo, make test. `make` alone lists the rest.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMPS := .stamps

.PHONY: help demo test soak bench compile lint format lock wheel clean
help:
	@echo "make demo          the whole hub on this machine, with real event logs (ONCE=1: stop afterwards)"
	@echo "make test          everything that CI runs"
	@echo "make soak          hours of kills and hostile events (SOAK=, FUZZ= options; docs/operate/soak.md)"
	@echo "make bench         the gate beside bare loops, and its limits (BENCH= options; docs/benchmarks.md)"
	@echo "make lint          style, types, room walls"
	@echo "make lock          refresh the lock files from pyproject.toml"
	@echo "make wheel         build the wheel into dist/"

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit("Peyvand needs Python 3.11 or newer; set PYTHON=…" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/run: requirements/run.lock pyproject.toml | $(VENV)/bin/pip
	@mkdir -p $(STAMPS)
	$(BIN)/pip install --disable-pip-version-check -q --require-hashes -r requirements/run.lock
	$(BIN)/pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

$(STAMPS)/dev: requirements/dev.lock $(STAMPS)/run
	$(BIN)/pip install --disable-pip-version-check -q --require-hashes -r requirements/dev.lock
	@touch $@

# Two environments: one peer's library wants older versions of what the hub runs on.
$(STAMPS)/bench: requirements/bench.lock requirements/bench-quix.lock $(STAMPS)/run
	$(BIN)/pip install --disable-pip-version-check -q --require-hashes -r requirements/bench.lock
	$(PYTHON) -m venv $(VENV)-bench
	$(VENV)-bench/bin/pip install --disable-pip-version-check -q --require-hashes -r requirements/bench-quix.lock
	$(VENV)-bench/bin/pip install --disable-pip-version-check -q --no-deps --no-build-isolation -e .
	@touch $@

# The modules that every event passes, as machine code where there is a C compiler; at once where it is done.
compile: $(STAMPS)/run
	@$(BIN)/python -m hub.launch.compiling

demo: compile
	$(BIN)/hub demo $(if $(ONCE),--once)

# Two processes: much of the time is waiting. tests/schedule.py says what comes first and stays together.
test: lint compile
	$(BIN)/python -m pytest -n 2 --no-loadscope-reorder

bench: $(STAMPS)/bench compile
	$(BIN)/hub bench $(if $(BENCH),$(BENCH),--page docs/benchmarks.md)

soak: $(STAMPS)/dev compile
	$(BIN)/python -m tests.soak $(SOAK)
	$(BIN)/python -m tests.fuzz $(FUZZ)

lint: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMPS)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(STAMPS)/dev
	$(BIN)/python requirements/lock.py

wheel: $(STAMPS)/dev
	$(BIN)/python -m hatchling build -t wheel

clean:
	rm -rf $(VENV) $(VENV)-bench $(STAMPS) dist hub/_compiled*
