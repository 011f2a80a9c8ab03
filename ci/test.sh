#!/usr/bin/env bash
# The test command of the README: unit tests, integration tests, examples of the documentation.
set -euo pipefail
cd "$(dirname "$0")/.."

ci/counted 1330 cargo test
