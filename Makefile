# `make help` lists what there is.
SHELL := /bin/bash
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# In this order: later studies take the edits of earlier ones.
PAPER := table1 convergence lambda n_iters noise_update polyak seeds frontier frontier_sdedit fpr_rules prompts pie edit_size posterior_mean invertibility complexity nerf_table
SIZE ?= demo
# At demo size two processes with a core each, also in the study of seconds.
LAUNCH = $(if $(filter demo,$(SIZE)),launch=devices launch.workers=2)
# Commands in new processes find their modules compiled, whatever the shell's environment says.
TESTING := OMP_NUM_THREADS=1 WANDB_MODE=offline PYTHONDONTWRITEBYTECODE=
BROWSERS := chromium chromium-browser google-chrome
PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' >/dev/null 2>&1 \
	&& { echo "$$p"; break; }; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo paper test test-cluster test-browser slow check format docs malformed bench bench-gpu check-gpu parity shapes shapes-wide wheel clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: $(STAMP)  ## a virtual environment in .venv with everything in it

$(STAMP): pyproject.toml
	@test -n "$(PYTHON)" || { echo "setup: expected Python 3.11 or 3.12; none was found; install one, or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)  ## edit twelve images with SDS, DDS and IDS: table and contact sheet
	$(BIN)/ids run experiments=demo

paper: $(STAMP)  ## the paper's tables, figures and studies: 37 minutes on two cores; resumes (SIZE=paper: SD1.4, a GPU)
	@k=0; failed=; for name in $(PAPER); do k=$$((k + 1)); echo "paper/$$name ($$k of $(words $(PAPER)))"; \
	  $(BIN)/ids run experiments=paper/$$name size=$(SIZE) $(LAUNCH); status=$$?; \
	  case $$status in 0) ;; 130|143) exit $$status ;; *) failed="$$failed $$name" ;; esac; done; \
	echo "ids claims: what holds; ids report: a page of all results"; \
	test -z "$$failed" || { echo "paper: expected every study to end well; got errors in$$failed; see their messages, and run again"; exit 1; }

test: $(STAMP)  ## the tests, on two cores
	$(TESTING) $(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not cluster and not browser"

test-cluster: $(STAMP)  ## workers that are killed, SLURM and Ray on this machine: three minutes
	$(TESTING) $(BIN)/python -m pytest -n 2 --dist worksteal -m cluster

test-browser: $(STAMP)  ## the report page in headless Chromium, which it installs where it is missing: one minute
	@command -v $(BROWSERS) >/dev/null || { export DEBIAN_FRONTEND=noninteractive; apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; } \
	  || { echo "test-browser: expected $(firstword $(BROWSERS)); none was found, and apt-get installed none; install the chromium package"; exit 1; }
	$(TESTING) $(BIN)/python -m pytest -m browser tests/browser

slow: $(STAMP)  ## what test leaves out: training, the notebook, malformed input, many runners, studies: nine minutes
	$(TESTING) $(BIN)/python -m pytest -n 2 --dist worksteal -m slow

check: $(STAMP)  ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

format: $(STAMP)  ## write the format that check wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(STAMP)  ## the documentation site, into site/; links checked, no network
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@! grep -rnE '<(script|link|img)[^>]* (src|href)="https?:' site || { echo "docs: expected no assets from elsewhere"; exit 1; }

malformed: $(STAMP)  ## eight hundred malformed inputs through the command line: five minutes
	OMP_NUM_THREADS=1 WANDB_MODE=offline $(BIN)/python scripts/malformed.py

bench: $(STAMP)  ## speed on the CPU, one thread: the engine beside the released loops, start-up, planning, store, metrics
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/engine.py --budget 220
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/startup.py --rounds 1
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/planning.py --jobs 2000
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/store.py --edits 128 --results 1000
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/metrics.py --only psnr ssim success --images 8 --seconds 2

bench-gpu: $(STAMP)  ## speed on a GPU: Stable Diffusion 1.5 with random weights at 512 px, fp16; time and memory only
	$(BIN)/python benchmarks/engine.py --device cuda --budget 440

check-gpu: $(STAMP)  ## every method on a GPU against the CPU, host synchronizations, memory: two minutes
	$(BIN)/python benchmarks/cuda_check.py

parity: $(STAMP)  ## our numbers against the authors'
	$(BIN)/python scripts/parity.py tests/golden tests/golden_rules
	$(BIN)/python scripts/capture_parity.py tests/golden_captures

shapes: $(STAMP)  ## train the embedded networks: 105 minutes on two idle cores; resumes
	$(BIN)/python scripts/train_shapes.py

shapes-wide: $(STAMP)  ## train the wide embedded networks from the shipped ones: 45 minutes on one idle core; resumes
	$(BIN)/python scripts/train_shapes.py --wide

wheel: $(STAMP)  ## dist/*.whl
	$(BIN)/python -m build --wheel --no-isolation

clean:  ## remove what was built, keep results
	rm -rf dist site .mypy_cache .pytest_cache .ruff_cache .hypothesis
