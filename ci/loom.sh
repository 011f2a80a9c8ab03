#!/usr/bin/env bash
# The state machines in every interleaving within the bound, and the planted bugs that must be found.
# LOOM_MAX_PREEMPTIONS sets another bound (2).
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTFLAGS='--cfg loom'
ci/counted 280 cargo test --locked --lib --profile loom --target-dir target/loom algo -- --nocapture
