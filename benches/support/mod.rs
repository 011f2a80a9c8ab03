//! What the benches share: interleaved rounds, medians, ratios in one run, pinning, and what else the machine did.
//!
//! Absolute times of a small virtual machine mean little; what counts is the ratio of two rows of one table, taken
//! round by round, so that a disturbance falls on both. Nothing here asserts anything.

#![allow(unsafe_code)] // affinity and CPU times come from the kernel
#![allow(dead_code)] // each bench uses its own part

pub(crate) mod by_hand;

use std::fmt::Write;
use std::fs;
use std::hint;
use std::io::Error;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

/// Whether this is a measurement (`cargo bench`) or only a look whether the bench still runs (`cargo test --benches`).
pub(crate) fn measuring() -> bool {
    std::env::args().any(|argument| argument == "--bench")
}

/// `rounds` in a measurement, else one.
pub(crate) fn rounds(rounds: usize) -> usize {
    if measuring() { rounds } else { 1 }
}

/// Milliseconds that `task` takes.
pub(crate) fn milliseconds(task: impl FnOnce()) -> f64 {
    let began = Instant::now();
    task();
    began.elapsed().as_secs_f64() * 1e3
}

/// Microseconds that `task` takes.
pub(crate) fn microseconds(task: impl FnOnce()) -> f64 {
    milliseconds(task) * 1e3
}

/// Nanoseconds that one of `times` turns of `task` takes, the drop of what it makes included.
pub(crate) fn nanoseconds_each<T>(times: u32, mut task: impl FnMut(u32) -> T) -> f64 {
    milliseconds(|| (0..times).for_each(|turn| drop(hint::black_box(task(turn))))) * 1e6 / f64::from(times)
}

/// The middle one of `samples`; NaN if there is none.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
    }
}

/// Something to measure: its name, and one sample of it.
pub(crate) type Item<'a> = (&'a str, &'a mut dyn FnMut() -> f64);

/// Samples of several items, taken in rounds.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<(String, Vec<f64>)>,
}

impl Table {
    /// Takes `rounds` samples of every item, one of each in each round, another one first each time.
    pub(crate) fn interleave(rounds: usize, items: &mut [Item<'_>]) -> Self {
        let mut table =
            Self { rows: items.iter().map(|(name, _)| ((*name).to_owned(), Vec::new())).collect() };
        let count = items.len();
        for round in 0..rounds {
            for at in 0..count {
                let turn = (at + round) % count;
                let sample = items[turn].1();
                table.rows[turn].1.push(sample);
            }
        }
        table
    }

    /// Adds one sample to the row `name`, which is made if need be.
    pub(crate) fn push(&mut self, name: &str, sample: f64) {
        match self.rows.iter_mut().find(|(row, _)| row == name) {
            Some((_, samples)) => samples.push(sample),
            None => self.rows.push((name.to_owned(), vec![sample])),
        }
    }

    /// Puts the rows into the order of their names.
    pub(crate) fn sort(&mut self) {
        self.rows.sort_by(|one, other| one.0.cmp(&other.0));
    }

    /// The samples of a row.
    pub(crate) fn samples(&self, name: &str) -> &[f64] {
        self.rows.iter().find(|(row, _)| row == name).map_or(&[], |(_, samples)| samples)
    }

    /// Prints least, median, and the ratio to the row `base`: the median of the rounds' own ratios.
    pub(crate) fn print(&self, title: &str, unit: &str, base: &str) {
        let mut text = format!("\n{title}\n{:<62}{:>10}{:>10}{:>9}\n", unit, "min", "median", "ratio");
        let against = self.samples(base);
        for (name, samples) in &self.rows {
            let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
            let ratios: Vec<f64> = samples.iter().zip(against).map(|(sample, base)| sample / base).collect();
            let mark = if name == base { " =" } else { "" };
            let _ = writeln!(
                text,
                "{name:<62}{least:>10.2}{:>10.2}{:>9.3}{mark}",
                median(samples),
                median(&ratios)
            );
        }
        print!("{text}");
    }
}

/// Keeps the calling thread, and whom it forks from here on, on one CPU.
pub(crate) fn pin(cpu: usize) {
    let mut cpus = no_cpus();
    // SAFETY: sets one bit of the set; the modulus keeps it within the machine's CPUs.
    unsafe { libc::CPU_SET(cpu % cpus_online(), &mut cpus) };
    set_affinity(&cpus);
}

/// Lets the calling thread, and whom it forks from here on, run everywhere.
pub(crate) fn unpin() {
    let mut cpus = no_cpus();
    for cpu in 0..cpus_online() {
        // SAFETY: sets one bit of the set, for a CPU that exists.
        unsafe { libc::CPU_SET(cpu, &mut cpus) };
    }
    set_affinity(&cpus);
}

fn cpus_online() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get).max(2)
}

