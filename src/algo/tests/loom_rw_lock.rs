//! The readers-writer lock in every interleaving, with deaths and with planted bugs.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::parkers::{Blocking, Spurious};
use super::rw_lock_models::*;
use super::{DEADLOCK, RACE, explore, finds};
use crate::algo::LockError;
use crate::algo::planted::Bug;
use crate::shim::Ordering::Relaxed;

#[test]
fn readers_and_writers_exclude_each_other_without_help_of_the_parker() {
    for cast in [READ_AND_WRITE, TWO_WRITE, DOWNGRADE_AND_WRITE, DOWNGRADE_AND_READ] {
        println!("{cast:?}: {} interleavings", explore(all_get_their_turn::<Spurious>(cast)));
    }
}

#[test]
fn reader_sees_the_writer_or_is_seen() {
    println!("{} interleavings", explore(one_sees_the_other));
}

#[test]
fn no_wake_is_lost_between_two_of_a_lock() {
    for cast in [READ_AND_WRITE, TWO_WRITE, DOWNGRADE_AND_WRITE, DOWNGRADE_AND_READ] {
        println!("{cast:?}: {} interleavings", explore(all_get_their_turn::<Blocking>(cast)));
    }
}

#[test]
fn no_wake_is_lost_between_two_readers_and_a_writer() {
    println!("{} interleavings", explore(all_get_their_turn::<Blocking>(TWO_READ_ONE_WRITES)));
}

#[test]
fn no_wake_is_lost_between_a_reader_and_two_writers() {
    println!("{} interleavings", explore(all_get_their_turn::<Blocking>(ONE_READS_TWO_WRITE)));
}

#[test]
fn no_wake_is_lost_by_two_readers_of_one_process() {
    println!("{} interleavings", explore(all_get_their_turn::<Blocking>(SHARED_CELL)));
}

#[test]
fn survivor_goes_on_wherever_a_reader_or_a_writer_is_killed() {
    for cast in [WRITE_AND_READ, READ_AND_WRITE, TWO_WRITE] {
        sweep::<Spurious>(cast, false);
        sweep::<Spurious>(cast, true);
    }
}

#[test]
fn sleeping_one_goes_on_wherever_a_reader_or_a_writer_is_killed() {
    for cast in [WRITE_AND_READ, READ_AND_WRITE, TWO_WRITE] {
        sweep::<Blocking>(cast, false);
        sweep::<Blocking>(cast, true);
    }
}

#[test]
fn two_readers_go_on_wherever_the_writer_is_killed() {
    sweep::<Blocking>(TWO_READ_ONE_WRITES, false);
}

#[test]
fn survivor_goes_on_wherever_one_that_downgrades_is_killed() {
    sweep::<Blocking>(WRITE_AND_DOWNGRADE, false);
}

#[test]
fn swept_reader_is_in_nobodys_way() {
    println!("{} interleavings", explore(swept_one_is_in_nobodys_way::<Spurious>(Read)));
    println!("{} interleavings", explore(swept_one_is_in_nobodys_way::<Blocking>(Read)));
}

#[test]
fn swept_writer_has_poisoned_the_lock() {
    println!("{} interleavings", explore(swept_one_is_in_nobodys_way::<Spurious>(Write)));
    println!("{} interleavings", explore(swept_one_is_in_nobodys_way::<Blocking>(Write)));
}

#[test]
fn passed_deadline_of_a_reader_costs_nobody_a_wake() {
    println!("{} interleavings", explore(late_one_leaves::<Blocking>(Read, &[(1, Write), (2, Read)])));
}

#[test]
fn passed_deadline_of_a_writer_costs_nobody_a_wake() {
    println!("{} interleavings", explore(late_one_leaves::<Blocking>(Write, &[(1, Read), (2, Write)])));
}

#[test]
fn trying_goes_in_only_where_nobody_is() {
    for (first, second) in [(Read, Write), (Write, Write), (Read, Read)] {
        println!("{} interleavings", explore(trying_is_exclusive(first, second)));
    }
}

