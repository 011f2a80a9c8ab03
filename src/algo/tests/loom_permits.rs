//! Permits in every interleaving, with deaths and with planted bugs.

use super::parkers::{Blocking, Spurious};
use super::permits_models::*;
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::planted::Bug;

#[test]
fn permit_excludes_without_help_of_the_parker() {
    println!("{} interleavings", explore(one_at_a_time::<Spurious>(2)));
}

#[test]
fn no_wake_is_lost_between_two_takers() {
    println!("{} interleavings", explore(one_at_a_time::<Blocking>(2)));
    println!("{} interleavings", explore(released_twice::<Blocking>));
}

#[test]
fn no_wake_is_lost_among_three_takers() {
    println!("{} interleavings", explore(one_at_a_time::<Blocking>(3)));
}

#[test]
fn no_wake_is_lost_on_one_who_wants_more() {
    println!("{} interleavings", explore(small_request_passes_a_big_one::<Blocking>));
}

#[test]
fn who_is_out_of_time_costs_nobody_a_wake() {
    println!("{} interleavings", explore(hurried_taker_costs_nobody_a_wake::<Blocking>));
}

#[test]
fn nothing_is_lost_wherever_a_borrower_is_killed() {
    sweep::<Spurious>(Deed::Borrows, false);
    sweep::<Blocking>(Deed::Borrows, false);
}

#[test]
fn nothing_is_lost_wherever_a_waiter_is_killed() {
    sweep::<Spurious>(Deed::Waits, false);
    sweep::<Blocking>(Deed::Waits, false);
}

#[test]
fn nothing_is_lost_wherever_one_who_forgets_is_killed() {
    sweep::<Spurious>(Deed::Forgets, false);
    sweep::<Blocking>(Deed::Forgets, false);
}

#[test]
fn nothing_is_lost_wherever_one_who_adds_is_killed() {
    sweep::<Spurious>(Deed::Adds, false);
    sweep::<Blocking>(Deed::Adds, false);
}

#[test]
fn nothing_is_lost_wherever_one_who_found_a_death_is_killed() {
    sweep::<Spurious>(Deed::Finds, false);
    sweep::<Blocking>(Deed::Finds, false);
}

#[test]
fn nothing_is_lost_if_the_sweep_and_a_waiter_find_the_same_death() {
    sweep::<Spurious>(Deed::Borrows, true);
    sweep::<Blocking>(Deed::Borrows, true);
}

#[test]
fn permit_of_a_buried_one_reaches_who_knows_of_no_death() {
    println!("{} interleavings", explore(buried_ones_permit_comes_back::<Spurious>));
    println!("{} interleavings", explore(buried_ones_permit_comes_back::<Blocking>));
    println!("{} interleavings", explore(trying_while_one_is_buried));
}

#[test]
fn permit_stays_with_the_family_of_who_died_taking_it() {
    println!("{} interleavings", explore(family_keeps_the_permit));
}

#[test]
fn successor_in_the_seat_of_a_dead_one_is_not_robbed() {
    println!("{} interleavings", explore(successor_keeps_its_permit));
}

#[test]
fn checker_finds_heir_that_does_not_recount() {
    finds(Bug::HeirTrusts, TWICE, family_keeps_the_permit);
}

#[test]
fn checker_finds_recount_that_ends_late() {
    finds(Bug::RecountEndsLate, LOST, trying_while_one_is_buried);
}

#[test]
fn checker_finds_emptying_that_orders_nothing() {
    finds(Bug::EmptiedUnordered, RACE, trying_while_one_is_buried);
}

#[test]
fn checker_finds_recount_that_misses_the_emptied_cell() {
    finds(Bug::RecountUnordered, LOST, trying_while_one_is_buried);
}

#[test]
fn checker_finds_recount_that_is_slept_through() {
    finds(Bug::RecountOverslept, DEADLOCK, buried_ones_permit_comes_back::<Blocking>);
}

#[test]
fn checker_finds_robbed_successor() {
    finds(Bug::SuccessorRobbed, ROBBED, successor_keeps_its_permit);
}

#[test]
fn checker_finds_release_that_calls_nobody() {
    finds(Bug::NobodyCalled, DEADLOCK, released_twice::<Blocking>);
}

#[test]
fn checker_finds_call_of_one_who_can_not_go_on() {
    finds(Bug::FewCalled, DEADLOCK, small_request_passes_a_big_one::<Blocking>);
}

#[test]
fn checker_finds_blind_tidying() {
    finds(Bug::TidiedBlindly, DEADLOCK, released_twice::<Blocking>);
}

#[test]
fn checker_finds_taker_that_leaves_without_a_last_look() {
    finds(Bug::NoLastLook, DEADLOCK, hurried_taker_costs_nobody_a_wake::<Blocking>);
}

#[test]
fn checker_finds_taker_that_keeps_a_wake_to_itself() {
    finds(Bug::WakeKept, DEADLOCK, hurried_taker_costs_nobody_a_wake::<Blocking>);
}

#[test]
fn checker_finds_permit_that_orders_nothing() {
    finds(Bug::RelaxedRelease, RACE, one_at_a_time::<Spurious>(2));
}
