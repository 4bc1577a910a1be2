# What a fresh machine with Python (3.11 or newer) and make needs: `make run` and `make test`. Both install into .venv.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
# Test processes at once: one more than there are cores, as most tests wait for processes of their own, and five at most.
JOBS ?= $(shell cores=$$(nproc); [ $$cores -lt 4 ] || cores=4; echo $$((cores + 1)))
# Real processes beside each other on a busy machine: what fails is tried a second time, up to three tests of a run, and is listed
# with its first failure at the end (RERUN). Property tests and those of the house are never tried again.
AGAIN := --reruns 1 --max-suite-reruns 3 --rerun-show-tracebacks --rerun-exclude-path tests/property --rerun-exclude-path tests/house

.PHONY: help run test lint bench soak cluster-test docs screenshots clean

help:
	@echo "make run     install, then audit the installed Python code with 5,000 agents"
	@echo "make test    install, then run every test"
	@echo "make lint    ruff, mypy and the import contracts alone"
	@echo "make bench   measure everything against the raw yardsticks (some minutes, on an idle machine)"
	@echo "make soak    kill -9 and power cuts for some minutes: nothing may be lost (power cuts need root)"
	@echo "make cluster-test  real sshd, nodes and NATS servers under kills and stops for some minutes (sshd as root)"
	@echo "make docs    write the reference in docs/ anew, from the code"
	@echo "make screenshots  pictures of the dashboard, of a real engine at work, in docs/screenshots (some minutes)"
	@echo "make clean   remove what was installed and built"

run: $(INSTALLED)
	$(BIN)/python -m examples.audit

test: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests --numprocesses $(JOBS) --dist worksteal $(AGAIN)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/python -m bench

soak: $(INSTALLED)
	$(BIN)/python -m bench killstorm
	$(BIN)/python -m bench powercut || test $$? = 3

cluster-test: $(INSTALLED)
	tests/cluster/install.sh
	ENGINE_CLUSTER_TEST=1 $(BIN)/python -m pytest tests/cluster tests/unit/engine/cluster --numprocesses $(JOBS) --dist worksteal

docs: $(INSTALLED)
	$(BIN)/python -P -m engine.reference docs

$(INSTALLED): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "the engine needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,examples]'
	$(BIN)/python -m compileall -q bench checkpoints engine examples pools sprints
	@touch $(INSTALLED)

screenshots: $(INSTALLED)
	$(BIN)/python -m examples.screenshots

clean:
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks audit-report
