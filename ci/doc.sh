#!/usr/bin/env bash
# The documentation builds without a warning. (Its examples are run by `cargo test`.)
set -euo pipefail
cd "$(dirname "$0")/.."

RUSTDOCFLAGS='-D warnings' cargo doc --locked --no-deps --all-features
