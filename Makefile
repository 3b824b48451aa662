# Everything a newcomer needs: `make demo` and `make test`. Every target can be run again at once.

# The demo, the tests and clippy use one set of features, so that the heavy crates compile once.
FEATURES := cli,eval,openai,test-util,server,mcp,postgres,otel
# Each of these is checked without the others; two at a time where neither has anything to do with the other.
EACH_FEATURE := whisper,postgres candle,otel edge,plot qdrant,fetch sqlite,documents openai,test-util server mcp cli eval
# What a build without features must not pull in.
HEAVY := candle|whisper|tokenizers|qdrant|sqlx|lopdf|html5gum|quick-xml|zip|chardetng

TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
ATTENDANT := $(TARGET_DIR)/debug/attendant
SAMPLE := examples/sample-call/call.wav

SHELL := /bin/bash
# A shell that is older than the Rust installation does not know where it is.
export PATH := $(PATH):$(HOME)/.cargo/bin
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup build models demo test test-light test-clients test-llama-server test-postgres lint features light bench-llm bench-speech bench-knowledge bench-server test-qdrant test-desktop test-kit sample

help:  ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)$$/\1\t\2/p' Makefile | expand -t 20

setup:  ## Install what is missing on this machine (Debian/Ubuntu packages; checks Rust)
	@bash scripts/setup.sh

build: setup
	@if [ -x "$(ATTENDANT)" ]; then echo "==> building attendant"; \
	else echo "==> building attendant (the first time takes long)"; fi
	@cargo build --features $(FEATURES)

models: build  ## Fetch the models into the cache folder (1.4 GB the first time)
	@echo "==> models"
	@"$(ATTENDANT)" models fetch

demo: models  ## Run the sample call: transcript, suggestions, cues, next actions, summary
	@echo "==> attendant assist $(SAMPLE)"
	@"$(ATTENDANT)" assist "$(SAMPLE)"

# Without nextest the tests with models run one after the other, for the sake of memory. Their binaries are
# built before any of them runs: models want the cores for themselves.
test: models  ## Run all tests, those with the real models too
	@if cargo nextest --version >/dev/null 2>&1; then \
	    echo "==> tests (cargo nextest)"; \
	    cargo nextest run --features $(FEATURES); \
	else \
	    echo "==> tests (cargo test)"; \
	    cargo test --no-run --features $(FEATURES) && \
	    cargo test --features $(FEATURES) --lib --bins && \
	    cargo test --features $(FEATURES) --test '*' -- --test-threads=1; \
	fi
	@$(MAKE) --no-print-directory test-postgres
	@echo "==> kernels, and examples in the documentation"
	@cargo test --quiet -p attendant-kernels
	@cargo test --doc --features $(FEATURES)
	@echo "==> examples"
	@for example in live_session summarize suggest chatbot approval strategy mcp_tool; do \
	    cargo run --quiet --features $(FEATURES) --example $$example >/dev/null || exit 1; \
	done

test-light: setup  ## Run the tests that need no models and no heavy crates (minutes, even when cold)
	@echo "==> tests without models"
	@cargo test --no-default-features --lib --test layering

# One after the other: each test has a server of its own, which uses all cores.
test-llama-server: models  ## Test the OpenAI adapter against llama.cpp's server (builds it the first time)
	@echo "==> tests with llama-server"
	@server=$$(bash scripts/peers.sh)/llama-server && \
	ATTENDANT_LLAMA_SERVER="$$server" cargo test --features $(FEATURES) --test suite -- \
	    --ignored --test-threads=1 llama_server::

# A folder for the screenshots: make test-desktop SHOTS=FOLDER
test-desktop: build  ## Test the agent desktop in a headless browser (installs Chromium, selenium and axe-core)
	@bash scripts/setup.sh desktop
	@echo "==> tests of the desktop"
	@bash tests/desktop/run.sh "$(ATTENDANT)" $(SHOTS)

test-kit: build  ## Test the clients of clients/ against a server (installs Chromium, selenium and TypeScript)
	@bash scripts/setup.sh desktop
	@echo "==> tests of the clients"
	@bash tests/kit/run.sh "$(ATTENDANT)"