fn no_cpus() -> libc::cpu_set_t {
    // SAFETY: a set of bits, for which zero means none.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn set_affinity(cpus: &libc::cpu_set_t) {
    // SAFETY: reads the set and changes where this thread may run, or fails.
    let done = unsafe { libc::sched_setaffinity(0, size_of_val(cpus), cpus) };
    if done != 0 {
        eprintln!("not pinned: {}", Error::last_os_error());
    }
}

/// What the machine did beside the bench, from its making to `print`.
#[derive(Debug)]
pub(crate) struct Noise {
    began: Instant,
    machine: Duration,
    own: Duration,
}

impl Noise {
    pub(crate) fn listen() -> Self {
        Self { began: Instant::now(), machine: machine_busy(), own: own_busy() }
    }

    /// Prints how busy others were, and a cache line's round trip between two CPUs: both belong to the figures.
    pub(crate) fn print(&self) {
        let spent = self.began.elapsed();
        let all = machine_busy().saturating_sub(self.machine);
        let others = all.saturating_sub(own_busy().saturating_sub(self.own));
        let cores = others.as_secs_f64() / spent.as_secs_f64().max(1e-9);
        let line = line_round_trip();
        println!(
            "\nothers used {cores:.2} core (above 0.15 the figures are disturbed); a cache line's round trip {line:.0} ns; {:.0} s in all",
            spent.as_secs_f64()
        );
    }
}

/// CPU time that everybody spent, stolen time included.
fn machine_busy() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> =
        stat.lines().next().unwrap_or("").split_whitespace().skip(1).flat_map(str::parse).collect();
    // user nice system idle iowait irq softirq steal
    let busy: u64 =
        fields.iter().take(8).enumerate().filter(|(at, _)| *at != 3 && *at != 4).map(|(_, n)| n).sum();
    Duration::from_millis(busy * 10)
}

/// CPU time of this process and of its children that were waited for.
fn own_busy() -> Duration {
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN].into_iter().map(cpu_time).sum()
}

fn cpu_time(who: i32) -> Duration {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the place is as large as the kernel's answer.
    unsafe { libc::getrusage(who, usage.as_mut_ptr()) };
    // SAFETY: integers, zeroed above.
    let usage = unsafe { usage.assume_init() };
    [usage.ru_utime, usage.ru_stime]
        .map(|t| {
            Duration::from_secs(t.tv_sec.cast_unsigned()) + Duration::from_micros(t.tv_usec.cast_unsigned())
        })
        .iter()
        .sum()
}

/// Nanoseconds that one word takes from one CPU to the other and back, both spinning.
fn line_round_trip() -> f64 {
    const TRIPS: u32 = 20_000;
    if cpus_online() < 2 {
        return f64::NAN;
    }
    let word = AtomicU64::new(0);
    let wait_for = |odd: u64| {
        while word.load(Relaxed) & 1 != odd {
            hint::spin_loop();
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(1);
            for _ in 0..TRIPS {
                wait_for(1);
                word.fetch_add(1, Relaxed);
            }
        });
        let there = scope.spawn(|| {
            pin(0);
            nanoseconds_each(TRIPS, |_| {
                wait_for(0);
                word.fetch_add(1, Relaxed);
            })
        });
        there.join().unwrap_or(f64::NAN)
    })
}
