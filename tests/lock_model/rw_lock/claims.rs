//! What is claimed of the readers-writer lock, and the controls that differ from it in one point each.

use super::State;
use super::protocol::{Does, Part, Protocol, RW_LOCK};
use crate::graph::{Fault, Findings, explore};
use crate::locker::{Locking, OWNER_LOCK};

const UNBOUNDED: Locking = Locking { bounded: false, ..OWNER_LOCK };

const fn part(slot: u8, does: Does, rounds: u8) -> Part {
    Part { slot, does, rounds }
}

type Cast = &'static [Part];

const READERS_AND_WRITER: Cast = &[part(0, Does::Read, 2), part(1, Does::Read, 1), part(2, Does::Write, 2)];
const READER_AND_WRITERS: Cast = &[part(0, Does::Read, 1), part(1, Does::Write, 2), part(2, Does::Write, 1)];
const WRITER_BESIDE_A_READER: Cast =
    &[part(0, Does::Read, 2), part(0, Does::Write, 1), part(1, Does::Write, 2)];
const READERS_OF_ONE_CELL: Cast = &[part(0, Does::Read, 2), part(0, Does::Read, 1), part(1, Does::Write, 2)];
const DOWNGRADER: Cast = &[part(0, Does::Downgrade, 1), part(1, Does::Read, 1), part(2, Does::Write, 1)];
const READER_OUT_OF_TIME: Cast =
    &[part(0, Does::ReadInTime, 1), part(1, Does::Read, 1), part(2, Does::Write, 2)];
const WRITER_OUT_OF_TIME: Cast =
    &[part(0, Does::WriteInTime, 1), part(1, Does::Read, 2), part(2, Does::Write, 1)];
const READER_TRIES: Cast = &[part(0, Does::TryRead, 2), part(1, Does::Read, 1), part(2, Does::Write, 2)];
const WRITER_TRIES: Cast = &[part(0, Does::TryWrite, 2), part(1, Does::Read, 2), part(2, Does::Write, 1)];

const WAITING: [Cast; 5] =
    [READERS_AND_WRITER, READER_AND_WRITERS, WRITER_BESIDE_A_READER, READERS_OF_ONE_CELL, DOWNGRADER];
const GIVING_UP: [Cast; 4] = [READER_OUT_OF_TIME, WRITER_OUT_OF_TIME, READER_TRIES, WRITER_TRIES];

/// What takes minutes without optimisation.
const LARGE: [Cast; 6] = [
    &[part(0, Does::Read, 2), part(1, Does::Read, 2), part(2, Does::Write, 2)],
    &[part(0, Does::Read, 1), part(0, Does::Read, 1), part(1, Does::Write, 1), part(2, Does::Read, 1)],
    &[part(0, Does::Read, 2), part(1, Does::Write, 2), part(2, Does::Write, 2)],
    &[part(0, Does::Read, 2), part(0, Does::Read, 1), part(1, Does::Write, 1), part(2, Does::Write, 1)],
    &[part(0, Does::Downgrade, 1), part(1, Does::Read, 1), part(2, Does::Read, 1), part(1, Does::Write, 1)],
    &[
        part(0, Does::ReadInTime, 1),
        part(1, Does::WriteInTime, 1),
        part(2, Does::Read, 1),
        part(1, Does::Write, 1),
    ],
];

fn findings(name: &str, protocol: Protocol, kills: u8) -> Findings {
    explore::<State>(name, protocol, kills)
}

#[track_caller]
fn control(name: &str, protocol: Protocol, kills: u8, shows: Fault) {
    findings(name, protocol, kills).expect_only(shows);
}

#[track_caller]
fn sound_unbounded(cast: Cast) {
    let protocol = Protocol { cast, locking: UNBOUNDED, ..RW_LOCK };
    findings("readers-writer lock, unbounded", protocol, 0).expect_none(10_000);
}

#[track_caller]
fn sound(cast: Cast, kills: u8) {
    findings("readers-writer lock", Protocol { cast, ..RW_LOCK }, kills).expect_none(10_000);
}

#[test]
fn no_wake_is_lost_while_all_live_even_without_the_bound() {
    WAITING.into_iter().chain(GIVING_UP).for_each(sound_unbounded);
}

#[test]
fn nobody_overlaps_waits_for_ever_or_misses_poison_when_one_is_killed() {
    WAITING.into_iter().for_each(|cast| sound(cast, 1));
}

