//! What is claimed of the pool's dispatch, and the controls that differ from it in one point each.

use super::State;
use super::protocol::{Act, Ends, From, LooksForMore, POOL, Protocol, Refills};
use crate::graph::{Fault, Findings, Model, explore};
use crate::numbering::Numbering;

const ONE: &[Act] = &[Act::Submit(0), Act::Wait(0)];
const TWO: &[Act] = &[Act::Submit(0), Act::Submit(1), Act::Wait(0), Act::Wait(1)];
const THREE: &[Act] =
    &[Act::Submit(0), Act::Submit(1), Act::Submit(2), Act::Wait(0), Act::Wait(1), Act::Wait(2)];
const BURST: &[Act] = &[Act::Submit(0), Act::Submit(1), Act::Submit(2)];
const FIRST_ENDS: &[Act] = &[Act::Submit(0), Act::Submit(1), Act::Submit(2), Act::Poll(0)];
/// One record for two tasks, whose handles are dropped.
const RELEASED: &[Act] = &[Act::Submit(0), Act::Release(0), Act::Submit(1), Act::Release(1)];
/// The first is waited for, and its end is delivered as well.
const BOTH: &[Act] = &[Act::Submit(0), Act::Notice(0), Act::Wait(0), Act::Submit(1), Act::Release(1)];
const CANCELLED: &[Act] = &[
    Act::Submit(0),
    Act::Submit(1),
    Act::Notice(1),
    Act::Cancel(1),
    Act::Cancel(0),
    Act::Release(1),
    Act::Wait(0),
];
const CONDEMNED: &[Act] = &[Act::Submit(0), Act::Condemn(0), Act::Wait(0)];
const FINISHED: &[Act] = &[Act::Submit(0), Act::Release(0), Act::Finish];

const PAIR: &[From] = &[From::Asleep, From::Asleep];
const ONE_OF_TWO_SPINS: &[From] = &[From::Spinning, From::Asleep];
const ONE_SPINS: &[From] = &[From::Spinning, From::Asleep, From::Asleep];

/// One worker, one record; no sleep ends by itself.
const SINGLE: Protocol = Protocol { records: 1, naps: false, ..POOL };
/// For casts that are too large for looks at the ring in three steps.
const LARGE: Protocol = Protocol { looks_whole: true, alike: true, records: 1, ..POOL };
/// Three tasks at once for three workers, of whom one spins.
const THREE_EACH: Protocol =
    Protocol { acts: BURST, endless: 0, workers: ONE_SPINS, records: 3, ring: 4, lives: true, ..LARGE };

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
        next.clear();
        state.steps(protocol, &mut next);
        let is_stuck = next.is_empty() && !state.settled(protocol);
        if let Some(fault) = state.fault(protocol).or(is_stuck.then_some(Fault::Stuck)) {
            println!("{name}, up to {kills} kills: {fault:?} after {explored} states");
            assert_eq!(fault, shows, "{state:?}");
            return;
        }
        state.events(protocol, kills, &mut next);
        next.iter().for_each(|state| _ = met.number(state));
        explored += 1;
    }
    panic!("the control finds nothing: {explored} states");
}

#[test]
fn no_task_is_lost_or_runs_twice_with_one_worker() {
    sound("pool, backlog", Protocol { acts: THREE, records: 3, looks_whole: true, ..SINGLE }, 0);
    sound("pool, released", Protocol { acts: RELEASED, ..SINGLE }, 0);
    sound("pool, both", Protocol { acts: BOTH, ..SINGLE }, 0);
    sound("pool, cancelled", Protocol { acts: CANCELLED, records: 2, ..SINGLE }, 0);
}

#[test]
fn no_task_is_lost_or_runs_twice_when_the_worker_is_killed_even_without_naps() {
    let whole = Protocol { looks_whole: true, ..SINGLE };
    let again = Protocol { retries: true, ..whole };
    sound("pool, one", Protocol { acts: ONE, ..SINGLE }, 1);
    sound("pool, released", Protocol { acts: RELEASED, ..whole }, 1);
    sound("pool, condemned", Protocol { acts: CONDEMNED, ..whole }, 1);
    sound("pool, one, again", Protocol { acts: ONE, ..again }, 2);
    sound("pool, both, again", Protocol { acts: BOTH, ..again }, 1);
}

