//! The owner lock as a graph of states: every step of every process, in every order, a kill allowed before each.
//!
//! Three processes take the lock twice each. A state is what the lock's word, the kernel's queue of sleepers and the
//! processes' next steps are; the steps are those of `src/algo/owner_lock.rs`, one for each access to shared memory
//! or call into the kernel. Memory is sequentially consistent here: orderings are the model checker's part (loom).
//!
//! Looked for in every reachable state:
//! - *overlap*: two living processes in the guarded section;
//! - *stuck*: somebody is not done, and nobody can take a step;
//! - *hopeless*: no further steps of the living lead to all of them being done.
//!
//! The controls differ from the shipped protocol in one point each, and must show what that point is for.

mod graph;
mod protocol;

use graph::{Findings, explore};
use protocol::{OWNER_LOCK, Protocol};

/// Explores `protocol` with up to `kills` deaths, and says what there was.
fn findings(name: &str, protocol: Protocol, kills: u8) -> Findings {
    let findings = explore(protocol, kills);
    println!("{name}, up to {kills} kills: {findings:?}");
    findings
}

#[track_caller]
fn sound(protocol: Protocol, kills: u8) {
    let found = findings("owner lock", protocol, kills);
    assert!(found.states > 100_000, "the model has shrunk");
    assert_eq!((found.overlap, found.stuck, found.hopeless), (0, 0, 0));
}

#[test]
fn nobody_overlaps_or_waits_for_ever_when_one_is_killed() {
    sound(OWNER_LOCK, 1);
}

#[test]
#[ignore = "a minute without optimisation; ci/full runs it"]
fn nobody_overlaps_or_waits_for_ever_when_two_are_killed() {
    sound(OWNER_LOCK, 2);
}

#[test]
fn no_wake_is_lost_while_all_live_even_without_the_bound() {
    sound(Protocol { bounded: false, ..OWNER_LOCK }, 0);
}

#[test]
fn control_without_a_bound_on_sleep_hangs_after_a_kill() {
    // The kernel marks the dead owner's word here (a robust list), so it is not the owner that is waited for.
    let found = findings("unbounded sleep", Protocol { bounded: false, assisted: true, ..OWNER_LOCK }, 1);
    assert!(found.stuck > 0);
    assert_eq!(found.overlap, 0);
}

#[test]
fn control_that_releases_and_wakes_in_two_steps_hangs_after_a_kill() {
    let classic = Protocol { one_step_release: false, bounded: false, assisted: true, ..OWNER_LOCK };
    let found = findings("release, then wake", classic, 1);
    assert!(found.stuck > 0);
    assert_eq!(found.overlap, 0);
}

#[test]
fn control_that_forgets_waiters_hangs_with_all_alive() {
    let found = findings("forgetful", Protocol { sticky: false, bounded: false, ..OWNER_LOCK }, 0);
    assert!(found.stuck > 0);
}

#[test]
fn control_that_steals_without_evidence_overlaps() {
    let found = findings("thief", Protocol { evidence: false, ..OWNER_LOCK }, 0);
    assert!(found.overlap > 0);
}
