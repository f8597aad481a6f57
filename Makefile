# What to make of pmkctl. `make demo` and `make test` set up all they need on a
# fresh Debian 12 with Go, git, make and root.

HOSTS ?= 3
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LAB = go run ./lab/cmd/pmk-lab

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help build setup components lab-up lab-new lab-down demo test unit unit-elsewhere e2e lint bench bench-preflight false-alarms

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## bin/pmkctl
	CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/pmkctl ./cmd/pmkctl

setup: ## install what lab and tests need and the machine lacks
	@$(LAB) setup

components: setup ## Kubernetes and all it needs, into the cache
	@$(LAB) components

lab-up: setup ## HOSTS=3 hosts with systemd and sshd, as containers
	@$(LAB) up -hosts $(HOSTS)

lab-new: setup ## the same, but all of them made anew: bare hosts
	@$(LAB) up -new -hosts $(HOSTS)

lab-down: ## remove the hosts and all that came with them
	@$(LAB) down

demo: ## a working cluster on three lab hosts
	@echo "==> What the lab needs, the components, bin/pmkctl and three hosts (the first time takes minutes)"
	@$(MAKE) --no-print-directory components build lab-up
	@echo "==> pmkctl plan: what would be done to which host"
	bin/pmkctl plan examples/lab
	@echo "==> pmkctl apply: doing it"
	bin/pmkctl apply -auto-approve examples/lab
	@echo "==> pmkctl kubeconfig: access to the new cluster"
	bin/pmkctl kubeconfig -out=.lab/kubeconfig examples/lab
	@echo "==> What Kubernetes itself says"
	@$(LAB) check
	@echo "==> Done. Look around: .lab/bin/kubectl --kubeconfig .lab/kubeconfig get pods -A -o wide"
	@echo "    make lab-down removes all of it."

test: setup lint unit unit-elsewhere e2e ## every test, the cluster on real hosts included

unit: ## the tests that need no host, only a C compiler for the race detector
	go test -race ./...
	cd modules/upstream && go test -count=1 ./...

unit-elsewhere: ## some of them in another zone, language and terminal, as another user, on each day of the week
	sh testdata/elsewhere.sh

e2e: components build ## the tests on real hosts; they start the lab
	go test -count=1 -timeout 60m -v -tags e2e ./lab/e2e

lint: ## formatting, go vet, staticcheck
	@out=$$(gofmt -l .) && if [ -n "$$out" ]; then echo "gofmt -w these:"; echo "$$out"; exit 1; fi
	go vet -tags e2e ./...
	go tool -modfile=lab/lint/go.mod staticcheck -tags e2e ./...

bench: components build lab-up ## how fast it is, beside what it should not be slower than
	@go run ./bench/cmd/pmk-bench bin/pmkctl

bench-preflight: components build ## how fast preflight is: 1,000 hosts in memory; 3, 10 and 40 lab hosts, made anew
	@go test -run '^$$' -bench Connectivity -benchtime 1x ./modules/preflight/reach
	@go run ./bench/preflight bin/pmkctl

false-alarms: components build ## 100 preflights on 10 lab hosts, made anew, while stress-ng keeps all processors busy
	@go run ./bench/preflight -alarms 100 -hosts 10 bin/pmkctl
