//! What is claimed of the event, and the controls that differ from it in one point each.

use super::State;
use super::protocol::{AUTO, MANUAL, Part, Protocol};
use crate::graph::{Fault, Findings, explore};

/// Two sets, two waiters, one of whom waits twice or not long enough, and somebody who clears.
const MANY: [&[Part]; 3] = [
    &[Part::Waits(2), Part::Waits(1), Part::Sets(2), Part::Clears(2)],
    &[Part::Waits(2), Part::Waits(2), Part::Sets(2), Part::Sets(2)],
    &[Part::WaitsInTime, Part::Waits(2), Part::Waits(1), Part::Sets(3)],
];

fn findings(name: &str, protocol: Protocol, kills: u8) -> Findings {
    explore::<State>(name, protocol, kills)
}

#[track_caller]
fn sound(name: &str, protocol: Protocol, kills: u8) {
    for cast in MANY {
        findings(name, Protocol { cast, ..protocol }, kills).expect_none(1000);
    }
}

#[test]
fn manual_event_loses_no_set_while_all_live_even_without_the_bound() {
    sound("manual event, unbounded", Protocol { bounded: false, ..MANUAL }, 0);
}

#[test]
fn auto_event_loses_no_set_while_all_live_even_without_the_bound() {
    sound("auto event, unbounded", Protocol { bounded: false, ..AUTO }, 0);
}

#[test]
fn manual_event_hangs_nobody_when_two_are_killed() {
    sound("manual event", MANUAL, 2);
}

#[test]
fn auto_event_hangs_nobody_and_lets_one_through_a_set_when_two_are_killed() {
    sound("auto event", AUTO, 2);
}

#[test]
fn control_without_a_bound_on_sleep_hangs_after_a_kill() {
    let cast: &[Part] = &[Part::Waits(1), Part::Sets(1)];
    for protocol in [MANUAL, AUTO] {
        findings("unbounded", Protocol { cast, bounded: false, ..protocol }, 1).expect_only(Fault::Stuck);
    }
}

#[test]
fn control_that_sleeps_without_a_comparison_hangs_with_all_alive() {
    let cast: &[Part] = &[Part::Waits(1), Part::Sets(1)];
    for protocol in [MANUAL, AUTO] {
        let blind = Protocol { cast, bounded: false, compared: false, ..protocol };
        findings("blind sleep", blind, 0).expect_only(Fault::Stuck);
    }
}

#[test]
fn control_with_the_count_out_of_the_kernels_sight_misses_a_set_and_clear() {
    let cast = MANY[0];
    let unseen = Protocol { cast, bounded: false, count_compared: false, ..MANUAL };
    findings("count in the other half", unseen, 0).expect_only(Fault::Stuck);
}

#[test]
fn control_that_takes_set_back_by_a_store_lets_two_through_one_set() {
    let cast: &[Part] = &[Part::Waits(1), Part::Waits(1), Part::Sets(1)];
    let store = Protocol { cast, exchanged: false, bounded: false, ..AUTO };
    findings("taken by a store", store, 0).expect_only(Fault::Unearned);
}

#[test]
fn control_that_leaves_without_a_last_look_takes_the_wake_along() {
    let hasty = Protocol { cast: MANY[2], last_look: false, bounded: false, ..AUTO };
    findings("no last look", hasty, 0).expect_only(Fault::Stuck);
}

#[test]
fn control_that_forgets_waiters_hangs_with_all_alive() {
    let forgetful = Protocol { cast: MANY[1], sticky: false, bounded: false, ..AUTO };
    findings("forgetful", forgetful, 0).expect_only(Fault::Stuck);
}

#[test]
fn control_that_does_not_count_sets_hangs_with_all_alive() {
    let uncounted = Protocol { counted: false, bounded: false, ..AUTO };
    findings("uncounted", Protocol { cast: MANY[1], ..uncounted }, 0).expect_only(Fault::Stuck);
}
