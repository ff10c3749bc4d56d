# Two commands do everything: make up runs a whole group here, make test passes the tests. Both get what they need first (setup/tools.sh).
GO ?= go
export GO
export CGO_ENABLED ?= 1
export PATH := $(PATH):/usr/local/go/bin

.PHONY: group-key up build test check unit sim model e2e cluster cluster-down cluster-test image chaos bench profile compat fuzz mutants

build:
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/holdfast ./cmd/holdfast

up:
	@setup/tools.sh build
	@$(MAKE) --no-print-directory build
	bin/holdfast up

test:
	@setup/tools.sh test
	@$(MAKE) --no-print-directory check unit sim e2e cluster-test

# Format, vet, staticcheck, and what the code's own rules say (imports, sizes, lines).
check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "not formatted: run gofmt -w"; exit 1; }
	$(GO) vet -tags acceptance ./...
	$(GO) tool staticcheck -tags acceptance ./...
	$(GO) test -pgo=off ./internal/archtest

# Everything that needs no other process, with the race detector; without the profile, which all would be compiled once more for.
unit:
	$(GO) test -race -pgo=off $$($(GO) list ./... | grep -v /e2e/)

# The whole group in virtual time; it runs in its directory, where go prints what the seeds came to. Goroutines come and go, and begin with the
# stack that most of them need. SEEDS=n SEED=first
sim:
	cd e2e/sim && GODEBUG=adaptivestackstart=1 $(GO) test

# Every state of a small group, and what breaks without each rule. ARGS="-only handover -story"
model:
	$(GO) run ./e2e/model $(ARGS)

# Real processes: beside a real redis-server, and a group with faults.
e2e: build
	$(GO) test $(if $(ACCEPTANCE),-tags acceptance) $$($(GO) list ./e2e/... | grep -v /e2e/sim)

image: build
	docker build -q -t holdfast:latest .

COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

cluster:
	@setup/tools.sh cluster
	@$(MAKE) --no-print-directory image group-key
	$(COMPOSE) up -d

cluster-down:
	$(COMPOSE) down -v

# The cluster's group-key, made on first use.
group-key: build
	bin/holdfast group-key --out holdfast-group-key

cluster-test:
	e2e/cluster-test.sh "$(COMPOSE)"

# Faults on real processes under load, counted. make chaos ARGS="-rounds 3 -target redis"
chaos: build
	$(GO) run ./e2e/chaos $(ARGS)

# The simulation with one rule switched off at a time: each must be caught. make mutants ARGS="-seeds 300 -only lease"
mutants:
	$(GO) run ./e2e/mutants $(ARGS)

# Throughput beside redis-server, in one run, or beside another build. make bench ARGS="-seconds 5"; make bench ARGS="-against OTHER/holdfast"
bench: build
	$(GO) run ./e2e/bench $(ARGS)

# What the compiler is told of where the time goes (docs/performance.md). Make it again when much of that has changed.
profile: build
	rm -rf bin/profiles
	$(GO) run ./e2e/bench -only standalone,chain -seconds 1 -rounds 1 -profile bin/profiles
	$(GO) tool pprof -proto -output cmd/holdfast/default.pgo bin/profiles/*.pprof

# Random commands beside redis-server, 2000 a round. COMPAT_ROUNDS=n COMPAT_SEED=n
compat: build
	COMPAT_ROUNDS=$${COMPAT_ROUNDS:-500} $(GO) test -count=1 -timeout 60m ./e2e/compat

# Every parser, for a while each. FUZZTIME=30s
FUZZTIME ?= 30s
fuzz:
	@for p in $$(grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u); do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$p/*_test.go | cut -c6-); do \
	    $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x $$p || exit 1; \
	  done; done
