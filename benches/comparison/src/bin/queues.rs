//! Measures queues between processes: ratios of one run.

use clap::Parser;

fn main() {
    comparison::queues::run(&comparison::queues::Options::parse());
}
