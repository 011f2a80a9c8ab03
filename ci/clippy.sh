#!/usr/bin/env bash
# Lints: those of Cargo.toml and clippy.toml, every one an error; then the code that only the model checker's build has.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --locked --all-targets --all-features -- -D warnings
RUSTFLAGS='--cfg loom' cargo clippy --locked --lib --profile test --target-dir target/loom -- -D warnings
