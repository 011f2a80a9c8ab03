#!/usr/bin/env bash
# The library builds without a warning with no feature, with each one alone, and with all; and on the other supported
# architecture, where its standard library is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

features=$(sed -n '/^\[features\]/,/^$/s/^\([a-z_]*\) = .*/\1/p' Cargo.toml | grep -v '^default$')
for set in '' $features; do
    echo "features: ${set:-none}"
    cargo clippy --quiet --locked --lib --no-default-features --features "$set" -- -D warnings
done
cargo clippy --quiet --locked --lib --all-features -- -D warnings

other=aarch64-unknown-linux-gnu
if [[ -d $(rustc --print sysroot)/lib/rustlib/$other ]]; then
    cargo clippy --quiet --locked --lib --all-features --target "$other" -- -D warnings
else
    echo "not checked: $other is not installed"
fi