#[test]
fn nobody_overlaps_waits_for_ever_or_misses_poison_when_some_give_up_and_one_is_killed() {
    GIVING_UP.into_iter().for_each(|cast| sound(cast, 1));
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn nobody_overlaps_waits_for_ever_or_misses_poison_when_two_are_killed() {
    LARGE.into_iter().for_each(sound_unbounded);
    WAITING.into_iter().chain(GIVING_UP).chain(LARGE).for_each(|cast| sound(cast, 2));
}

#[test]
fn process_that_joins_late_is_not_overlooked() {
    let late = Protocol { cast: READERS_AND_WRITER, high: 0, ..RW_LOCK };
    findings("late joiners", late, 0).expect_none(10_000);
}

#[test]
fn control_that_counts_cells_before_it_has_the_lock_overlooks_a_late_one() {
    let early = Protocol { cast: DOWNGRADER, high: 1, high_read_late: false, ..RW_LOCK };
    control("high read early", early, 0, Fault::Overlap);
}

#[test]
fn control_that_looks_before_it_counts_itself_overlaps() {
    let late = Protocol { cast: DOWNGRADER, counts_first: false, ..RW_LOCK };
    control("looks, then counts", late, 0, Fault::Overlap);
}

#[test]
fn control_whose_reader_keeps_its_count_while_it_sleeps_hangs_with_all_alive() {
    let stubborn = Protocol { cast: DOWNGRADER, backs_out: false, locking: UNBOUNDED, ..RW_LOCK };
    control("does not back out", stubborn, 0, Fault::Stuck);
}

#[test]
fn control_whose_writer_does_not_look_again_overlaps() {
    let rash = Protocol { cast: READERS_OF_ONE_CELL, looks_again: false, ..RW_LOCK };
    control("does not look again", rash, 0, Fault::Overlap);
}

#[test]
fn control_whose_woken_reader_wakes_nobody_hangs_with_all_alive() {
    let selfish = Protocol { cast: READERS_AND_WRITER, wakes_others: false, locking: UNBOUNDED, ..RW_LOCK };
    control("wakes nobody", selfish, 0, Fault::Stuck);
}

#[test]
fn control_whose_reader_does_not_wake_the_writer_hangs_with_all_alive() {
    let silent = Protocol { cast: DOWNGRADER, wakes_writer: false, locking: UNBOUNDED, ..RW_LOCK };
    control("does not wake the writer", silent, 0, Fault::Stuck);
}

#[test]
fn control_that_gives_up_without_a_last_look_takes_the_wake_along() {
    let hasty = Protocol { cast: READER_OUT_OF_TIME, last_look: false, locking: UNBOUNDED, ..RW_LOCK };
    control("no last look", hasty, 0, Fault::Stuck);
}

#[test]
fn control_without_a_bound_on_sleep_hangs_after_a_kill() {
    control("unbounded", Protocol { cast: DOWNGRADER, locking: UNBOUNDED, ..RW_LOCK }, 1, Fault::Stuck);
}

#[test]
fn control_that_waits_for_dead_readers_hangs_after_a_kill() {
    control(
        "waits for the dead",
        Protocol { cast: DOWNGRADER, passes_dead: false, ..RW_LOCK },
        1,
        Fault::Hopeless,
    );
}

#[test]
fn control_that_passes_over_the_living_overlaps() {
    control("no evidence", Protocol { cast: DOWNGRADER, evidence: false, ..RW_LOCK }, 0, Fault::Overlap);
}

#[test]
fn control_that_poisons_whatever_a_dead_writer_did_poisons_without_cause() {
    let nervous = Protocol { cast: DOWNGRADER, writing_decides: false, ..RW_LOCK };
    control("no WRITING", nervous, 1, Fault::PoisonUncaused);
}

#[test]
fn control_that_clears_writing_before_it_poisons_misses_poison_after_two_kills() {
    let forgets = Protocol { cast: READERS_AND_WRITER, poison_first: false, ..RW_LOCK };
    control("WRITING off, then poison", forgets, 2, Fault::PoisonMissed);
}

#[test]
fn control_that_notes_a_death_after_waiting_for_readers_misses_poison() {
    let late = Protocol { cast: WRITER_OUT_OF_TIME, notes_at_once: false, ..RW_LOCK };
    control("notes late", late, 1, Fault::PoisonMissed);
}

#[test]
fn control_whose_reader_goes_in_over_died_misses_poison() {
    let blind = Protocol { cast: DOWNGRADER, heeds_died: false, ..RW_LOCK };
    control("overlooks DIED", blind, 1, Fault::PoisonMissed);
}