#[test]
fn pool_ends_when_all_is_done() {
    sound("pool, finished", Protocol { acts: FINISHED, looks_whole: true, ..SINGLE }, 1);
    let two = Protocol { acts: FINISHED, workers: PAIR, records: 1, looks_whole: true, ..POOL };
    sound("pool, finished, two workers", two, 0);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn no_task_is_lost_or_runs_twice_with_two_workers() {
    for retries in [false, true] {
        sound("pool, two workers", Protocol { acts: ONE, workers: PAIR, retries, ..LARGE }, 1);
    }
    let one_spins = Protocol { workers: ONE_OF_TWO_SPINS, records: 2, lives: true, ..LARGE };
    sound("pool, one of two spins", Protocol { acts: TWO, ..one_spins }, 0);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn every_end_is_delivered_once_with_two_workers() {
    sound("pool, two workers, released", Protocol { acts: RELEASED, workers: PAIR, ..LARGE }, 1);
    sound("pool, two workers, both", Protocol { acts: BOTH, workers: PAIR, lives: true, ..LARGE }, 0);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn nobody_sleeps_while_one_of_three_tasks_lies_there() {
    sound("pool, burst", THREE_EACH, 0);
    sound("pool, burst, one ends", Protocol { acts: FIRST_ENDS, endless: 1, ..THREE_EACH }, 0);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn pool_of_two_ends_when_all_is_done_though_one_is_killed() {
    let two = Protocol { acts: FINISHED, workers: PAIR, alike: false, ..LARGE };
    sound("pool, finished, two workers", two, 1);
}

#[test]
fn control_in_which_only_who_spun_looks_for_more_leaves_a_sleeper_where_one_spinner_stood_for_three_tasks() {
    let spun = LooksForMore::WhoSpun;
    let burst = Protocol { looks_for_more: spun, ..THREE_EACH };
    soon("only who spun", burst, 0, Fault::PassedBy);
}

#[test]
fn control_in_which_who_was_about_to_sleep_does_not_look_for_more_leaves_a_sleeper() {
    let slept = LooksForMore::WhoSlept;
    let burst = Protocol { looks_for_more: slept, ..THREE_EACH };
    soon("only who slept", burst, 0, Fault::PassedBy);
}

#[test]
fn control_in_which_nobody_looks_for_more_leaves_work_lying() {
    let nobody = Protocol {
        acts: TWO,
        records: 2,
        workers: ONE_OF_TWO_SPINS,
        looks_for_more: LooksForMore::Nobody,
        ..LARGE
    };
    soon("nobody looks", nobody, 0, Fault::PassedBy);
}

#[test]
fn control_in_which_nobody_asks_for_more_forgets_the_backlog() {
    let nobody =
        Protocol { acts: THREE, records: 3, looks_whole: true, refills: Refills::ComingBy, ..SINGLE };
    control("nobody asks", nobody, 0, Fault::PassedBy);
}

#[test]
fn control_that_does_not_look_behind_asking_forgets_the_backlog() {
    let asks = Protocol { acts: THREE, records: 3, looks_whole: true, refills: Refills::Asked, ..SINGLE };
    control("asks, no look", asks, 0, Fault::PassedBy);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn control_without_naps_leaves_asleep_whom_a_dead_worker_was_about_to_call() {
    let no_naps = Protocol { acts: ONE, workers: ONE_OF_TWO_SPINS, naps: false, ..LARGE };
    soon("no naps", no_naps, 1, Fault::PassedBy);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn control_that_hires_before_the_burial_forgets_what_the_dead_worker_ran() {
    let hasty = Protocol { acts: ONE, workers: PAIR, buries_first: false, alike: false, ..LARGE };
    soon("hires first", hasty, 2, Fault::Illegal);
}

#[test]
fn control_that_calls_before_it_says_that_it_is_over_leaves_a_worker_asleep() {
    control("calls first", Protocol { acts: FINISHED, over_first: false, ..SINGLE }, 0, Fault::Stuck);
}

#[test]
fn control_that_takes_the_ring_with_the_list_does_not_hear_of_a_death() {
    control(
        "rung with list",
        Protocol { acts: RELEASED, rung_with_list: true, looks_whole: true, ..SINGLE },
        1,
        Fault::Stuck,
    );
}

#[test]
fn control_that_buries_before_it_takes_the_list_frees_what_is_on_it() {
    let early = Protocol { acts: RELEASED, takes_between: false, looks_whole: true, ..SINGLE };
    control("buries first", early, 1, Fault::Illegal);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn control_that_delivers_what_a_stranger_ended_frees_what_is_about_to_be_pushed() {
    let any = Protocol { acts: RELEASED, workers: PAIR, compares_worker: false, ..LARGE };
    soon("any worker's", any, 1, Fault::Illegal);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn control_that_does_not_compare_the_use_frees_what_is_about_to_be_pushed() {
    let acts = &[Act::Submit(0), Act::Wait(0), Act::Submit(1), Act::Release(1)];
    soon("any use", Protocol { acts, workers: PAIR, compares_use: false, ..LARGE }, 1, Fault::Illegal);
}

#[test]
fn control_that_does_not_wake_for_the_dead_leaves_a_waiter_asleep() {
    let silent = Protocol { acts: ONE, wakes_for_the_dead: false, ..SINGLE };
    control("waiter of the dead", silent, 1, Fault::PassedBy);
}

#[test]
fn control_that_rings_and_wakes_only_whom_it_sees_asleep_does_not_hear_of_a_death() {
    let trusting = Protocol { acts: RELEASED, ring_wakes_always: false, looks_whole: true, ..SINGLE };
    control("rings, trusts", trusting, 1, Fault::Stuck);
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
    soon("pushes first", Protocol { acts: RELEASED, commits_first: false, ..SINGLE }, 0, Fault::Illegal);
}

#[test]
fn control_that_frees_at_once_uses_again_what_is_to_be_pushed() {
    control("frees at once", Protocol { acts: BOTH, frees_late: false, ..SINGLE }, 0, Fault::Illegal);
}

#[test]
fn control_that_gives_its_lease_up_with_the_end_is_not_delivered() {
    control(
        "lease gone",
        Protocol { acts: RELEASED, keeps_lease: false, looks_whole: true, ..SINGLE },
        1,
        Fault::Stuck,
    );
}

#[test]
fn control_without_a_mark_delivers_twice() {
    let acts = &[Act::Submit(0), Act::Notice(0), Act::Wait(0)];
    control("no mark", Protocol { acts, marks: false, ..SINGLE }, 1, Fault::Doubled);
}
