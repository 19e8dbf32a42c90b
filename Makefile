# The two commands are `make run` and `make test`; `make help` lists the rest.

CARGO ?= cargo
NPM ?= npm
TARGET := $(or $(CARGO_TARGET_DIR),target)
BINARY := $(TARGET)/release/squelch
WEB_SOURCES := $(shell find web/src web/index.html web/vite.config.ts web/package.json -type f 2>/dev/null)

.PHONY: help run build test check bench web fmt

help: ## what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: build ## build everything and serve on loopback, ports 5300 (DNS) and 8053 (dashboard)
	$(BINARY) serve --config docs/try.toml

build: tools web ## the release binary with the dashboard in it
	$(CARGO) build --release --locked

test: tools web web/node_modules/.installed ## set up, and run all tests
	$(CARGO) test --locked
	cd web && $(NPM) run check && $(NPM) run test:unit
	cd web && SERVER_BINARY="$(abspath $(TARGET))/debug/squelch" $(NPM) run test:browser

check: tools web ## formatting, lints, docs, licences
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items
	$(CARGO) deny --version >/dev/null 2>&1 || $(CARGO) install --locked cargo-deny
	$(CARGO) deny check licenses bans sources

bench: tools ## measure the query path
	$(CARGO) bench --locked

web: web/dist/index.html

web/node_modules/.installed: web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.installed $(WEB_SOURCES)
	cd web && $(NPM) run build

.PHONY: tools
tools:
	@command -v $(firstword $(CARGO)) >/dev/null || { echo "Rust is missing: install it from https://rustup.rs, then try again." >&2; exit 1; }
	@command -v cc >/dev/null || { echo "A C compiler is missing (SQLite and TLS need one): apt-get install build-essential" >&2; exit 1; }
	@command -v node >/dev/null && command -v $(firstword $(NPM)) >/dev/null || { echo "Node 20 or newer is missing (the dashboard is built with it): apt-get install nodejs npm, or see https://nodejs.org" >&2; exit 1; }
	@node -e 'process.exit(parseInt(process.versions.node, 10) < 20 ? 1 : 0)' || { echo "Node is too old: 20 or newer is needed, this is $$(node --version)" >&2; exit 1; }
