# Targets are described by the comment behind them: `make help`.
# CI calls `make check` and nothing else; it needs Go and a C compiler (for -race).

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS  = -s -w -X pulse/internal/app.version=$(VERSION)
SHARED  ?= ../shared

# How long `make fuzz` spends on each target, and how many rounds `make crash` runs.
FUZZTIME ?= 30s
ROUNDS   ?= 10
SEED     ?=

# `check` has run vet by itself, and nobody debugs a test binary: both cost minutes on two cores.
QUICK = -vet=off -ldflags=-w

# Where fresh test results matter more than speed: the process tests.
E2E = PULSE_SEED=$(SEED) $(GO) test -count=1 -timeout 15m ./e2e

.DEFAULT_GOAL := help
.PHONY: help build test full race lint format vet staticcheck layering modules needs check e2e fuzz crash soak outage bench bench-check bench-chunk generate sizes golden golden-all tables bench-token bench-peers-vectors sizes-vectors sizes-keyword sizes-index bench-peers-keyword bench-static eval

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/pulse, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/pulse ./cmd/pulse

test: ## the tests of all packages but the processes' own, in full, without -race
	$(GO) test $(QUICK) -timeout 9m $$($(GO) list ./... | grep -v /e2e$$)

full: ## the same of packages alone whose tests -short makes smaller, or -race does not run
	$(GO) test $(QUICK) -timeout 9m $$(grep -rlE --include='*_test.go' 'testing\.Short\(\)|^//go:build .*race' internal cmd | xargs -n 1 dirname | sort -u | sed 's|^|./|')

race: ## all with -race, on smaller inputs (-short)
	CGO_ENABLED=1 $(GO) test $(QUICK) -race -short -timeout 9m $$($(GO) list ./... | grep -v /e2e$$)

e2e: ## the built binary as a process: smoke, crashes, bad input, leaks, real pages
	$(E2E)

check: needs lint race full bench-check e2e ## everything that must hold: what CI calls
	@echo "check: all holds"

lint: format vet staticcheck layering modules ## format, vet, staticcheck, arrows, go.mod

needs:
	@command -v $(GO) >/dev/null || { echo "check: go is not here; https://go.dev/dl has it" >&2; exit 1; }
	@command -v $$($(GO) env CC) >/dev/null || { echo "check: the race detector needs a C compiler; $$($(GO) env CC) is not here" >&2; exit 1; }

format:
	@files=$$(find . -name '*.go' -not -path './.*' -not -path '*/testdata/*' -print0 | xargs -0 $$($(GO) env GOROOT)/bin/gofmt -l) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted (gofmt -w):" >&2; echo "$$files" >&2; exit 1; fi

vet:
	$(GO) vet ./...
	$(GO) vet -tags failpoints ./...

staticcheck:
	$(GO) tool staticcheck ./...
	$(GO) tool staticcheck -tags failpoints ./internal/app/... ./cmd/...

layering:
	$(GO) test -run '^TestLayering' .

modules:
	$(GO) mod tidy -diff
	$(GO) mod verify

fuzz: ## every fuzz target for FUZZTIME (30s) each
	tools/fuzz.sh $(FUZZTIME)

crash: ## the kill tests for ROUNDS (10) times as long; SEED= repeats a run
	PULSE_CRASH_ROUNDS=$(ROUNDS) PULSE_SEED=$(SEED) $(GO) test -count=1 -v -timeout 6h -run '^TestCrash' ./e2e

soak: ## 50,000 pages, with memory, goroutines and files at the start and the end
	PULSE_SOAK=1 $(GO) test -count=1 -v -timeout 1h -run '^TestSoak' ./e2e

outage: ## 5,000 pages while no embedder answers for ten minutes, and 5,000 more while it is slow
	PULSE_OUTAGE=1 $(GO) test -count=1 -v -timeout 1h -run '^TestOutage' ./e2e

bench: build ## how much this machine takes: the benchmarks, and pulse bench
	$(GO) test -run '^$$' -bench . -benchmem $$($(GO) list ./... | grep -v /e2e$$)
	bin/pulse bench ingest
	bin/pulse bench deliveries
	bin/pulse bench pool

