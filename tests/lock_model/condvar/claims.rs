//! What is claimed of the condition variable, and the controls that differ from it in one point each.

use super::State;
use super::protocol::{CONDVAR, Does, Part, Protocol, Undone};
use crate::graph::{Fault, Findings, explore};

type Cast = &'static [Part];

const fn part(slot: u8, does: Does) -> Part {
    Part { slot, does }
}

const TWO_CELLS: Cast = &[part(0, Does::Wait), part(1, Does::Wait), part(2, Does::Notify(2))];
const TWO_OF_A_CELL: Cast =
    &[part(0, Does::Wait), part(0, Does::Wait), part(1, Does::Wait), part(2, Does::Notify(2))];
const TWO_NOTIFIERS: Cast =
    &[part(0, Does::Wait), part(1, Does::Wait), part(2, Does::Notify(1)), part(1, Does::Notify(1))];
const NOTIFIED_ALL: Cast =
    &[part(0, Does::Wait), part(0, Does::Wait), part(1, Does::Wait), part(2, Does::NotifyAll)];
const OUT_OF_TIME: Cast =
    &[part(0, Does::WaitInTime), part(0, Does::Wait), part(1, Does::Wait), part(2, Does::Notify(1))];
const ONE_FOR_THREE: Cast =
    &[part(0, Does::Wait), part(1, Does::Wait), part(2, Does::Wait), part(2, Does::Notify(1))];
const ITEMS: Cast = &[part(0, Does::Consume), part(1, Does::Consume), part(2, Does::Produce(2))];
const ITEMS_OF_TWO: Cast =
    &[part(0, Does::Consume), part(1, Does::Consume), part(2, Does::Produce(1)), part(1, Does::Produce(1))];
const ITEMS_OUT_OF_TIME: Cast = &[
    part(0, Does::ConsumeInTime),
    part(0, Does::Consume),
    part(1, Does::Consume),
    part(2, Does::Produce(2)),
];

const EACH: [Cast; 9] = [
    TWO_CELLS,
    TWO_OF_A_CELL,
    TWO_NOTIFIERS,
    NOTIFIED_ALL,
    OUT_OF_TIME,
    ONE_FOR_THREE,
    ITEMS,
    ITEMS_OF_TWO,
    ITEMS_OUT_OF_TIME,
];

const UNBOUNDED: Protocol = Protocol { bounded: false, ..CONDVAR };
/// Whoever dies had returned what it was asked for: only what it was granted is not lost.
const IN_ORDER: Protocol = Protocol { undone: Undone::IfGranted, ..CONDVAR };

fn findings(name: &str, protocol: Protocol, kills: u8) -> Findings {
    explore::<State>(name, protocol, kills)
}

#[track_caller]
fn control(name: &str, protocol: Protocol, kills: u8, shows: Fault) {
    findings(name, protocol, kills).expect_only(shows);
}

#[test]
fn each_notify_releases_one_while_all_live_even_without_the_bound() {
    for cast in EACH {
        findings("condvar, unbounded", Protocol { cast, ..UNBOUNDED }, 0).expect_none(1000);
        findings("condvar, crowded, unbounded", Protocol { cast, berths: 1, ..UNBOUNDED }, 0)
            .expect_none(1000);
    }
}

#[test]
fn nobody_waits_for_ever_when_one_is_killed() {
    for cast in [TWO_CELLS, ITEMS, ITEMS_OF_TWO] {
        findings("condvar", Protocol { cast, ..CONDVAR }, 1).expect_none(5000);
    }
}

