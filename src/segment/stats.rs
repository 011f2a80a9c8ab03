//! What the arena holds, counted from its heads; and whether they make sense.

use super::arena::existing;
use super::heap::{self, objects, with_heap};
use super::layout::{PAGE, UNITS};
use super::sweep;
use super::{limbo, member};
use crate::algo::{Kind, Occupant, Refusal, slab};

/// What the arena held when it was counted. Other processes go on meanwhile: stale at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes of address space: what can be allocated at the very most, and what its tables take.
    pub capacity: u64,
    /// Bytes of all blocks in use, rounded up to their classes or pages.
    pub used: u64,
    /// Bytes of memory set aside: blocks in use, the free parts of slabs, and warm pages.
    pub committed: u64,
    /// Bytes of freed memory that are kept for the next allocation.
    pub warm: u64,
    /// Bytes of memory that the kernel has given the arena, its tables included. 0 if the program closed the descriptor that
    /// this is asked of.
    pub resident: u64,
    /// Blocks in use: values, arrays, messages, and the crate's own records.
    pub blocks: u64,
    /// Processes that take part, those included that died and are not swept yet.
    pub participants: u64,
}

/// The arena's control words are not what this crate writes: a process damaged them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the arena is corrupt at page {page}: {reason}")]
#[non_exhaustive]
pub struct Corrupt {
    /// The page of the arena's data where the walk could not go on.
    pub page: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

/// Counts what the arena holds. Zeros before the first use.
///
/// Walks all blocks, a few nanoseconds each; blocks while another process takes memory.
///
/// # Examples
/// ```
/// let before = procshare::arena::stats().used;
/// let array = procshare::Array::<f64>::zeroed(1 << 20)?;
/// assert_eq!(procshare::arena::stats().used - before, 8 << 20);
/// # drop(array);
/// # Ok::<(), procshare::AllocError>(())
/// ```
pub fn stats() -> Stats {
    count().unwrap_or_default()
}

/// Walks the heap, checks every head and claim, sweeps what dead processes left that nobody waits for, and counts.
///
/// Blocks while another process takes memory. What it says is stale at once.
///
/// # Errors
/// [`Corrupt`], with the first page that makes no sense. Nothing was changed there.
pub fn check() -> Result<Stats, Corrupt> {
    if let Some((arena, _)) = member::membership() {
        sweep::sweep_strays(arena);
        limbo::settle(arena);
        heap::dissolve_empty_slabs(arena);
    }
    count()
}

/// Gives the memory of freed blocks back that is kept for the next allocation. Blocks for about a millisecond per 16 MiB.
pub fn trim() {
    if let Some((arena, _)) = member::membership() {
        sweep::sweep_strays(arena);
        heap::dissolve_empty_slabs(arena);
        heap::trim(arena);
    }
}

fn count() -> Result<Stats, Corrupt> {
    let (Some(arena), Some(_)) = (existing(), member::seat()) else { return Ok(Stats::default()) };
    let mut stats = Stats { capacity: arena.layout().capacity as u64, ..Stats::default() };
    let corrupt = |page, reason| Corrupt { page, reason };
    let walked = with_heap(arena, || {
        for step in arena.runs().walk(0) {
            let (page, head) = step.map_err(|refusal| match refusal {
                Refusal::Corrupt(page) => corrupt(page, "no run begins here"),
                _ => corrupt(0, "the walk failed"),
            })?;
            let bytes = head.extent() * PAGE as u64;
            match head.kind() {
                Kind::Free => {}
                Kind::Warm => stats.warm += bytes,
                Kind::Private | Kind::Shared => {
                    stats.used += bytes;
                    stats.blocks += 1;
                }
                _ => {
                    let class = usize::from(head.owner());
                    if class >= slab::CLASSES {
                        return Err(corrupt(page, "no slab has this size class"));
                    }
                    for unit in objects(page, head) {
                        let claim = arena.claims().load(unit);
                        match claim.kind() {
                            Kind::Free if claim.extent() == class as u64 => continue,
                            Kind::Private | Kind::Shared if claim.extent() == class as u64 => {
                                stats.used += (slab::UNIT << class) as u64;
                                stats.blocks += 1;
                            }
                            _ => {
                                return Err(corrupt(unit / UNITS, "an object's claim does not fit its slab"));
                            }
                        }
                    }
                    stats.committed += bytes;
                }
            }
            if matches!(head.kind(), Kind::Warm | Kind::Private | Kind::Shared) {
                stats.committed += bytes;
            }
        }
        Ok(())
    });
    walked.unwrap_or(Err(corrupt(0, "a signal handler interrupted an allocation of this thread")))?;
    stats.resident = arena.mapping().resident().unwrap_or(0);
    stats.participants =
        arena.seats().iter().filter(|(_, seat)| matches!(seat.occupant(), Occupant::Process(_))).count()
            as u64;
    Ok(stats)
}
