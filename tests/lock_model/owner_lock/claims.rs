//! What is claimed of the owner lock, and the controls that differ from it in one point each.

use super::{OWNER_LOCK, Part, Protocol, SHIPPED, State, THREE};
use crate::graph::{Fault, Findings, explore};
use crate::locker::Locking;

const EACH: [&[Part]; 3] = [
    THREE,
    &[Part::Locks(2), Part::LocksInTime(2), Part::Locks(2)],
    &[Part::Locks(2), Part::Locks(2), Part::Tries(3)],
];

const UNBOUNDED: Protocol = Protocol { locking: Locking { bounded: false, ..OWNER_LOCK }, ..SHIPPED };

fn findings(name: &str, protocol: Protocol, kills: u8) -> Findings {
    explore::<State>(name, protocol, kills)
}

#[track_caller]
fn control(name: &str, protocol: Protocol, kills: u8, shows: Fault) {
    findings(name, protocol, kills).expect_only(shows);
}

#[test]
fn nobody_overlaps_or_waits_for_ever_when_two_are_killed() {
    for cast in EACH {
        findings("owner lock", Protocol { cast, ..SHIPPED }, 2).expect_none(50_000);
    }
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn nobody_of_four_overlaps_or_waits_for_ever_when_three_are_killed() {
    let cast = &[Part::Locks(2), Part::LocksInTime(1), Part::Locks(1), Part::Tries(2)];
    findings("owner lock, four", Protocol { cast, ..SHIPPED }, 3).expect_none(1_000_000);
    findings("owner lock, four, unbounded", Protocol { cast, ..UNBOUNDED }, 0).expect_none(500_000);
}

#[test]
fn no_wake_is_lost_while_all_live_even_without_the_bound() {
    for cast in EACH {
        findings("owner lock, unbounded", Protocol { cast, ..UNBOUNDED }, 0).expect_none(20_000);
    }
}

#[test]
fn control_without_a_bound_on_sleep_hangs_after_a_kill() {
    // The kernel marks the dead owner's word here (a robust list), so it is not the owner that is waited for.
    control("unbounded sleep", Protocol { assisted: true, ..UNBOUNDED }, 1, Fault::Stuck);
}

#[test]
fn control_that_releases_and_wakes_in_two_steps_hangs_after_a_kill() {
    let locking = Locking { one_step_release: false, ..UNBOUNDED.locking };
    control("release, then wake", Protocol { locking, assisted: true, ..SHIPPED }, 1, Fault::Stuck);
}

#[test]
fn control_that_forgets_waiters_hangs_with_all_alive() {
    let locking = Locking { sticky: false, ..UNBOUNDED.locking };
    control("forgetful", Protocol { locking, ..SHIPPED }, 0, Fault::Stuck);
}

#[test]
fn control_that_gives_up_without_a_last_look_takes_the_wake_along() {
    let cast = &[Part::Locks(1), Part::LocksInTime(1), Part::Locks(1)];
    control("no last look", Protocol { cast, last_look: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_steals_without_evidence_overlaps() {
    let locking = Locking { evidence: false, ..OWNER_LOCK };
    control("thief", Protocol { locking, ..SHIPPED }, 0, Fault::Overlap);
}
