# `make demo` and `make test` do everything, from a fresh machine with rustup, Node 20+, Python 3.10+
# and make. A second run does only what changed.
#
#   make demo     build the demo site and serve it with signaling on one port (PORT=8000)
#   make test     format, lint and test everything, up to real browsers
#   make dist     the wheel and the npm tarball, in dist/
#   make build    the engine and the extension
#   make bench    join, throughput, keystrokes, healing and size, beside y-webrtc and the bare data channel
#   make soak     the simulation with many more seeds (SEEDS=20000), random schedules in real browsers
#                 (SCHEDULES=50), longer network failures, and each fuzz target (FUZZ_SECONDS=60)
#   make lint     formatters and linters only
#   make pictures take the pictures of the documentation again
#   make clean    throw away what was built; make distclean: and what was installed

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.SUFFIXES:

export PATH := $(CURDIR)/.tools/bin:$(HOME)/.cargo/bin:$(PATH)
PORT ?= 8000

VENV := .venv/bin
STAMPS := target/stamps
PKG := pkg/jupyterlite_webrtc_bg.wasm
LIB := $(STAMPS)/lib
LABEXTENSION := python/jupyterlite_webrtc/labextension/package.json
NODE_MODULES := node_modules/.package-lock.json
SIGNALING := target/release/jupyterlite-webrtc-signaling

find = $(shell find $(1) -type f -name '$(2)' 2>/dev/null)
ENGINE_SOURCES := Cargo.toml Cargo.lock $(call find,src,*.rs)
SIGNALING_SOURCES := Cargo.toml Cargo.lock signaling/Cargo.toml $(call find,signaling/src,*.rs)
SHIM_SOURCES := $(filter-out %.test.ts,$(call find,js-shim,*.ts)) tsconfig.json
LAB_SOURCES := package.json webpack.config.cjs $(call find,schema,*.json) $(call find,style,*)
WHEEL_SOURCES := python/pyproject.toml python/install.json python/README.md $(call find,python/jupyterlite_webrtc,*.py)

.PHONY: all build demo dist lint test test-rust test-wasm test-ts test-signaling test-e2e test-network bench soak soak-simulation soak-schedules soak-network soak-fuzz pictures clean distclean
all: build

# ---------------------------------------------------------------- tools and packages

# Each of these is a note that the tools were found or installed.
$(STAMPS)/rust $(STAMPS)/fuzz $(STAMPS)/node $(STAMPS)/python $(STAMPS)/browsers $(STAMPS)/network: $(STAMPS)/%: scripts/ensure.sh
	@mkdir -p $(@D)
	scripts/ensure.sh $*
	@touch $@

# Cargo.lock names the version of wasm-bindgen that the command line tool must have.
$(STAMPS)/wasm: scripts/ensure.sh Cargo.lock
	@mkdir -p $(@D)
	scripts/ensure.sh wasm
	@touch $@

# `npm install` with the lock file, not `npm ci`: that refuses a lock file without the optional packages
# of other platforms, which a registry may not have. Nothing here needs a package's own scripts.
$(NODE_MODULES): package.json package-lock.json | $(STAMPS)/node
	npm install --no-save --ignore-scripts --no-audit --no-fund
	@touch $@

$(STAMPS)/venv: requirements.txt | $(STAMPS)/python
	@mkdir -p $(@D)
	test -x $(VENV)/python || python3 -m venv .venv
	$(VENV)/pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# ---------------------------------------------------------------- build

build: $(PKG) $(LABEXTENSION) $(SIGNALING)

# What every browser of the last years has. All of wasm-opt's features would be more than any has.
WASM_FEATURES := --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext \
  --enable-mutable-globals --enable-reference-types --enable-multivalue

# Found by trying, and measured compressed: a fourteenth smaller than -Oz alone. Nothing lives in the first
# kilobyte of Rust's memory. Functions that are called once are not put into their caller when they are
# large: it saves bytes, but then gzip no longer finds what is alike in them.
WASM_SMALL := --one-caller-inline-max-function-size 20 \
  --low-memory-unused --flatten --rereloop -Oz --gufa-optimizing -Oz

