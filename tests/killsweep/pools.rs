//! Pools whose worker is killed at every instruction between two tasks: every task ends once, and none is run twice.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use procshare::pool::{Builder, TaskFailure};
use procshare::{Array, Pool};

use crate::fates::runs;
use crate::forked::{open_slabs, take_turn};
use crate::gate::{Beginning, begin_path, end_path};
use crate::heap::{FILL, THREE_PAGES};
use crate::shift::{Pending, Plan, Shift, When, noticed, pending, submitted, waited};
use crate::sweep::sweep;
use crate::turn::Turn;

/// The number of the task in which the path begins, and of the one in which it ends.
const FIRST: usize = 0;
const NEXT: usize = 1;
/// Elements of a result that has a block of its own.
const MANY: usize = 1000;

type Outcome<R> = Result<R, TaskFailure>;

const fn word(number: usize) -> u64 {
    FILL ^ number as u64
}

/// An idle worker sleeps at once.
fn sleepy(builder: Builder) -> Builder {
    builder.spin(Duration::ZERO)
}

const PLAN: Plan = Plan {
    workers: 1,
    build: sleepy,
    retried: false,
    beginning: Beginning::InTheBody,
    first: |pool| submitted(pool, FIRST, first, is_first),
    until: |_| true,
    then: |pool| submitted(pool, NEXT, next, is_next),
    when: When::AtOnce,
};

fn play(turn: &Turn, name: &str, plan: Plan) {
    let _slabs = open_slabs();
    let mut tally = sweep(name, turn, &mut Shift::new(turn, plan));
    if plan.when == When::Asleep {
        // How often a worker naps before it is woken depends on how busy the machine is: on one that is, most runs may leave the path there.
        tally.diverged = 0;
    }
    tally.assert_clean();
}

fn first(number: u64) -> u64 {
    runs(number);
    begin_path();
    FILL ^ number
}

fn is_first(outcome: &Outcome<u64>) -> bool {
    *outcome == Ok(word(FIRST))
}

fn next(number: u64) -> u64 {
    runs(number);
    end_path();
    FILL ^ number
}

fn is_next(outcome: &Outcome<u64>) -> bool {
    *outcome == Ok(word(NEXT))
}

fn first_of_many(number: u64) -> Vec<u64> {
    runs(number);
    let many = vec![FILL ^ number; MANY];
    begin_path();
    many
}

fn are_first(outcome: &Outcome<Vec<u64>>) -> bool {
    matches!(outcome, Ok(many) if *many == [word(FIRST); MANY])
}

fn next_of_many(many: Vec<u64>) -> u64 {
    runs(NEXT as u64);
    let is_whole = many == [word(NEXT); MANY];
    drop(many);
    end_path();
    if is_whole { word(NEXT) } else { 0 }
}

fn submit_many(pool: &Pool) -> Pending {
    pending(NEXT, pool.submit(next_of_many, vec![word(NEXT); MANY]).expect("a task"), is_next)
}

fn first_array(number: u64) -> Option<Array<u64>> {
    runs(number);
    let array = Array::from_slice(&[FILL ^ number; THREE_PAGES]).ok();
    begin_path();
    array
}

fn is_first_array(outcome: &Outcome<Option<Array<u64>>>) -> bool {
    matches!(outcome, Ok(Some(array)) if array[..] == [word(FIRST); THREE_PAGES])
}

fn next_array(array: Array<u64>) -> u64 {
    runs(NEXT as u64);
    let is_whole = array[..] == [word(NEXT); THREE_PAGES];
    drop(array);
    end_path();
    if is_whole { word(NEXT) } else { 0 }
}

fn submit_array(pool: &Pool) -> Pending {
    let array = Array::from_slice(&[word(NEXT); THREE_PAGES]).expect("an array");
    pending(NEXT, pool.submit(next_array, array).expect("a task"), is_next)
}

fn first_panics(number: u64) -> u64 {
    runs(number);
    silence();
    begin_path();
    panic!("as planned")
}

