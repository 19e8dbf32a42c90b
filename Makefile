# The two commands are `make run` and `make test`; `make help` lists the rest.

CARGO ?= cargo
NPM ?= npm
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/squelch
# Debian keeps DNS servers where only root looks.
export PATH := $(PATH):/usr/sbin
WEB_SOURCES := $(shell find web/src web/index.html web/vite.config.ts web/svelte.config.js web/package.json -type f 2>/dev/null)

.PHONY: help run build test check bench bench-parts bench-matcher bench-years scenarios nodes web

help: ## what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

run: build ## build everything and serve on loopback, ports 5300 (DNS) and 8053 (dashboard)
	$(BINARY) serve --config docs/try.toml

build: tools web ## the release binary with the dashboard in it
	$(CARGO) build --release --locked

test: tools clients postgres browser web web/node_modules/.installed ## set up, and run all tests
	$(call need,unbound,unbound,it is an upstream in tests)
	$(CARGO) test --locked
	cd web && $(NPM) run check && $(NPM) run test:unit
	cd web && SERVER_BINARY="$(abspath $(TARGET))/debug/squelch" $(NPM) run test:browser

check: tools web ## formatting, lints, docs, licences
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check licenses bans sources

bench: tools web ## measure beside each peer that is installed, into docs/BENCHMARKS.md
	$(call need,taskset,util-linux,it keeps server and load apart)
	$(CARGO) bench --locked --bench servers -- --write $(CURDIR)/docs/BENCHMARKS.md

bench-parts: tools web ## measure an answer without sockets, and the reading of lists
	$(CARGO) bench --locked --bench query_path --bench lists

bench-matcher: tools web ## measure the matcher with a million and five million names
	$(CARGO) bench --locked --bench matcher

bench-years: tools web ## let years of a home pass, and measure the journal with 50 million rows
	$(call need,taskset,util-linux,it keeps server and load apart)
	$(CARGO) bench --locked --bench years

PEER ?= binary

scenarios: tools web ## play tests/scenarios against PEER=binary (us), unbound or dnsmasq, into docs/SCENARIOS.md
	$(if $(filter unbound,$(PEER)),$(call need,unbound,unbound,it is the peer))
	$(if $(filter dnsmasq,$(PEER)),$(call need,dnsmasq,dnsmasq-base,it is the peer))
	PEER=$(PEER) $(CARGO) test --locked --test integration -- --ignored --exact scenarios::against_a_peer --nocapture

nodes: tools postgres web ## three nodes, and their database away for a minute under 1,000 queries a second
	NEED_POSTGRES=1 NODES_AWAY_SECONDS=60 $(CARGO) test --locked --test integration -- --exact nodes::a_database_that_is_away_costs_no_answer_and_no_row --nocapture

web: web/dist/index.html

web/node_modules/.installed: web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && $(NPM) run build

.PHONY: tools clients postgres browser

# $(call need,PROGRAM,PACKAGE,WHY): installs Debian's package as root, else says how.
define need
@command -v $(1) >/dev/null || { \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		echo "installing $(2): $(3)"; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(2) >/dev/null; \
	else \
		echo "$(1) is missing, $(3): apt-get install $(2)" >&2; exit 1; \
	fi; }
endef

tools:
	@command -v $(firstword $(CARGO)) >/dev/null || { echo "Rust is missing: install it from https://rustup.rs, then try again." >&2; exit 1; }
	@command -v node >/dev/null && command -v $(firstword $(NPM)) >/dev/null || { echo "Node 20 or newer is missing (the dashboard is built with it): see https://nodejs.org" >&2; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node, 10) < 20 ? 1 : 0)' || { echo "Node is too old: 20 or newer is needed, this is $$(node --version)" >&2; exit 1; }
	$(call need,cc,build-essential,SQLite and TLS are built with a C compiler)

clients:
	$(call need,kdig,knot-dnsutils,encrypted DNS is asked with it)
	$(call need,curl,curl,DNS over HTTPS is asked with it)

browser:
	$(call need,chromium,chromium fonts-dejavu-core,the dashboard is tested in it)

# Its server is not on anybody's path. Who cannot install it has tests that say they were skipped.
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "installing postgresql: nodes share it in tests"; \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
		else \
			echo "PostgreSQL is missing, tests of several nodes are skipped: apt-get install postgresql" >&2; \
		fi; }