#[test]
fn writer_that_locks_again_is_refused_and_goes_on_writing() {
    explore(|| {
        let shared = Guarded::<Blocking>::new(2);
        let (lock, park, me, other) = (shared.lock(), &shared.kernel, owner(1, 1), owner(0, 0));
        assert_eq!(lock.write_as(me, park), Ok(None));
        assert_eq!(lock.write_as(me, park), Err(LockError::WouldDeadlock));
        assert_eq!(lock.read_as(me, park), Err(LockError::WouldDeadlock));
        assert_eq!(lock.try_read_as(other, park), Ok(false));
        assert_eq!(lock.try_write_as(other, park), Ok(false));
        lock.downgrade(me, park);
        assert_eq!(lock.try_write_as(other, park), Ok(false));
        assert_eq!(lock.try_read_as(other, park), Ok(true));
        lock.leave_as(other, park);
        lock.leave_as(me, park);
        assert_eq!(lock.try_write_as(other, park), Ok(true));
    });
}

#[test]
fn forgotten_readers_are_counted_up_to_a_limit() {
    explore(|| {
        let shared = Guarded::<Blocking>::new(1);
        let (lock, park, me) = (shared.lock(), &shared.kernel, owner(0, 0));
        shared.tally().word(0).unwrap().store((1 << 30) - 1, Relaxed);
        assert_eq!(lock.read_as(me, park), Ok(None));
        assert_eq!(lock.read_as(me, park), Err(LockError::WouldDeadlock));
        assert_eq!(lock.try_read_as(me, park), Err(LockError::WouldDeadlock));
        lock.leave_as(me, park);
        assert_eq!(lock.read_as(me, park), Ok(None));
    });
}

#[test]
fn checker_finds_reader_that_does_not_look() {
    finds(Bug::ReaderBlind, RACE, all_get_their_turn::<Spurious>(READ_AND_WRITE));
}

#[test]
fn checker_finds_reader_whose_look_orders_nothing() {
    finds(Bug::ReaderLooksRelaxed, RACE, all_get_their_turn::<Spurious>(READ_AND_WRITE));
}

#[test]
fn checker_finds_reader_that_looks_before_it_is_seen() {
    finds(Bug::ReaderUnordered, RACE, all_get_their_turn::<Spurious>(READ_AND_WRITE));
}

#[test]
fn checker_finds_reader_that_leaves_before_it_has_read() {
    finds(Bug::RelaxedLeave, RACE, all_get_their_turn::<Spurious>(READ_AND_WRITE));
}

#[test]
fn checker_finds_woken_reader_that_wakes_nobody() {
    finds(Bug::WokenReaderWakesNobody, DEADLOCK, all_get_their_turn::<Blocking>(TWO_READ_ONE_WRITES));
}

#[test]
fn checker_finds_reader_that_takes_no_notice_of_a_dead_writer() {
    finds(Bug::DeadWriterForgotten, OVERLOOKED, swept_one_is_in_nobodys_way::<Spurious>(Write));
}

#[test]
fn checker_finds_writer_whose_looks_order_nothing() {
    finds(Bug::WriterScansRelaxed, RACE, all_get_their_turn::<Spurious>(READ_AND_WRITE));
}

#[test]
fn checker_finds_writer_that_looks_before_it_is_seen() {
    finds(Bug::WriterUnordered, RACE, one_sees_the_other);
}

#[test]
fn checker_finds_writer_that_sleeps_unmarked() {
    finds(Bug::CellNotMarked, DEADLOCK, all_get_their_turn::<Blocking>(READ_AND_WRITE));
}

#[test]
fn checker_finds_reader_that_leaves_the_writer_asleep() {
    finds(Bug::WriterNotWoken, DEADLOCK, all_get_their_turn::<Blocking>(READ_AND_WRITE));
}

#[test]
fn checker_finds_reader_that_is_passed_over_alive() {
    finds(Bug::LivingReaderPassedOver, RACE, all_get_their_turn::<Spurious>(READ_AND_WRITE));
}

#[test]
fn checker_finds_writer_that_did_not_say_so() {
    finds(Bug::WritingUnsaid, OVERLOOKED, swept_one_is_in_nobodys_way::<Spurious>(Write));
}

#[test]
fn checker_finds_writing_that_is_not_taken_back() {
    finds(
        Bug::WritingNotTakenBack,
        UNCAUSED,
        survivors_get_their_turn::<Spurious>(TWO_WRITE, false, AFTER_WRITING, &Arc::new(AtomicUsize::new(0))),
    );
}

#[test]
fn checker_finds_downgrade_that_counts_too_late() {
    finds(Bug::DowngradeCountsLate, RACE, all_get_their_turn::<Spurious>(DOWNGRADE_AND_WRITE));
}

#[test]
fn checker_finds_burial_that_orders_nothing() {
    finds(Bug::RelaxedBurial, RACE, swept_one_is_in_nobodys_way::<Spurious>(Read));
}
