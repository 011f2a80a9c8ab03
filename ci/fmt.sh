#!/usr/bin/env bash
# Formatting, of the crates beside this one too.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo fmt --check
cargo fmt --check --manifest-path fuzz/Cargo.toml
cargo fmt --check --manifest-path benches/comparison/Cargo.toml
