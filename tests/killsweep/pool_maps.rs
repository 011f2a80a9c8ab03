//! Maps, one of whose workers is killed: what it had in hand has failed, or is done again, and everything else is done.

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use procshare::Pool;
use procshare::pool::{Builder, MapError};

use crate::board::Board;
use crate::fates::{Fate, count, runs};
use crate::forked::{open_slabs, take_turn};
use crate::gate::{Beginning, begin_path, end_path};
use crate::heap::FILL;
use crate::shift::{Pending, Plan, Shift, When, said, submitted};
use crate::sweep::sweep;
use crate::turn::Turn;

/// The elements of the map, which are their numbers; the path begins in the first one.
const ELEMENTS: [u64; 4] = [0, 1, 2, 3];
const NUMBERS: [usize; 4] = [0, 1, 2, 3];
/// The number of the task after it, in which the path ends.
const NEXT: usize = 4;

fn element(number: u64) -> u64 {
    runs(number);
    if number == ELEMENTS[0] {
        begin_path();
    }
    FILL ^ number
}

fn next(number: u64) -> u64 {
    runs(number);
    end_path();
    number
}

/// A thread that maps, one element a chunk.
fn map(pool: &Arc<Pool>) -> Pending {
    let (tell, told) = channel();
    let pool = Arc::clone(pool);
    thread::spawn(move || {
        let fates = fates_of(&pool);
        drop(pool);
        let _ = tell.send(fates);
    });
    said(&NUMBERS, told)
}

fn fates_of(pool: &Pool) -> Vec<(usize, Fate)> {
    let outcome = pool.mapping().chunk(1).map(element, &ELEMENTS);
    let (failures, done) = match outcome {
        Ok(done) => (Vec::new(), done),
        Err(MapError::Failed { failures, partial }) => (failures, partial),
        Err(error) => return NUMBERS.map(|number| (number, Fate::Wrong(error.to_string()))).to_vec(),
    };
    let fate = |number: usize| match failures.iter().find(|failure| failure.range.contains(&number)) {
        Some(failure) => Fate::of_failure(&failure.failure),
        None if done[number] == FILL ^ number as u64 => Fate::Right,
        None => Fate::Wrong(format!("{:#x}", done[number])),
    };
    NUMBERS.map(|number| (number, fate(number))).to_vec()
}

fn sleepy(builder: Builder) -> Builder {
    builder.spin(Duration::ZERO)
}

/// Everything is done but the victim's chunk.
fn others_are_through(board: &Board) -> bool {
    NUMBERS[1..].iter().all(|number| count(board, *number) == 1)
}

const PLAN: Plan = Plan {
    workers: 1,
    build: sleepy,
    retried: false,
    beginning: Beginning::InTheBody,
    first: map,
    until: |_| true,
    then: |pool| submitted(pool, NEXT, next, |outcome| *outcome == Ok(NEXT as u64)),
    when: When::AtOnce,
};

fn play(turn: &Turn, name: &str, plan: Plan) {
    let _slabs = open_slabs();
    sweep(name, turn, &mut Shift::new(turn, plan)).assert_clean();
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_chunk_whose_worker_is_killed_has_failed_and_the_others_are_done() {
    let turn = take_turn();
    play(&turn, "pool: map, by one", PLAN);
    let two = Plan { workers: 2, until: others_are_through, ..PLAN };
    play(&turn, "pool: map, another one does the rest", two);
}

#[test]
#[cfg_attr(debug_assertions, ignore = "long without optimisation: ci/killsweep.sh runs it")]
fn a_chunk_whose_worker_is_killed_is_done_again_if_the_pool_says_so() {
    let turn = take_turn();
    let retried = Plan { build: |builder| sleepy(builder).retries(1), retried: true, ..PLAN };
    play(&turn, "pool: map, with retries", retried);
}
