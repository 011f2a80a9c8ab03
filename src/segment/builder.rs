//! How the arena is set up, before its first use.

use super::error::AllocError;
use super::member;
use crate::algo::Word;
use crate::sys::{available_memory, default_capacity};

/// Sets up the arena that this process and all processes forked from it share.
///
/// Only of use before anything else of this crate: the first shared value or process makes the arena with the defaults,
/// and it can not be changed later. The environment variables `PROCSHARE_CAPACITY`, `PROCSHARE_PARTICIPANTS` and
/// `PROCSHARE_WARM` (numbers, with an optional `K`, `M`, `G` or `T` of 1024s) replace the defaults, not what is set here.
///
/// # Examples
/// ```
/// procshare::arena::Builder::new().capacity(8 << 30).participants(64).build()?;
/// assert!(procshare::arena::stats().capacity >= 4 << 30);
/// # Ok::<(), procshare::arena::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    config: Config,
}

/// What an arena is made from.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Bytes of address space.
    pub(super) capacity: usize,
    /// Less will do, if the kernel refuses so much.
    pub(super) capacity_is_a_wish: bool,
    pub(super) participants: usize,
    /// Bytes of freed memory that are kept.
    pub(super) warm: usize,
    pub(super) prepopulate: bool,
}

/// Why the arena was not set up as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The arena exists already, with other settings perhaps: something used it before. It is as it was.
    #[error("the arena exists already; set it up before the first shared value or process")]
    AlreadyBuilt,
    /// The kernel refused it. There is no arena; the next use tries again with the defaults.
    #[error("the arena could not be made: {0}")]
    Refused(#[from] AllocError),
}

/// Parses "64", "512M", "2G".
pub(super) fn parse_bytes(text: &str) -> Option<usize> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return None,
    };
    digits.trim().parse::<usize>().ok()?.checked_mul(1 << shift)
}

impl Config {
    /// The defaults, as far as the environment does not say otherwise. What it says wrongly is ignored.
    pub(super) fn from_environment() -> Self {
        let set = |name| std::env::var(name).ok().as_deref().and_then(parse_bytes);
        let capacity = set("PROCSHARE_CAPACITY");
        Self {
            capacity: capacity.unwrap_or_else(default_capacity),
            capacity_is_a_wish: capacity.is_none(),
            participants: set("PROCSHARE_PARTICIPANTS").unwrap_or(1024).clamp(2, MOST_PARTICIPANTS),
            warm: set("PROCSHARE_WARM").unwrap_or_else(default_warm),
            prepopulate: true,
        }
    }
}

/// What a seat number of 16 bits can tell apart, less the one that means nobody and the one that means a queue.
const MOST_PARTICIPANTS: usize = Word::QUEUE as usize;

/// A sixteenth of what is available at the start, 1 GiB at most.
fn default_warm() -> usize {
    usize::try_from(available_memory() / 16).unwrap_or(usize::MAX).min(1 << 30)
}

impl Default for Builder {
    fn default() -> Self {
        Self::new()
    }
}

impl Builder {
    /// Begins with the defaults: capacity the smaller of 1 TiB and 16 times the memory, 1024 participants, and a
    /// sixteenth of the available memory (1 GiB at most) kept warm.
    pub fn new() -> Self {
        Self { config: Config::from_environment() }
    }

    /// Reserves `bytes` of address space: the most that all shared objects together can ever take. Costs no memory.
    pub fn capacity(mut self, bytes: usize) -> Self {
        self.config.capacity = bytes;
        self.config.capacity_is_a_wish = false;
        self
    }

    /// Lets up to `processes` processes take part at once (2 to 65535); each seat costs 64 bytes from the start, and a
    /// page once used.
    pub fn participants(mut self, processes: usize) -> Self {
        self.config.participants = processes.clamp(2, MOST_PARTICIPANTS);
        self
    }

    /// Keeps up to `bytes` of freed memory for the next allocation: reuse is several times as fast as fresh memory. 0
    /// gives everything back at once.
    pub fn warm(mut self, bytes: usize) -> Self {
        self.config.warm = bytes;
        self
    }

    /// Whether memory is made resident when it is allocated (the default), so that touching it later can not fail.
    ///
    /// Without it an allocation costs next to nothing and the first touch of each page pays, in whichever process
    /// touches it, which is faster when many processes fill a large array. But then a machine that has run out of memory
    /// answers the touch by killing a process. Where the kernel commits strictly (`vm.overcommit_memory` is 2), it has no effect.
    pub fn prepopulate(mut self, yes: bool) -> Self {
        self.config.prepopulate = yes;
        self
    }

    /// Makes the arena. Does not block.
    ///
    /// # Errors
    /// [`BuildError::AlreadyBuilt`] if it exists already; [`BuildError::Refused`] if the kernel refused it.
    pub fn build(self) -> Result<(), BuildError> {
        member::found(self.config)
    }
}
