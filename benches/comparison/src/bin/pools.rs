//! Measures pools of workers: ratios of one run.

use clap::Parser;

fn main() {
    // Of a worker of procspawn, which is this program begun anew, all the rest of `main` is here.
    procspawn::init();
    comparison::pools::run(&comparison::pools::Options::parse());
}