# wasm-pack would fetch its own wasm-opt, so that step is off (Cargo.toml) and done here. Panic messages
# name source files: as paths of the crates, not of this machine.
$(PKG): $(ENGINE_SOURCES) scripts/short-names.mjs $(STAMPS)/wasm | $(NODE_MODULES)
	RUSTFLAGS="--remap-path-prefix=$(HOME)/.cargo/registry/src=crates" wasm-pack build --release --target web --mode no-install --no-pack --out-dir pkg
	node_modules/.bin/wasm-dis $(WASM_FEATURES) -o $(PKG).wat $(PKG)
	node scripts/short-names.mjs pkg/jupyterlite_webrtc.js $(PKG).wat
	node_modules/.bin/wasm-opt $(WASM_FEATURES) $(WASM_SMALL) -o $(PKG).tmp $(PKG).wat
	mv $(PKG).tmp $(PKG)
	rm -f pkg/.gitignore $(PKG).wat

$(LIB): $(SHIM_SOURCES) $(PKG) $(NODE_MODULES)
	rm -rf lib
	npm run --silent build:lib
	@touch $@

$(LABEXTENSION): $(LIB) $(LAB_SOURCES)
	npm run --silent build:labextension
	@touch $@

$(SIGNALING): $(SIGNALING_SOURCES) | $(STAMPS)/rust
	cargo build --release --package jupyterlite-webrtc-signaling
	@touch $@

