# The two commands of the README are `make demo` and `make test`; the others are their parts.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

CLUSTER ?= local
KUBECONFIG_OUT := $(CURDIR)/out/kubeconfig
TOOL = $$(hack/tools/install.sh $(1) | tail -n 1)

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## From two YAML files to a try-on picture: CLUSTER=local (default), kind or current.
	go run ./hack/demo --cluster=$(CLUSTER) $(if $(REGISTRY),--registry=$(REGISTRY))

demo-down: ## Remove what the demo made.
	go run ./hack/demo --cluster=$(CLUSTER) --down

cluster: ## Start a real one-node Kubernetes; kubeconfig in out/kubeconfig.
	go -C hack/cluster run . up

cluster-down: ## Remove the cluster and everything that it made.
	go -C hack/cluster run . down

cluster-build: ## Only build the cluster's programs into the cache.
	go -C hack/cluster run . build

generate: ## Regenerate everything that is generated.
	$(call TOOL,controller-gen) object:headerFile=hack/boilerplate.go.txt paths=./api/...
	$(call TOOL,controller-gen) crd paths=./api/... output:crd:dir=config/crd/bases
	$(call TOOL,controller-gen) rbac:roleName=tryon-manager paths=./controllers/... paths=./internal/... output:rbac:dir=config/rbac
	go run ./hack/chart
	go run ./hack/reference

# Of hack/cluster all but the parts that start other people's programs: to lint their few lines is to load all of Kubernetes.
CLUSTER_PACKAGES := . ./image ./internal/... ./parts/lookup ./parts/pause ./parts/storage

lint: ## Lint everything.
	hack/host.sh
	$(call TOOL,golangci-lint) run ./...
	tool=$(call TOOL,golangci-lint) && cd hack/image && $$tool run --config ../../.golangci.yml ./...
	tool=$(call TOOL,golangci-lint) && cd hack/cluster && $$tool run --config ../../.golangci.yml $(CLUSTER_PACKAGES)
	$(call TOOL,golangci-lint) run --config .golangci-kal.yml ./api/...
	$(call TOOL,ruff) check pipelines/trainer
	$(call TOOL,helm) lint charts/tryon-operator

verify: generate lint ## Regenerate and lint; the tree must be clean afterwards.
	@test -z "$$(git status --porcelain)" || { git status --short; git diff --stat; echo "generated files are not up to date: commit the result of 'make generate'"; exit 1; }

test: ## Unit, envtest and end-to-end tests.
	hack/test.sh

.PHONY: help demo demo-down cluster cluster-down cluster-build generate lint verify test
