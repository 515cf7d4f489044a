# The commands of the project. `make` alone prints them.

MAKEFLAGS += --no-print-directory
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Words handed on to the program: make demo ARGS="--once --json"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench

help: ## print this
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

setup: ## install what the demonstration and the tests need
	@scripts/setup.sh test

# Only the program itself writes to stdout, so that --json can be read by a program.
demo: ## play a customer's call, show both screens (ARGS="--once --json", ARGS="--network cellular")
	@scripts/setup.sh demo >&2
	@cargo build --release >&2
	@exec $(TARGET)/release/tandem demo $(ARGS)

test: ## set up and run every test
	@scripts/setup.sh test
	@scripts/test.sh

check: ## format, lints, licences and advisories, fast tests
	@scripts/check.sh

bench: ## measure calls, packets and parsing (ARGS=…); writes target/bench.json
	@scripts/setup.sh test >&2
	@cargo build --release >&2
	@exec $(TARGET)/release/tandem bench $(ARGS)
