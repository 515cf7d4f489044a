#!/bin/sh
# Runs every test: with cargo-nextest when it is there (limits and groups in .config/nextest.toml), else with cargo test.
set -eu
cd "$(dirname "$0")/.."

if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run "$@"
    # nextest does not run the examples in the documentation.
    cargo test --doc --quiet
else
    echo "test: cargo-nextest is not installed; running cargo test, one program at a time" >&2
    # Tests that start real programs share the machine's cores badly.
    RUST_TEST_THREADS="${RUST_TEST_THREADS:-2}" cargo test "$@"
fi
