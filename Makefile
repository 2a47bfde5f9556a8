# Every target stands alone: it makes the environment it needs once, and again when pyproject.toml or constraints.txt
# change. All it asks of the machine is make and Python 3.11 or newer.

CONSTRAINTS ?= constraints.txt
DEMO_ARGS ?= $(WEARABOUTS_DEMO_ARGS)
N ?= 50
JOBS ?= 2
SPLITS := cifar10-2 cifar10 cifar10-1
SHOP := .venv
DEV := .venv-dev
PEERS := .venv-peers
MILVUS := .venv-milvus
RUNS := runs
RESULTS := benchmarks/results
CODE := $(wildcard src tests benchmarks docs)

ifndef PYTHON
PYTHON := $(shell for name in python3 python3.14 python3.13 python3.12 python3.11 python; do \
  $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
endif

.DEFAULT_GOAL := help
.PHONY: help demo test coverage pytest lint format bench bench-index bench-search bench-serve bench-large codes questions labels scaling torture table train cifar papers stages docs clean python chromium photographs pictures milvus milvus-if-possible
# A recipe that fails half way must not leave a stamp behind.
.DELETE_ON_ERROR:

help: ## Say what there is to make.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(SHOP)/.installed ## Draw a fashion shop, index it and open its page: no torch, no data needed.
	$(SHOP)/bin/wearabouts demo $(DEMO_ARGS)

test: lint pytest ## Check style, types and floors, then run every test.

pytest: $(DEV)/.installed chromium milvus-if-possible
	$(DEV)/bin/python -m pytest -n $(JOBS) --dist loadfile --durations=10

coverage: $(DEV)/.installed chromium ## Run every test and report which lines and branches they reach: a quarter slower.
	$(DEV)/bin/python -m pytest -n $(JOBS) --dist loadfile --cov --cov-report=term

lint: $(DEV)/.installed ## Style, types and the contracts between the floors.
	$(DEV)/bin/ruff check $(CODE)
	$(DEV)/bin/ruff format --check $(CODE)
	$(DEV)/bin/mypy
	$(DEV)/bin/lint-imports --no-cache

format: $(DEV)/.installed ## Rewrite the code in the one style.
	$(DEV)/bin/ruff format $(CODE)
	$(DEV)/bin/ruff check --fix $(CODE)

bench: bench-index bench-search bench-serve ## Measure indexing, searching and serving beside plain baselines and other engines.

bench-index: $(DEV)/.installed ## Decoding, encoding and indexing beside a plain loop.
	$(DEV)/bin/python benchmarks/index/run.py
	$(DEV)/bin/python benchmarks/ranking.py
	$(DEV)/bin/python docs/generate.py

# What was grown, built and measured lies in $(RUNS)/bench and is used again: SEARCH="--again" measures anew.
# A Milvus server is measured too where WEARABOUTS_MILVUS names its address.
bench-search: $(DEV)/.installed $(PEERS)/.installed ## Searching beside other engines: make bench-search SEARCH="--part filters"
	$(DEV)/bin/python benchmarks/search/run.py $(SEARCH)
	$(DEV)/bin/python docs/search.py

bench-serve: $(DEV)/.installed $(PEERS)/.installed ## Photos over HTTP, 400,000 stored, beside ONNX Runtime, LanceDB and FastAPI.
	$(DEV)/bin/python benchmarks/serve/run.py
	$(DEV)/bin/python docs/search.py

bench-large: $(DEV)/.installed ## A store of ten million photos: about an hour, and 40 GB of disk in runs/.
	$(DEV)/bin/python benchmarks/search/run.py --part large
	$(DEV)/bin/python docs/search.py

codes: $(DEV)/.installed pictures ## Measure codes by the byte, on CIFAR-10 and on a drawn shop: make codes CIFAR10=FOLDER
	$(DEV)/bin/python benchmarks/codes.py --pictures "$(CIFAR10)" --bundle $(RUNS)/cifar10-2/bundle --work $(RUNS)/codes
	$(DEV)/bin/python docs/generate.py

questions: $(DEV)/.installed ## The 400,000 question, measured on drawn photos and drawn: about half an hour on two cores.
	$(DEV)/bin/python benchmarks/questions/wtbi.py
	$(DEV)/bin/python benchmarks/questions/latency.py
	$(DEV)/bin/python docs/question_plot.py
	$(DEV)/bin/python docs/generate.py

labels: $(DEV)/.installed ## What 300 labels of a shop's own gain, on a drawn shop: under ten minutes of processor time.
	$(DEV)/bin/python benchmarks/labels.py
	$(DEV)/bin/python docs/generate.py

# One core's work is measured: matrix products must not take more.
scaling: export OMP_NUM_THREADS = 1
scaling: $(DEV)/.installed milvus-if-possible ## Measure what a photo and a query cost, for `wearabouts plan` and docs/scaling.md: ten minutes.
	$(DEV)/bin/python benchmarks/scaling.py
	$(DEV)/bin/python docs/scaling.py

milvus: $(MILVUS)/.installed ## Set up the Milvus server that the tests start: once, 60 MB to fetch, 300 MB of disk.

torture: $(DEV)/.installed ## Kill, fail, cut the power and flip bits, and look for anything lost; goes on where it was stopped: make torture N=2000
	PYTHONPATH=tests $(DEV)/bin/python -m torture.indexing 20
	PYTHONPATH=tests $(DEV)/bin/python -m torture $(N) --work $(RUNS)/torture --out $(RESULTS)/torture.json

table: $(RUNS)/generic/card.json photographs ## The model table, on the photographs in WEARABOUTS_DATA.
	$(DEV)/bin/wearabouts evaluate photographs --beside histogram --beside $(RUNS)/generic --out $(RUNS)/table
	mkdir -p $(RESULTS)
	cp $(RUNS)/table/report.json $(RESULTS)/photographs.json
	$(DEV)/bin/python docs/card.py
	$(DEV)/bin/python docs/generate.py

# glibc gives every large tensor fresh pages and takes them back at once, so a CPU spends its time clearing pages:
# with these two limits raised the pages are kept, and training is two to three times as fast.
# Where other programs run too, threads had better sleep while they wait for each other than turn round.
train cifar: export MALLOC_MMAP_THRESHOLD_ = 4294967295
train cifar: export MALLOC_TRIM_THRESHOLD_ = 8589934592
cifar: export OMP_WAIT_POLICY = PASSIVE
train: $(DEV)/.installed photographs ## Train `mini` and its second stage from the photographs in WEARABOUTS_DATA; export both as one.
	$(DEV)/bin/wearabouts train recipes/mini.toml --data "$(WEARABOUTS_DATA)" --out $(RUNS)/mini
	$(DEV)/bin/wearabouts train recipes/verifier.toml --data "$(WEARABOUTS_DATA)" --out $(RUNS)/verifier
	$(DEV)/bin/wearabouts export $(RUNS)/verifier --out $(RUNS)/verifier/bundle

cifar: $(DEV)/.installed pictures ## Train and measure a net for each published split: make cifar CIFAR10=FOLDER
	for split in $(SPLITS); do run=$(RUNS)/$$split; \
	  $(DEV)/bin/wearabouts train recipes/$$split.toml --data "$(CIFAR10)" --out $$run && \
	  $(DEV)/bin/wearabouts export $$run --out $$run/bundle && \
	  $(DEV)/bin/wearabouts evaluate $$split --data "$(CIFAR10)" --model $$run/bundle --store $$run/vectors \
	    --out $$run/report || exit 1; done
	$(DEV)/bin/python docs/cifar10.py $(addprefix $(RUNS)/,$(SPLITS))
	$(DEV)/bin/python docs/generate.py

papers: $(DEV)/.installed ## The study of the four papers, about 45 minutes on two cores: make papers PAPERS="--budget 90"
	$(DEV)/bin/python benchmarks/papers/run.py $(PAPERS)
	$(DEV)/bin/python benchmarks/papers/parity.py
	$(DEV)/bin/python docs/study.py

stages: $(DEV)/.installed photographs ## Stage one beside stage two, signal by signal, three trainings: make stages STAGES="--run runs/verifier"
	$(DEV)/bin/python benchmarks/stages/run.py $(STAGES)
	$(DEV)/bin/python docs/stages.py

docs: $(DEV)/.installed ## Write the measured tables into README, README.zh and docs, and the pages of datasets and protocols.
	$(DEV)/bin/python docs/generate.py
	$(DEV)/bin/python docs/datasets.py
	$(DEV)/bin/python docs/protocols.py
	$(DEV)/bin/python docs/study.py
	$(DEV)/bin/python docs/stages.py
	$(DEV)/bin/python docs/search.py

clean: ## Remove environments, caches, runs and the demo's shop.
	rm -rf $(SHOP) $(DEV) $(PEERS) $(MILVUS) $(RUNS) demo-shop build dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache \
	  .import_linter_cache .hypothesis
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNS)/generic/card.json: src/wearabouts/export/generic.py src/wearabouts/models/mobilenet.py $(DEV)/.installed | photographs
	$(DEV)/bin/python -c "from pathlib import Path; from wearabouts.export import generic; \
	  generic(Path('$(WEARABOUTS_DATA)') / 'weights' / 'coral', Path('$(RUNS)/generic'))"

