//! What is claimed of the pool's dispatch, and the controls that differ from it in one point each.

use super::State;
use super::protocol::{Act, BUILT, CONTRACT, Ends, From, LooksForMore, POOL, Protocol, Refills};
use crate::graph::{Fault, Findings, Model, explore};
use crate::numbering::Numbering;

const ONE: &[Act] = &[Act::Submit(0), Act::Wait(0)];
const TWO: &[Act] = &[Act::Submit(0), Act::Submit(1), Act::Wait(0), Act::Wait(1)];
const THREE: &[Act] =
    &[Act::Submit(0), Act::Submit(1), Act::Submit(2), Act::Wait(0), Act::Wait(1), Act::Wait(2)];
const NOTICED: &[Act] = &[Act::SubmitNoticed(0), Act::SubmitNoticed(1)];
/// One record for three tasks, of which the first is waited for, and its end is delivered as well.
const BOTH: &[Act] = &[Act::Submit(0), Act::Notice(0), Act::Wait(0), Act::SubmitNoticed(1)];
const CANCELLED: &[Act] =
    &[Act::Submit(0), Act::SubmitNoticed(1), Act::Cancel(1), Act::Cancel(0), Act::Wait(0)];
const CONDEMNED: &[Act] = &[Act::Submit(0), Act::Condemn(0), Act::Wait(0)];

const ALONE: &[From] = &[From::Asleep];
const PAIR: &[From] = &[From::Asleep, From::Asleep];
const ONE_SPINS: &[From] = &[From::Spinning, From::Asleep, From::Asleep];

const SINGLE: Protocol = Protocol { workers: ALONE, records: 1, ..POOL };

fn findings(name: &str, protocol: Protocol, kills: u8) -> Findings {
    explore::<State>(name, protocol, kills)
}

#[track_caller]
fn control(name: &str, protocol: Protocol, kills: u8, shows: Fault) {
    findings(name, protocol, kills).expect_only(shows);
}

#[track_caller]
fn sound(name: &str, protocol: Protocol, kills: u8) {
    findings(name, protocol, kills).expect_none(500);
}

/// Fails unless the first fault that is met, in breadth, is `shows`: for casts too large to be walked to their end.
#[track_caller]
fn soon(name: &str, protocol: Protocol, kills: u8, shows: Fault) {
    let mut met = Numbering::new();
    met.number(&State::start(protocol));
    let (mut next, mut explored) = (Vec::new(), 0);
    while let Some(&state) = met.states().get(explored) {
        if let Some(fault) = state.fault(protocol) {
            println!("{name}, up to {kills} kills: {fault:?} after {explored} states");
            assert_eq!(fault, shows, "{state:?}");
            return;
        }
        next.clear();
        state.steps(protocol, &mut next);
        state.events(protocol, kills, &mut next);
        next.iter().for_each(|state| _ = met.number(state));
        explored += 1;
    }
    panic!("the control finds nothing: {explored} states");
}

#[test]
fn no_task_is_lost_or_runs_twice_with_one_worker() {
    sound("pool, backlog", Protocol { acts: THREE, records: 3, ..SINGLE }, 0);
    sound("pool, noticed", Protocol { acts: NOTICED, ..SINGLE }, 0);
    sound("pool, both", Protocol { acts: BOTH, ..SINGLE }, 0);
    sound("pool, cancelled", Protocol { acts: CANCELLED, records: 2, ..SINGLE }, 0);
}

