#!/usr/bin/env bash
# SIGKILL at sampled instructions of every public operation, in optimised code: the one that ships.
# (`cargo test` does the same with unoptimised code, but for the locks and signals.) PROCSHARE_SWEEP=full takes every instruction.
set -euo pipefail
cd "$(dirname "$0")/.."

ci/counted 142 cargo test --locked --release --test killsweep -- --nocapture
