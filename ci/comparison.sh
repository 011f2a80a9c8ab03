#!/usr/bin/env bash
# The crate that compares locks, queues and pools with other people's: linted, and every row of its tables played once. No figures.
set -euo pipefail
cd "$(dirname "$0")/.."

crate=(--locked --manifest-path benches/comparison/Cargo.toml --target-dir target/comparison)
cargo clippy "${crate[@]}" --all-targets -- -D warnings
# One after the other: a sample of some milliseconds must not be starved by the other tables.
ci/counted 5 cargo test "${crate[@]}" -- --test-threads=1