#[test]
fn no_task_is_lost_or_runs_twice_when_the_worker_is_killed_even_without_naps() {
    for retries in [false, true] {
        sound("pool, one", Protocol { acts: ONE, retries, ..SINGLE }, 2);
        sound("pool, noticed", Protocol { acts: NOTICED, retries, ..SINGLE }, 1);
        sound("pool, both", Protocol { acts: BOTH, retries, ..SINGLE }, 1);
    }
    sound("pool, condemned", Protocol { acts: CONDEMNED, ..SINGLE }, 1);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn no_task_is_lost_or_runs_twice_with_two_workers() {
    sound("pool, two workers", Protocol { acts: ONE, workers: PAIR, ..SINGLE }, 1);
    sound("pool, two workers, again", Protocol { acts: ONE, workers: PAIR, retries: true, ..SINGLE }, 1);
    let one_spins = Protocol { acts: TWO, workers: &[From::Spinning, From::Asleep], records: 2, ..POOL };
    sound("pool, one spins", one_spins, 0);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn what_was_built_leaves_a_sleeper_where_one_spinner_stood_for_three_tasks() {
    let burst = Protocol { acts: THREE, records: 3, workers: ONE_SPINS, ring: 4, ..BUILT };
    soon("built, burst", burst, 0, Fault::PassedBy);
}

#[test]
fn what_was_built_forgets_the_backlog_when_it_asks_too_late() {
    let asks = Protocol { acts: THREE, records: 3, workers: ALONE, ..BUILT };
    control("built, backlog", asks, 0, Fault::PassedBy);
}

#[test]
fn contract_forgets_the_backlog() {
    let nobody = Protocol { acts: THREE, records: 3, workers: ALONE, ..CONTRACT };
    control("contract, backlog", nobody, 0, Fault::PassedBy);
}

#[test]
fn control_that_does_not_look_behind_asking_forgets_the_backlog() {
    let asks = Protocol { acts: THREE, records: 3, refills: Refills::Asked, ..SINGLE };
    control("asks, no look", asks, 0, Fault::PassedBy);
}

#[test]
fn control_that_takes_the_ring_with_the_list_does_not_hear_of_a_death() {
    control("rung with list", Protocol { acts: ONE, rung_with_list: true, ..SINGLE }, 1, Fault::Stuck);
}

#[test]
fn control_that_buries_before_it_takes_the_list_frees_what_is_on_it() {
    let early = Protocol { acts: NOTICED, takes_between: false, ..SINGLE };
    control("buries first", early, 1, Fault::Illegal);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn control_that_delivers_what_a_stranger_ended_frees_what_is_about_to_be_pushed() {
    let any = Protocol { acts: NOTICED, workers: PAIR, compares_worker: false, ..SINGLE };
    soon("any worker's", any, 1, Fault::Illegal);
}

#[test]
fn control_that_does_not_wake_for_the_dead_leaves_a_waiter_asleep() {
    let silent = Protocol { acts: ONE, wakes_for_the_dead: false, ..SINGLE };
    control("waiter of the dead", silent, 1, Fault::PassedBy);
}

#[test]
fn control_that_takes_asleep_away_with_the_push_does_not_hear_of_a_death() {
    let gone = Protocol { acts: NOTICED, keeps_asleep: false, death_wakes_always: false, ..SINGLE };
    control("asleep gone", gone, 1, Fault::Stuck);
}

#[test]
fn control_that_looks_before_it_publishes_leaves_a_worker_asleep() {
    control("looks first", Protocol { acts: ONE, publishes_first: false, ..SINGLE }, 0, Fault::PassedBy);
}

#[test]
fn control_that_sleeps_without_a_last_look_leaves_work_lying() {
    control(
        "no last look",
        Protocol { acts: TWO, records: 2, looks_again: false, ..SINGLE },
        0,
        Fault::PassedBy,
    );
}

#[test]
fn control_that_claims_before_its_lease_loses_a_task() {
    control("lease late", Protocol { acts: ONE, lease_first: false, ..SINGLE }, 1, Fault::Stuck);
}

#[test]
fn control_that_moves_the_head_before_it_claims_loses_a_task() {
    control("head first", Protocol { acts: ONE, claims_first: false, ..SINGLE }, 1, Fault::PassedBy);
}

#[test]
fn control_that_gives_a_claim_up_for_a_flag_loses_a_task() {
    control("claims once", Protocol { acts: ONE, claims_again: false, ..SINGLE }, 0, Fault::PassedBy);
}

#[test]
fn control_that_ends_by_a_store_forgets_a_waiter() {
    control("ends by a store", Protocol { acts: ONE, ends: Ends::Store, ..SINGLE }, 0, Fault::PassedBy);
}

#[test]
fn control_that_pushes_before_the_end_delivers_what_has_not_ended() {
    control("pushes first", Protocol { acts: NOTICED, commits_first: false, ..SINGLE }, 0, Fault::Illegal);
}

#[test]
fn control_that_frees_at_once_uses_again_what_is_to_be_pushed() {
    control("frees at once", Protocol { acts: BOTH, frees_late: false, ..SINGLE }, 0, Fault::Illegal);
}

#[test]
fn control_that_gives_its_lease_up_with_the_end_is_not_delivered() {
    control("lease gone", Protocol { acts: NOTICED, keeps_lease: false, ..SINGLE }, 1, Fault::Stuck);
}

#[test]
fn control_without_a_mark_delivers_twice() {
    let acts = &[Act::Submit(0), Act::Notice(0), Act::Wait(0)];
    control("no mark", Protocol { acts, marks: false, ..SINGLE }, 1, Fault::Doubled);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn control_in_which_nobody_looks_for_more_leaves_work_lying() {
    let nobody = Protocol {
        acts: TWO,
        records: 2,
        workers: &[From::Spinning, From::Asleep],
        looks_for_more: LooksForMore::Nobody,
        ..POOL
    };
    control("nobody looks", nobody, 0, Fault::PassedBy);
}
