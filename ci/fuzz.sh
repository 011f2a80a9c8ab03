#!/usr/bin/env bash
# Fuzzes every target for SECONDS_EACH seconds (20), or those that are named as arguments.
#
# cargo-fuzz is not needed: libFuzzer comes with the crate libfuzzer-sys, and what cargo-fuzz adds are the flags below.
# The coverage flags are stable ones; the address sanitizer is not, hence RUSTC_BOOTSTRAP.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${SECONDS_EACH:-20}
host=$(rustc -vV | sed -n 's/^host: //p')

export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
# Given a target, cargo keeps these flags from build scripts and derive macros.
cargo build --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --locked --release --target "$host"

(($#)) || set -- $(sed -n '/^\[\[bin\]\]/,/^$/s/^name = "\(.*\)"/\1/p' fuzz/Cargo.toml)
(($#)) || { echo "fuzz/Cargo.toml has no targets" >&2; exit 1; }

for target; do
    found=$(mktemp -d)
    artifacts=fuzz/artifacts/$target
    mkdir -p "$artifacts"
    # A message of 4 KiB that makes its reader allocate 64 MiB is a find, too.
    "target/fuzz/$host/release/$target" -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -malloc_limit_mb=64 -print_final_stats=1 -artifact_prefix="$artifacts/" "$found" "fuzz/corpus/$target" \
        </dev/null >"$found.log" 2>&1 || { tail -60 "$found.log" >&2; exit 1; }
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$found.log")
    # Without the coverage flags the fuzzer is blind, and would say so by a handful of covered edges.
    edges=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$found.log" | tail -1)
    rm -rf "$found" "$found.log"
    ((${runs:-0} > 10000 && ${edges:-0} > 100)) || {
        echo "$target ran ${runs:-0} inputs over ${edges:-0} edges only" >&2
        exit 1
    }
    echo "$target: $runs inputs, $edges edges, nothing found"
done