$(STAMPS)/wheel: $(LABEXTENSION) $(WHEEL_SOURCES) $(STAMPS)/venv
	@mkdir -p dist
	rm -f dist/*.whl
	$(VENV)/pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist ./python
	@touch $@

$(STAMPS)/tarball: $(LIB) $(PKG) package.json $(wildcard README.md)
	@mkdir -p dist
	rm -f dist/*.tgz
	npm pack --silent --ignore-scripts --pack-destination dist
	@touch $@

dist: $(STAMPS)/wheel $(STAMPS)/tarball
	@ls -l dist

# ---------------------------------------------------------------- sites

# The wheel as a site author would install it.
$(STAMPS)/installed: $(STAMPS)/wheel
	$(VENV)/pip install --quiet --disable-pip-version-check --force-reinstall --no-deps dist/*.whl
	@touch $@

DEMO_SOURCES := demo/jupyter-lite.json $(call find,demo/content,*)

$(STAMPS)/demo: $(STAMPS)/installed $(DEMO_SOURCES)
	rm -rf demo/_output
	(cd demo && $(CURDIR)/$(VENV)/jupyter lite build --contents content --output-dir _output --no-sourcemaps) >target/demo.log 2>&1 || { tail -n 40 target/demo.log; exit 1; }
	@touch $@

demo: $(STAMPS)/demo $(SIGNALING)
	@node scripts/demo.mjs $(PORT)

# The site of the browser tests: the demo's, with the application within the tests' reach.
$(STAMPS)/site: $(STAMPS)/installed $(DEMO_SOURCES) scripts/test-site.mjs $(call find,tests/e2e/content,*)
	node scripts/test-site.mjs target/lite
	rm -rf target/site
	(cd target/lite && $(CURDIR)/$(VENV)/jupyter lite build --contents content --output-dir ../site --no-sourcemaps) >target/site.log 2>&1 || { tail -n 40 target/site.log; exit 1; }
	@touch $@

# ---------------------------------------------------------------- tests

lint: $(STAMPS)/wasm $(NODE_MODULES) $(PKG)
	cargo fmt --all --check
	cargo fmt --manifest-path fuzz/Cargo.toml --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo clippy --package jupyterlite-webrtc --target wasm32-unknown-unknown --lib --test browser -- -D warnings
	npm run --silent lint:check
	npx tsc -p tsconfig.test.json

test: lint test-rust test-ts test-wasm test-signaling test-e2e test-network

test-rust: $(STAMPS)/rust
	cargo test --workspace

test-wasm: $(STAMPS)/wasm $(STAMPS)/browsers $(SIGNALING)
	WASM_BINDGEN_TEST_TIMEOUT=180 scripts/with-signaling.sh wasm-pack test --headless --chrome --chromedriver "$$(command -v chromedriver)" --mode no-install -- --test browser

test-ts: $(NODE_MODULES) $(PKG)
	npm test --silent

# y-webrtc's own client against our server.
test-signaling: $(SIGNALING) $(NODE_MODULES)
	SIGNALING_BIN="$(CURDIR)/$(SIGNALING)" node --test signaling/tests/y-webrtc/*.test.mjs

test-e2e: $(STAMPS)/site $(SIGNALING) $(STAMPS)/browsers
	SITE_DIR="$(CURDIR)/target/site" SIGNALING_BIN="$(CURDIR)/$(SIGNALING)" node --test --test-concurrency=1 tests/e2e/*.test.mjs

# Real browsers in networks of their own: no way between them, a TURN server, bad lines.
test-network: $(STAMPS)/site $(SIGNALING) $(STAMPS)/browsers $(STAMPS)/network
	SITE_DIR="$(CURDIR)/target/site" SIGNALING_BIN="$(CURDIR)/$(SIGNALING)" node tests/network/run.mjs

SEEDS ?= 20000

soak: soak-simulation soak-schedules soak-network soak-fuzz

soak-simulation: $(STAMPS)/rust
	SEEDS=$(SEEDS) cargo test --release --test simulation -- everything_ files_come_and_go of_many_files pages_that_come_and_go

# The first seed and how many of them; with SEED alone it is that one.
SCHEDULES ?= $(if $(SEED),1,50)

soak-schedules: $(STAMPS)/site $(SIGNALING) $(STAMPS)/browsers
	SCHEDULES=$(SCHEDULES) SITE_DIR="$(CURDIR)/target/site" SIGNALING_BIN="$(CURDIR)/$(SIGNALING)" node --test tests/e2e/schedules.test.mjs

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(sort $(basename $(notdir $(wildcard fuzz/fuzz_targets/*.rs))))

# What is new goes to target/fuzz; what is worth keeping is copied to fuzz/corpus by hand. An input is
# 64 KiB at most, so whoever allocates a thousand times that has believed a length. Leaks are not looked
# for where yrs documents are made: one with a subdocument is never freed. The library makes none.
soak-fuzz: $(STAMPS)/fuzz
	cargo +nightly fuzz build
	for target in $(FUZZ_TARGETS); do \
	  mkdir -p target/fuzz/$$target; \
	  echo "fuzzing $$target for $(FUZZ_SECONDS) s"; \
	  leaks=1; case $$target in update | replica) leaks=0 ;; esac; \
	  ASAN_OPTIONS=detect_leaks=$$leaks cargo +nightly fuzz run $$target target/fuzz/$$target fuzz/corpus/$$target -- \
	    -max_len=65536 -len_control=300 -timeout=20 -rss_limit_mb=2048 -malloc_limit_mb=64 \
	    -detect_leaks=$$leaks -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1; \
	done

# The same as test-network, with the network and the pages away for longer (seconds).
soak-network: export CUT = 40
soak-network: export UNPLUGGED = 90
soak-network: export FROZEN = 120
soak-network: export PATIENCE = 120000
soak-network: test-network

bench: $(PKG) $(LABEXTENSION) $(SIGNALING) $(NODE_MODULES) $(STAMPS)/browsers $(STAMPS)/network
	SIGNALING_BIN="$(CURDIR)/$(SIGNALING)" node bench/run.mjs

pictures: $(STAMPS)/site $(SIGNALING) $(STAMPS)/browsers
	SITE_DIR="$(CURDIR)/target/site" SIGNALING_BIN="$(CURDIR)/$(SIGNALING)" node scripts/pictures.mjs

clean:
	rm -rf lib pkg dist target/stamps target/site target/lite demo/_output python/jupyterlite_webrtc/labextension
	rm -f demo/.jupyterlite.doit.db

distclean: clean
	rm -rf target fuzz/target fuzz/artifacts node_modules .venv .tools
