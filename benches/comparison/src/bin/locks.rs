//! Measures locks and signals between processes: ratios of one run.

use clap::Parser;

fn main() {
    comparison::locks::run(&comparison::locks::Options::parse());
}