bench-peers-vectors: ## the vector index beside faiss (fetches it), by processor time
	python3 -m venv tools/peers/.venv-vectors
	tools/peers/.venv-vectors/bin/pip install -q -r tools/peers/requirements-vectors.txt
	for dimension in 256 1024; do \
		tools/peers/.venv-vectors/bin/python tools/peers/vectors.py --repository . --dimension $$dimension || exit 1; done

sizes-vectors: ## the vector index on files at 100,000 to 3 million vectors: 10 GB of disk
	PULSE_SIZES=100000,1000000,3000000 $(GO) test -count=1 -v -timeout 3h -run '^TestSizes$$' ./internal/index/vector

sizes-keyword: ## files of the keyword index at 131,072 and 1,048,576 chunks: 1.4 GB of disk
	PULSE_SIZES=131072,1048576 $(GO) test -count=1 -v -timeout 1h -run '^TestSizes$$' ./internal/index/keyword

sizes-index: ## the whole index on files at 100,000 and a million chunks: 3 GB of disk
	PULSE_SIZES=100000,1000000 $(GO) test -count=1 -v -timeout 1h -run '^TestSizes$$' ./internal/index/local

bench-peers-keyword: ## the keyword index beside tantivy and bleve (fetches them), by processor time
	python3 -m venv tools/peers/.venv-keyword
	tools/peers/.venv-keyword/bin/pip install -q -r tools/peers/requirements-keyword.txt
	tools/peers/.venv-keyword/bin/python tools/peers/bm25.py --repository .

bench-check: ## what does not depend on the machine, against e2e/testdata/baseline.tsv
	$(GO) test -count=1 -run '^TestBaseline' ./e2e

bench-chunk: ## chunking against semantic-text-splitter over the reference tokenizer (needs Python)
	python3 -m venv tools/chunk/.venv
	tools/chunk/.venv/bin/pip install -q -r tools/chunk/requirements.txt
	$(GO) build -o bin/rate ./tools/chunk/rate
	tools/chunk/.venv/bin/python tools/chunk/bench.py bin/rate $(SHARED)

generate: ## the bundled sample crawl and tokenizers, from $(SHARED)
	$(GO) run ./tools/sample $(SHARED)/data/pages/k8s-en.jsonl.gz internal/bench/sample/crawl.jsonl.gz
	$(GO) run ./tools/tokenizers $(SHARED)/data/tokenizers internal/token/builtin/data

# Python, for development only: the libraries that internal/token is compared with.
tools/token/.venv/ready: tools/token/requirements.txt
	python3 -m venv tools/token/.venv && tools/token/.venv/bin/pip install -q -r tools/token/requirements.txt && touch $@

golden: tools/token/.venv/ready ## the tokens that the reference makes, from $(SHARED), into internal/token/testdata
	tools/token/.venv/bin/python tools/token/golden.py $(SHARED)/data

golden-all: ## every text of $(SHARED) against those tokens; make test takes an eighth of them
	PULSE_GOLDEN=all $(GO) test -count=1 -timeout 20m -run '^TestGolden$$' -v ./internal/token

tables: tools/token/.venv/ready ## the Unicode tables of internal/token, from what the reference does
	tools/token/.venv/bin/python tools/token/tables.py internal/token

bench-token: tools/token/.venv/ready ## tokenizing against other libraries, interleaved, one thread
	tools/token/.venv/bin/python tools/token/bench.py $(SHARED)/data

tools/static/.venv/ready: tools/static/requirements.txt
	python3 -m venv tools/static/.venv && tools/static/.venv/bin/pip install -q -r tools/static/requirements.txt && touch $@

bench-static: tools/static/.venv/ready ## the built-in model against the reference tokenizer and numpy, one thread
	tools/static/.venv/bin/python tools/static/bench.py $(SHARED)

eval: ## how well the built-in model and words rank all judged sets of $(SHARED), against the kept table; UPDATE=1 keeps it anew
	PULSE_EVAL=all $(GO) test -count=1 -timeout 1h -run '^TestQuality' -v ./internal/app $(if $(UPDATE),-update)

sizes: ## lengths of functions and files against the budget of the style
	@tools/sizes.sh
