//! Prints the fault table: the same accidents, several libraries.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    comparison::faults::run(&comparison::faults::Options::parse())
}