$(SHOP)/.installed: pyproject.toml constraints.txt | python
	$(PYTHON) -m venv $(SHOP)
	$(SHOP)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) --editable .
	@touch $@

$(DEV)/.installed: pyproject.toml constraints.txt | python
	$(PYTHON) -m venv $(DEV)
	$(DEV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS) \
	  --editable '.[train,hub,tune,heif,cluster,dev]'
	@touch $@

$(PEERS)/.installed: benchmarks/search/peers.txt | python
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --requirement benchmarks/search/peers.txt
	@touch $@

python:
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Wearabouts needs Python 3.11 or newer; $(or $(PYTHON),python3) is" \
	    "$$($(or $(PYTHON),python3) --version 2>&1 | tail -n 1)." \
	    "Install a newer one, or name it: make demo PYTHON=/path/to/python3.12" >&2; exit 1; }

# The package is a server and its own libraries; it needs none of those it asks for.
$(MILVUS)/.installed: | python
	$(PYTHON) -m venv $(MILVUS)
	$(MILVUS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps milvus==2.3.5
	$(MILVUS)/bin/python tests/milvus_server.py install $(MILVUS)/server
	@touch $@

milvus-if-possible: | python
	@$(MAKE) --no-print-directory $(MILVUS)/.installed || \
	  echo "The Milvus server could not be set up (the lines above say why): its tests will be skipped."

chromium:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	  echo "No Chromium found: the tests of the page will be skipped (on Debian: apt-get install chromium)."

pictures:
	@test -d "$(CIFAR10)" || { echo "CIFAR10 is '$(CIFAR10)', not a folder;" \
	  "give the unpacked archive: make cifar CIFAR10=FOLDER (docs/tutorials/cifar10.md)" >&2; exit 1; }

photographs:
	@test -d "$(WEARABOUTS_DATA)" || { echo "WEARABOUTS_DATA is '$(WEARABOUTS_DATA)', not a folder;" \
	  "set it to the folder of photographs (docs/architecture.md, Data)" >&2; exit 1; }
