//! The queue in every interleaving, with deaths and with planted bugs.

use super::fifo_deaths::{Deed, burial_ends_a_wait, buried_ones_side_comes_free, sweep_deaths};
use super::fifo_models::{
    LOST, OVERLOOKED, all_come_in_order, closed_queue_is_drained, closing_ends_a_wait_for_room,
    handed_on_place_is_seen, last_sender_leaves, leaving_ends_a_wait, one_closes, two_leave, two_receive,
    two_send, two_send_into_room, who_waits_later_is_kept_in_mind,
};
use super::parkers::{Blocking, Spurious};
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::End;
use crate::algo::planted::Bug;

#[test]
fn values_come_once_and_in_order() {
    println!("{} interleavings", explore(all_come_in_order::<Spurious>(2, 2)));
    println!("{} interleavings", explore(all_come_in_order::<Blocking>(2, 2)));
}

#[test]
fn values_come_through_a_single_place() {
    println!("{} interleavings", explore(all_come_in_order::<Spurious>(1, 2)));
    println!("{} interleavings", explore(all_come_in_order::<Blocking>(1, 2)));
}

#[test]
fn values_of_two_senders_come_once() {
    println!("{} interleavings", explore(two_send_into_room));
    println!("{} interleavings", explore(two_send::<Blocking>(2)));
}

#[test]
fn two_senders_share_a_single_place() {
    println!("{} interleavings", explore(two_send::<Blocking>(1)));
}

#[test]
fn two_receivers_get_a_value_each() {
    println!("{} interleavings", explore(two_receive::<Blocking>));
}

#[test]
fn who_waits_while_an_earlier_one_is_forgotten_is_woken() {
    println!("{} interleavings", explore(who_waits_later_is_kept_in_mind::<Blocking>));
}

#[test]
fn receiver_gets_what_was_sent_before_the_queue_was_closed() {
    println!("{} interleavings", explore(closed_queue_is_drained::<Spurious>));
    println!("{} interleavings", explore(closed_queue_is_drained::<Blocking>));
}

#[test]
fn closing_wakes_a_sender_that_waits_for_room() {
    println!("{} interleavings", explore(closing_ends_a_wait_for_room::<Spurious>));
    println!("{} interleavings", explore(closing_ends_a_wait_for_room::<Blocking>));
}

#[test]
fn queue_is_closed_by_one() {
    println!("{} interleavings", explore(one_closes::<Spurious>));
}

#[test]
fn receiver_gets_what_the_last_sender_sent() {
    println!("{} interleavings", explore(last_sender_leaves::<Spurious>));
    println!("{} interleavings", explore(last_sender_leaves::<Blocking>));
}

#[test]
fn leaving_wakes_who_waits_at_the_other_end() {
    for end in [End::Send, End::Receive] {
        println!("{} interleavings", explore(leaving_ends_a_wait::<Spurious>(end)));
        println!("{} interleavings", explore(leaving_ends_a_wait::<Blocking>(end)));
    }
}

#[test]
fn one_of_two_that_leave_sees_that_nobody_is_left() {
    println!("{} interleavings", explore(two_leave(false)));
    println!("{} interleavings", explore(two_leave(true)));
}

#[test]
fn place_that_is_handed_on_is_not_overlooked() {
    println!("{} interleavings", explore(handed_on_place_is_seen(1, 2)));
    println!("{} interleavings", explore(handed_on_place_is_seen(2, 1)));
}

#[test]
fn survivor_goes_on_wherever_a_sender_is_killed() {
    sweep_deaths::<Spurious>(Deed::Sends);
    sweep_deaths::<Blocking>(Deed::Sends);
}

#[test]
fn survivor_goes_on_wherever_a_receiver_is_killed() {
    sweep_deaths::<Spurious>(Deed::Receives);
    sweep_deaths::<Blocking>(Deed::Receives);
}

#[test]
fn survivor_goes_on_wherever_a_waiting_receiver_is_killed() {
    sweep_deaths::<Spurious>(Deed::Waits);
    sweep_deaths::<Blocking>(Deed::Waits);
}

#[test]
fn survivor_goes_on_wherever_a_sender_that_waits_for_room_is_killed() {
    sweep_deaths::<Spurious>(Deed::WaitsForRoom);
    sweep_deaths::<Blocking>(Deed::WaitsForRoom);
}

#[test]
fn survivor_goes_on_wherever_who_closes_is_killed() {
    sweep_deaths::<Spurious>(Deed::Closes);
    sweep_deaths::<Blocking>(Deed::Closes);
}

#[test]
fn side_of_the_dead_comes_free_when_they_are_buried() {
    for end in [End::Send, End::Receive] {
        println!("{} interleavings", explore(buried_ones_side_comes_free::<Spurious>(end)));
        println!("{} interleavings", explore(buried_ones_side_comes_free::<Blocking>(end)));
    }
}

#[test]
fn burial_of_the_last_sender_wakes_the_receiver() {
    println!("{} interleavings", explore(burial_ends_a_wait::<Spurious>));
    println!("{} interleavings", explore(burial_ends_a_wait::<Blocking>));
}

#[test]
fn checker_finds_position_that_orders_nothing() {
    finds(Bug::PositionUnordered, RACE, all_come_in_order::<Spurious>(2, 2));
}

#[test]
fn checker_finds_look_that_orders_nothing() {
    finds(Bug::LookUnordered, RACE, all_come_in_order::<Spurious>(2, 2));
}

#[test]
fn checker_finds_bell_that_stays_the_same() {
    finds(Bug::BellUnchanged, DEADLOCK, all_come_in_order::<Blocking>(2, 2));
}

#[test]
fn checker_finds_commit_that_wakes_nobody() {
    finds(Bug::RungForNobody, DEADLOCK, all_come_in_order::<Blocking>(2, 2));
}

#[test]
fn checker_finds_ringer_that_forgets_who_came_later() {
    finds(Bug::AwaitedErased, DEADLOCK, who_waits_later_is_kept_in_mind::<Blocking>);
}

#[test]
fn checker_finds_waiter_that_does_not_hold_the_side() {
    finds(Bug::AwaitedUnlocked, DEADLOCK, all_come_in_order::<Blocking>(2, 2));
}

#[test]
fn checker_finds_waiter_without_a_second_look() {
    finds(Bug::NoSecondLook, DEADLOCK, all_come_in_order::<Blocking>(2, 2));
}

#[test]
fn checker_finds_receiver_that_overlooks_the_last_value() {
    finds(Bug::ClosedUnordered, LOST, closed_queue_is_drained::<Spurious>);
}

#[test]
fn checker_finds_bell_that_orders_nothing() {
    finds(Bug::BellLooksRelaxed, DEADLOCK, leaving_ends_a_wait::<Blocking>(End::Send));
}

#[test]
fn checker_finds_waiter_that_looks_for_reasons_too_early() {
    finds(Bug::ReasonsFirst, DEADLOCK, leaving_ends_a_wait::<Blocking>(End::Send));
}

#[test]
fn checker_finds_place_that_is_handed_on_unseen() {
    finds(Bug::HandedOnUnseen, OVERLOOKED, handed_on_place_is_seen(2, 1));
}
