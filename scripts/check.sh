#!/bin/sh
# The quick checks before a commit: format, lints, licences and advisories, unit tests. Needs no set-up beyond building.
set -eu
cd "$(dirname "$0")/.."

say() { printf '==> %s\n' "$*" >&2; }

say "cargo fmt"
cargo fmt --check

say "cargo clippy"
cargo clippy --all-targets -- -D warnings

if cargo deny --version >/dev/null 2>&1; then
    say "cargo deny"
    cargo deny check
else
    say "cargo deny is not installed, so licences and advisories are NOT checked (cargo install --locked cargo-deny)"
fi

say "unit tests"
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --lib --bins
else
    cargo test --lib --bins
fi