#[test]
fn no_grant_is_lost_when_two_end_in_order() {
    findings("condvar, ended in order", Protocol { cast: TWO_CELLS, ..IN_ORDER }, 2).expect_none(5000);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn nobody_waits_for_ever_when_two_are_killed() {
    for cast in EACH {
        for berths in [1, 2] {
            findings("condvar", Protocol { cast, berths, ..CONDVAR }, 2).expect_none(10_000);
            findings("condvar, unbounded", Protocol { cast, berths, ..UNBOUNDED }, 0).expect_none(1000);
        }
    }
    for cast in [TWO_OF_A_CELL, TWO_NOTIFIERS, OUT_OF_TIME, ONE_FOR_THREE] {
        findings("condvar, ended in order", Protocol { cast, ..IN_ORDER }, 2).expect_none(10_000);
    }
}

#[test]
fn control_that_takes_its_berth_without_the_mutex_hangs_with_all_alive() {
    control("late berth", Protocol { cast: ITEMS, berth_first: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_counts_an_arrival_without_a_berth_hangs_with_all_alive() {
    control("counted early", Protocol { cast: ITEMS, counted_last: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_counts_arrivals_after_its_search_hangs_with_all_alive() {
    let late = Protocol { cast: ITEMS_OUT_OF_TIME, arrivals_read_first: false, ..UNBOUNDED };
    control("arrivals read late", late, 0, Fault::Stuck);
}

#[test]
fn control_that_sleeps_without_a_comparison_hangs_with_all_alive() {
    control("blind sleep", Protocol { cast: TWO_CELLS, compared: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_does_not_compare_whose_turn_it_is_hangs_with_all_alive() {
    control("turn", Protocol { cast: TWO_OF_A_CELL, turn_compared: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_does_not_say_that_it_sleeps_hangs_with_all_alive() {
    control("unsaid", Protocol { cast: TWO_CELLS, says_sleeps: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_looks_at_one_cell_passes_by_who_waits() {
    control(
        "one cell",
        Protocol { cast: TWO_CELLS, looks_everywhere: false, ..UNBOUNDED },
        0,
        Fault::PassedBy,
    );
}

#[test]
fn control_that_does_not_call_the_crowd_passes_it_by() {
    let deaf = Protocol { cast: NOTIFIED_ALL, berths: 1, calls_crowd: false, ..UNBOUNDED };
    control("crowd not called", deaf, 0, Fault::PassedBy);
}

#[test]
fn control_that_grants_by_a_store_loses_a_notify_with_all_alive() {
    control(
        "grants by a store",
        Protocol { cast: OUT_OF_TIME, exchanged: false, ..UNBOUNDED },
        0,
        Fault::Stuck,
    );
}

#[test]
fn control_that_wakes_nobody_hangs_with_all_alive() {
    control("wakes nobody", Protocol { cast: TWO_CELLS, wakes: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_ignores_the_count_releases_too_many() {
    control("count", Protocol { cast: TWO_OF_A_CELL, heeds_count: false, ..UNBOUNDED }, 0, Fault::Unearned);
}

#[test]
fn control_that_leaves_without_a_last_look_takes_the_grant_along() {
    control("no last look", Protocol { cast: OUT_OF_TIME, last_look: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_that_leaves_its_berth_taken_loses_a_notify_with_all_alive() {
    control("berth kept", Protocol { cast: OUT_OF_TIME, frees: false, ..UNBOUNDED }, 0, Fault::Stuck);
}

#[test]
fn control_without_a_bound_on_sleep_hangs_after_a_kill() {
    control("unbounded", Protocol { cast: TWO_CELLS, ..UNBOUNDED }, 1, Fault::Stuck);
}

#[test]
fn control_that_buries_grants_with_the_dead_loses_them() {
    let greedy = Protocol { cast: ONE_FOR_THREE, undone: Undone::Never, ..CONDVAR };
    control("grants buried", greedy, 1, Fault::Hopeless);
}

#[test]
#[ignore = "half a minute without optimisation; ci/full runs it"]
fn control_that_empties_the_cell_first_loses_grants_after_two_kills() {
    let hasty = Protocol { cast: ONE_FOR_THREE, emptied_last: false, ..IN_ORDER };
    control("emptied first", hasty, 2, Fault::Hopeless);
}

#[test]
fn control_that_grants_all_only_for_who_was_here_before_hangs_after_a_kill() {
    // A producer that never waited or notified yet is killed between its change and its first notify.
    let trusting = Protocol { cast: ITEMS, undone: Undone::IfTouched, ..CONDVAR };
    control("only who was here", trusting, 1, Fault::Hopeless);
}