fn has_panicked(outcome: &Outcome<u64>) -> bool {
    matches!(outcome, Err(TaskFailure::Panicked { panic, .. }) if panic.message == "as planned")
}

/// What this process writes on standard error is not to be seen.
fn silence() {
    let null = File::options().write(true).open("/dev/null").expect("the device");
    // SAFETY: puts it in the place of a descriptor that this process has for itself.
    unsafe { libc::dup2(null.as_raw_fd(), libc::STDERR_FILENO) };
}

fn wait_for_first(pool: &Arc<Pool>) -> Pending {
    waited(FIRST, pool.submit(first, FIRST as u64).expect("a task"), is_first)
}

fn notice_first(pool: &Arc<Pool>) -> Pending {
    noticed(FIRST, pool.submit(first, FIRST as u64).expect("a task"), is_first)
}

fn notice_next(pool: &Pool) -> Pending {
    noticed(NEXT, pool.submit(next, NEXT as u64).expect("a task"), is_next)
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_worker_killed_between_two_small_tasks_loses_one_at_most() {
    let turn = take_turn();
    play(&turn, "pool: end a task, take the next", PLAN);
    play(&turn, "pool: end a task that is waited for", Plan { first: wait_for_first, ..PLAN });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_worker_killed_falling_asleep_or_waking_up_loses_nothing_that_it_has_not_begun() {
    let turn = take_turn();
    let asleep = Plan { when: When::Asleep, ..PLAN };
    play(&turn, "pool: sleep, wake up", asleep);
    play(&turn, "pool: sleep, wake up; another sleeps", Plan { workers: 2, ..asleep });
    // Not for as long as is worth a wake: every process measures that anew, and no two paths would be the same.
    let build = |builder: Builder| builder.spin(Duration::from_micros(3));
    play(&turn, "pool: spin, sleep, wake up; another sleeps", Plan { workers: 2, build, ..asleep });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn blocks_and_arrays_in_the_hands_of_a_killed_worker_come_back() {
    let turn = take_turn();
    let first = |pool: &Arc<Pool>| submitted(pool, FIRST, first_of_many, are_first);
    play(&turn, "pool: result and argument with a block", Plan { first, then: submit_many, ..PLAN });
    let first = |pool: &Arc<Pool>| submitted(pool, FIRST, first_array, is_first_array);
    play(&turn, "pool: result and argument with an Array", Plan { first, then: submit_array, ..PLAN });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn who_asked_for_a_notice_is_told_wherever_the_worker_is_killed() {
    let turn = take_turn();
    play(&turn, "pool: on_done", Plan { first: notice_first, then: notice_next, ..PLAN });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_worker_killed_while_it_tells_of_a_panic_has_panicked_or_died() {
    let turn = take_turn();
    let first = |pool: &Arc<Pool>| submitted(pool, FIRST, first_panics, has_panicked);
    play(&turn, "pool: a task panics", Plan { first, ..PLAN });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_task_that_a_death_interrupted_is_run_again_if_the_pool_says_so() {
    let turn = take_turn();
    let retried = Plan { build: |builder| sleepy(builder).retries(1), retried: true, ..PLAN };
    play(&turn, "pool: retries", Plan { then: submit_many, ..retried });
    let first = |pool: &Arc<Pool>| submitted(pool, FIRST, first_of_many, are_first);
    let asleep = Plan { when: When::Asleep, workers: 2, ..retried };
    play(&turn, "pool: retries; another sleeps", Plan { first, ..asleep });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_worker_killed_while_it_makes_way_leaves_its_place_to_the_next() {
    let turn = take_turn();
    let build = |builder: Builder| sleepy(builder).tasks_per_worker(1);
    play(&turn, "pool: make way", Plan { build, ..PLAN });
    play(&turn, "pool: make way; another sleeps", Plan { build, workers: 2, ..PLAN });
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_worker_killed_while_it_starts_is_replaced_itself() {
    let turn = take_turn();
    play(&turn, "pool: a worker starts", Plan { beginning: Beginning::AtTheFork, ..PLAN });
}
