//! The handing of tasks to workers in every interleaving, with deaths and with planted bugs.

use super::dispatch_deaths::{Course, Remedy, others_do_the_rest, sweep_deaths};
use super::dispatch_models::{
    EARLY, cancelled_one_is_passed_over, drained_means_done, each_finds_somebody, ends_are_told,
    explore_less, idle_ones_leave, next_one_follows, notice_is_asked_for, one_of_two_comes,
    one_wakes_the_next, record_is_used_again, ring_goes_round, ring_is_heard, room_is_told,
    sleeper_comes_for_the_second, tasks_are_run,
};
use super::parkers::{Blocking, Spurious};
use super::{DEADLOCK, explore, finds};
use crate::algo::planted::Bug;

/// The point between a claim and what follows, of a worker's first task.
const LATE: u32 = 5;

#[test]
fn task_is_run_by_one_of_two_workers() {
    println!("{} interleavings", explore_less(one_of_two_comes::<Blocking>(0)));
    println!("{} interleavings", explore_less(one_of_two_comes::<Blocking>(1)));
}

#[test]
fn worker_that_goes_to_sleep_comes_for_what_is_posted() {
    println!("{} interleavings", explore(tasks_are_run::<Spurious>(1, 1, 0)));
    println!("{} interleavings", explore(tasks_are_run::<Blocking>(1, 1, 0)));
    println!("{} interleavings", explore(tasks_are_run::<Blocking>(1, 1, 1)));
}

#[test]
fn spinner_that_takes_one_of_two_has_another_one_come() {
    println!("{} interleavings", explore(each_finds_somebody(1)));
    println!("{} interleavings", explore_less(sleeper_comes_for_the_second));
}

#[test]
fn all_come_for_many_that_are_posted_at_once() {
    println!("{} interleavings", explore(one_wakes_the_next(2)));
}

#[test]
fn next_task_finds_the_worker_that_ended_one() {
    println!("{} interleavings", explore_less(next_one_follows::<Spurious>(1)));
    println!("{} interleavings", explore(next_one_follows::<Blocking>(0)));
    println!("{} interleavings", explore_less(next_one_follows::<Blocking>(1)));
}

#[test]
fn ring_is_used_over_and_over() {
    println!("{} interleavings", explore_less(ring_goes_round::<Blocking>(1, 3)));
}

#[test]
fn stale_entry_leads_to_the_task_of_now() {
    println!("{} interleavings", explore_less(record_is_used_again::<Blocking>));
}

#[test]
fn cancelled_task_is_passed_over() {
    println!("{} interleavings", explore(cancelled_one_is_passed_over::<Spurious>));
    println!("{} interleavings", explore(cancelled_one_is_passed_over::<Blocking>));
}

#[test]
fn end_of_work_wakes_who_sleeps() {
    println!("{} interleavings", explore(idle_ones_leave::<Spurious>(1, 1)));
    println!("{} interleavings", explore(idle_ones_leave::<Blocking>(1, 1)));
    println!("{} interleavings", explore_less(idle_ones_leave::<Blocking>(2, 1)));
}

#[test]
fn each_end_is_told() {
    println!("{} interleavings", explore(ends_are_told::<Spurious>(1)));
    println!("{} interleavings", explore_less(ends_are_told::<Spurious>(2)));
    println!("{} interleavings", explore(ends_are_told::<Blocking>(1)));
    println!("{} interleavings", explore_less(ends_are_told::<Blocking>(2)));
}

#[test]
fn end_is_told_once_whenever_one_asks_for_it() {
    println!("{} interleavings", explore(notice_is_asked_for::<Spurious>));
    println!("{} interleavings", explore(notice_is_asked_for::<Blocking>));
}

#[test]
fn ring_wakes_who_is_told() {
    println!("{} interleavings", explore(ring_is_heard::<Spurious>));
    println!("{} interleavings", explore(ring_is_heard::<Blocking>));
}

#[test]
fn who_asked_for_more_is_told_of_room() {
    println!("{} interleavings", explore(room_is_told::<Spurious>));
    println!("{} interleavings", explore(room_is_told::<Blocking>));
}

#[test]
fn nothing_is_drained_while_somebody_is_at_work() {
    println!("{} interleavings", explore_less(drained_means_done));
}

#[test]
fn task_is_run_again_wherever_a_worker_is_killed() {
    for spinners in [0, 1] {
        let course = Course { tasks: 1, spinners, remedy: Remedy::Repeat };
        sweep_deaths::<Blocking>(course);
    }
}

#[test]
fn task_dies_wherever_a_worker_is_killed() {
    let course = Course { tasks: 1, spinners: 1, remedy: Remedy::Settle };
    sweep_deaths::<Blocking>(course);
}

#[test]
fn checker_finds_entry_that_orders_nothing() {
    finds(Bug::EntryUnordered, DEADLOCK, tasks_are_run::<Blocking>(1, 1, 0));
}

#[test]
fn checker_finds_post_that_overlooks_who_goes_to_sleep() {
    finds(Bug::PostUnfenced, DEADLOCK, tasks_are_run::<Blocking>(1, 1, 0));
}

#[test]
fn checker_finds_worker_that_sleeps_without_a_look() {
    finds(Bug::IdleWithoutLook, DEADLOCK, tasks_are_run::<Blocking>(1, 1, 0));
}

#[test]
fn checker_finds_spinner_that_leaves_without_a_look() {
    finds(Bug::SpinnerLeaves, DEADLOCK, each_finds_somebody(1));
}

#[test]
fn checker_finds_notice_that_orders_nothing() {
    finds(Bug::NoticeUnordered, EARLY, ends_are_told::<Spurious>(1));
}

#[test]
fn checker_finds_lease_that_is_taken_late() {
    let course = Course { tasks: 1, spinners: 0, remedy: Remedy::Repeat };
    let deaths = std::sync::Arc::default();
    // Between the claim and the late lease.
    finds(Bug::LeaseLate, DEADLOCK, others_do_the_rest::<Blocking>(course, LATE, deaths));
}

#[test]
fn checker_finds_worker_that_says_too_late_that_it_is_idle() {
    finds(Bug::IdleUnfenced, DEADLOCK, tasks_are_run::<Blocking>(1, 1, 0));
}

#[test]
fn checker_finds_call_that_orders_nothing() {
    finds(Bug::CallUnordered, DEADLOCK, idle_ones_leave::<Blocking>(1, 0));
}

#[test]
fn checker_finds_notice_that_wakes_nobody() {
    finds(Bug::NoticeUnheard, DEADLOCK, ends_are_told::<Blocking>(1));
}

#[test]
fn checker_finds_notices_that_are_taken_too_early() {
    finds(Bug::NoticesTakenUnordered, EARLY, ends_are_told::<Spurious>(1));
}

#[test]
fn checker_finds_ring_that_orders_nothing() {
    finds(Bug::RingUnordered, DEADLOCK, ring_is_heard::<Blocking>);
}

#[test]
fn checker_finds_answer_that_orders_nothing() {
    finds(Bug::AnswerUnordered, DEADLOCK, ring_is_heard::<Blocking>);
}

#[test]
fn checker_finds_ring_that_is_taken_unanswered() {
    finds(Bug::RingTaken, DEADLOCK, ring_is_heard::<Blocking>);
}

#[test]
fn checker_finds_submitter_that_asks_for_room_too_late() {
    finds(Bug::AskedTooLate, DEADLOCK, room_is_told::<Blocking>);
}
