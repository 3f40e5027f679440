SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# Node 24 or newer: the host's, or one carried by npm in a cache folder, because npm ci must itself run on it.
NODE_VERSION := 24.21.0
NODE_HOME := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/chaperone/node-$(NODE_VERSION)
HOST_NODE := $(shell node -p 'parseInt(process.versions.node) >= 24 ? "ok" : "old"' 2>/dev/null)
ifneq ($(HOST_NODE),ok)
NODE_READY := $(NODE_HOME)/.ready
export PATH := $(NODE_HOME)/node_modules/.bin:$(PATH)
endif

MODULES := node_modules/.installed
JEST := NODE_OPTIONS="--experimental-vm-modules --disable-warning=ExperimentalWarning" node node_modules/jest/bin/jest.js

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Run the demo: a gateway before a real PostgreSQL (ONCE=1: one pass, then exit)
	@node dist/chaperone.mjs demo $(if $(filter 1,$(ONCE)),--once)

.PHONY: test
test: $(MODULES) ## Build and run every test
	@node hack/test.ts

.PHONY: unit
unit: $(MODULES) ## Run some tests: make unit T=pattern
	@$(JEST) $(T)

.PHONY: lint
lint: lint-types lint-code lint-rooms lint-unused ## Check types, code, room borders and unused things

.PHONY: lint-types lint-code lint-rooms lint-unused
lint-types: $(MODULES)
	@node node_modules/typescript/bin/tsc
lint-code: $(MODULES)
	@node node_modules/eslint/bin/eslint.js --cache --cache-location node_modules/.cache/eslint/ --max-warnings 0 .
lint-rooms: $(MODULES)
	@node_modules/.bin/depcruise --config .dependency-cruiser.mjs $(wildcard src test hack)
lint-unused: $(MODULES)
	@node_modules/.bin/knip --no-progress --no-config-hints

.PHONY: bench
bench: build ## Measure the gateway (QUICK=1: 3 minutes; JSON=file: keep the numbers)
	@node hack/bench/bench.ts $(if $(filter 1,$(QUICK)),--quick) $(if $(JSON),--json "$(JSON)")

.PHONY: build
build: $(MODULES) ## Bundle the programs into dist/
	@node hack/build.ts

.PHONY: generate
generate: $(MODULES) ## Generate src/api from crds/
	@node hack/generate.ts

.PHONY: reference
reference: generate ## Generate docs/policy-reference.md from crds/
	@node hack/reference.ts

.PHONY: clean
clean: ## Remove what was built or installed
	rm -rf dist coverage node_modules

$(MODULES): package-lock.json $(NODE_READY)
	npm ci --progress
	@touch $@

$(NODE_HOME)/.ready:
	@command -v npm >/dev/null || { echo "npm was not found: install Node.js (24 or newer is best) first" >&2; exit 1; }
	@echo "Fetching Node $(NODE_VERSION), once (190 MB, kept in $(NODE_HOME))"
	@mkdir -p "$(NODE_HOME)"
	npm install --prefix "$(NODE_HOME)" --no-save --no-audit --no-fund --progress node@$(NODE_VERSION)
	@test "$$("$(NODE_HOME)/node_modules/.bin/node" --version)" = "v$(NODE_VERSION)"
	@touch "$@"
