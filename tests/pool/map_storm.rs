//! Maps in a storm of kills: each element is done once, or named in the error.

use std::{
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use procshare::{
    Array, Pool,
    pool::{MapError, TaskFailure},
};

use super::{
    leaving::leaving_nothing,
    storm::{EndsStorm, WORKERS, kill_now_and_then},
};
use crate::support::{isolated, measured, scaled};

#[test]
fn storm_of_kills_leaves_a_map_whole_but_for_what_it_names() {
    const LEN: usize = 20_000;
    const CHUNK: usize = 64;
    isolated(600, || {
        leaving_nothing(|| {
            let pool = Pool::new(WORKERS).expect("a pool");
            let over = AtomicBool::new(false);
            let (mut maps, mut whole) = (0, 0);
            let kills = thread::scope(|s| {
                let killer = s.spawn(|| kill_now_and_then(&pool, 42, &over));
                let ends = EndsStorm(&over);
                let until = Instant::now() + Duration::from_millis(scaled(3000) as u64);
                while Instant::now() < until {
                    let mut array = Array::<u64>::zeroed(LEN).expect("an array");
                    maps += 1;
                    let add = |number: usize, chunk: &mut [u64]| {
                        if number.is_multiple_of(16) {
                            thread::sleep(Duration::from_micros(100));
                        }
                        chunk.iter_mut().for_each(|element| *element += number as u64 + 1);
                    };
                    let mapped = pool.for_each_chunk_mut(&mut array, CHUNK, add);
                    let failures = match &mapped {
                        Ok(()) => &[][..],
                        Err(MapError::Failed { failures, .. }) => failures,
                        Err(other) => panic!("map {maps}: {other}"),
                    };
                    whole += usize::from(failures.is_empty());
                    for (at, element) in array.iter().enumerate() {
                        let is_named = failures.iter().any(|failed| failed.range.contains(&at));
                        let done = (at / CHUNK) as u64 + 1;
                        assert!(
                            *element == done || is_named && *element == 0,
                            "map {maps}: element {at} is {element}, not {done}; {mapped:?}"
                        );
                    }
                    let died = |failure: &TaskFailure| matches!(failure, TaskFailure::WorkerDied { .. });
                    assert!(failures.iter().all(|failed| died(&failed.failure)), "map {maps}: {mapped:?}");
                }
                drop(ends);
                killer.join().expect("the killer")
            });
            measured(&format!("{maps} maps, {whole} of them whole, {kills} kills"));
            assert!(maps > 10);
        });
    });
}
