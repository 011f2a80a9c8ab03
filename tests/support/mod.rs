//! What every integration test leans on: a watchdog per test, re-execution of the own binary for what must not
//! happen in the shared harness, and a look at what a test left behind.
//!
//! Rules of the house: a test is a sentence; it never asserts a maximum time, it stands under a [`watchdog!`]; what
//! counts descriptors, zombies or mappings, or changes something the whole process shares (signal dispositions,
//! limits, standard streams), runs alone in a process of its own ([`isolated`]).
//!
//! Environment: `PROCSHARE_TEST_SCALE` multiplies the number of repetitions (1 by default, 0.1 for a quick sample);
//! `PROCSHARE_TEST_PATIENCE` multiplies the watchdogs' seconds (for emulators and sanitizers).

// Each test binary uses its own part of this.
#![allow(dead_code, unused_imports)]

pub(crate) mod isolated;
pub(crate) mod leftovers;
pub(crate) mod os;
pub(crate) mod table;
pub(crate) mod watching;

pub(crate) use isolated::{Program, as_program, isolated, say};
pub(crate) use leftovers::Leftovers;
pub(crate) use watching::{Watchdog, eventually, wait_until};

/// Starts the watchdog of the test this stands in: `watchdog!(60);` aborts the process after 60 seconds.
macro_rules! watchdog {
    ($seconds:expr) => {
        let _watchdog = {
            fn here() {}
            $crate::support::Watchdog::start(
                $crate::support::isolated::path_of(std::any::type_name_of_val(&here)),
                $seconds,
            )
        };
    };
}
pub(crate) use watchdog;

/// `full` repetitions, scaled by `PROCSHARE_TEST_SCALE`; at least one.
pub(crate) fn scaled(full: usize) -> usize {
    let scale = factor("PROCSHARE_TEST_SCALE");
    ((full as f64 * scale).round() as usize).max(1)
}

/// The environment variable `name` as a positive factor; 1 when it is absent or nonsense.
fn factor(name: &str) -> f64 {
    let parsed = std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok());
    parsed.filter(|factor| factor.is_finite() && *factor > 0.0).unwrap_or(1.0)
}

/// Tells why a test could not run here, where the reader of its output finds it.
pub(crate) fn skip(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// Tells a figure, where the reader of the test's output finds it.
pub(crate) fn measured(figure: &str) {
    eprintln!("measured: {figure}");
}

/// A small generator of random numbers (SplitMix64), so that a failing seed can be printed and repeated.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A generator whose numbers follow from `seed` alone.
    pub(crate) fn seeded(seed: u64) -> Random {
        Random(seed)
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// The failure of a result that must be one.
#[track_caller]
pub(crate) fn failure<R>(result: Result<R, procshare::Failure>) -> procshare::Failure {
    match result {
        Ok(_) => panic!("a failure was due, and the child succeeded"),
        Err(failure) => failure,
    }
}
