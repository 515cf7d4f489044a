#!/bin/sh
# Brings a machine to where `make demo` or `make test` can run. What is there is left alone, whoever installed it; what
# is missing is installed with apt-get when that needs no password, and otherwise named.
#
#   scripts/setup.sh demo    what building and the demonstration need
#   scripts/setup.sh test    that, and the programs that the tests start
set -eu

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# One line for each package: its Debian name, then the test that it is not needed any more.
present() {
    case "$1" in
        build-essential) have cc && have make ;;
        chromium) have chromium || have chromium-browser || have google-chrome ;;
        # Without a Chinese font the demonstration's pages are boxes.
        fonts-noto-cjk) have fc-list && [ -n "$(fc-list ':lang=zh' family 2>/dev/null | head -n 1)" ] ;;
        baresip-core) have baresip ;;
        sip-tester) have sipp ;;
        sox) have sox ;;
        libsox-fmt-all) have sox && sox --help 2>/dev/null | grep -q 'AUDIO FILE FORMATS.* mp3' ;;
        *) die "no test for package $1" ;;
    esac
}

demo="build-essential chromium fonts-noto-cjk"
tests="baresip-core sip-tester sox libsox-fmt-all"

case "${1:-}" in
    demo) wanted="$demo" ;;
    test) wanted="$demo $tests" ;;
    *) die "say what for: scripts/setup.sh demo | test" ;;
esac

# Cargo is the one thing that we do not install: which Rust a machine has is its owner's choice.
have cargo || die "cargo is missing; install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml") or later with rustup"

missing=""
for package in $wanted; do
    if present "$package"; then
        say "$package: there"
    else
        say "$package: missing"
        missing="$missing $package"
    fi
done
missing="${missing# }"
[ -n "$missing" ] || { say "everything for '$1' is there"; exit 0; }

command="apt-get install -y --no-install-recommends $missing"
have apt-get || die "this is no Debian; install by your system's means what these packages hold: $missing"
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif have sudo && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    say "missing: $missing"
    die "not root, so run this and try again:  sudo $command"
fi

log="$(mktemp)"
trap 'rm -f "$log"' EXIT
run() {
    # $as_root is two words or none.
    # shellcheck disable=SC2086
    $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 </dev/null
}

say "apt-get update"
run apt-get -o DPkg::Lock::Timeout=120 update || say "apt-get update failed; trying with the lists that are there"
say "$command"
# shellcheck disable=SC2086
if ! run apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends $missing; then
    tail -n 20 "$log" >&2
    die "apt-get could not install: $missing"
fi

for package in $missing; do
    present "$package" || die "$package is installed, yet what it should bring is not found"
    say "$package: installed"
done
say "everything for '$1' is there"