# On a private server, which is removed afterwards; one test starts a server of its own and kills it.
test-postgres:  ## Test the PostgreSQL store against a real server (installs it the first time)
	@bash scripts/setup.sh postgres
	@echo "==> tests with PostgreSQL"
	@for tests in postgres server_crash; do \
	    bash scripts/postgres.sh run cargo test --features $(FEATURES) --test suite -- --ignored $$tests:: || exit 1; \
	done

# The adapter needs a feature that the other tests leave out.
test-qdrant: setup  ## Test the Qdrant server adapter; with a real server: make test-qdrant URL=http://host:6334
	@echo "==> tests of the Qdrant adapter"
	@$(if $(URL),ATTENDANT_QDRANT_URL="$(URL)") cargo test --features $(FEATURES),qdrant --lib knowledge::qdrant

test-clients: build  ## Public clients against the server: openai, an OpenAPI validator, schemathesis (from PyPI)
	@bash scripts/clients.sh "$(ATTENDANT)"

lint: setup  ## Formatting, clippy and rustdoc, warnings denied
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || \
	    { echo "==> cannot go on: run 'rustup component add rustfmt clippy'" >&2; exit 1; }
	@echo "==> formatting"
	@cargo fmt --all --check
	@echo "==> clippy"
	@cargo clippy --all-targets --features $(FEATURES) -- -D warnings
	@cargo clippy -p attendant-kernels --all-targets -- -D warnings
	@echo "==> documentation"
	@RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --features $(FEATURES)

features: setup light  ## Check the crate with few features, with none and with the default
	@echo "==> checking without features"
	@cargo check --quiet --no-default-features
	@set -e; for feature in $(EACH_FEATURE); do \
	    echo "==> checking only $$feature"; \
	    cargo check --quiet --no-default-features --features $$feature; \
	done
	@echo "==> checking the default features"
	@cargo check --quiet

light:  ## Check that the crate without features stays light, and that Cargo.lock is up to date
	@echo "==> weighing the crate without features"
	@tree=$$(cargo tree --locked --no-default-features --edges normal --prefix none) || exit 1; \
	heavy=$$(grep -E '^($(HEAVY))' <<< "$$tree" | sort -u || true); \
	if [ -n "$$heavy" ]; then \
	    echo "--no-default-features must stay light, but pulls in:"; echo "$$heavy"; exit 1; \
	fi

# The same profile as everything else: a release build would compile all dependencies once more.
bench-llm: models  ## Measure the local language model beside candle-transformers and llama.cpp (on a quiet machine)
	@peers=$$(bash scripts/peers.sh) && \
	ATTENDANT_LLAMACPP="$$peers" cargo bench --profile dev --features $(FEATURES) --bench llm

bench-speech: models  ## Measure speech beside whisper.cpp and faster-whisper: make bench-speech DATA=FOLDER
	@test -n "$(DATA)" || { echo "give a folder with manifest.jsonl and audio: make bench-speech DATA=FOLDER" >&2; exit 2; }
	@peers=$$(bash scripts/peers_speech.sh) && \
	ATTENDANT_SPEECH_PEERS="$$peers" ATTENDANT_SPEECH_DATA="$(abspath $(DATA))" \
	    cargo bench --profile dev --features $(FEATURES) --bench speech

bench-knowledge: models  ## Measure the knowledge base beside fastembed: make bench-knowledge [DOCS="FOLDER ..."] (on a quiet machine)
	@peers=$$(bash scripts/peers_knowledge.sh) && \
	ATTENDANT_KNOWLEDGE_PEERS="$$peers" cargo bench --profile dev --features $(FEATURES) --bench knowledge -- $(DOCS)

bench-server: models  ## Measure how many live conversations this machine serves (on a quiet machine)
	@cargo bench --profile dev --features $(FEATURES) --bench server

sample:  ## Make the sample call again from its script (needs sox and espeak-ng)
	@bash scripts/setup.sh sample
	@echo "==> examples/sample-call/make.sh"
	@bash examples/sample-call/make.sh
