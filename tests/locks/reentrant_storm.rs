//! A reentrant mutex in a storm of kills, taken at several depths.

use procshare::sync::{LockError, ReentrantMutex};

use crate::{
    crew::{Storm, storm},
    support::{isolated, measured, scaled},
};

type Data = [u64; 8];

/// Locks `depth` times, and counts on a part of the words at each depth.
fn count_one(mutex: &ReentrantMutex<Data>, depth: usize) -> Result<(), String> {
    let guard = match mutex.lock() {
        Ok(guard) => guard,
        Err(LockError::Poisoned(poisoned)) => {
            let guard = poisoned.into_inner();
            if depth == 8 {
                let most = guard.get().into_iter().max().unwrap_or(0);
                guard.set([most; 8]);
                mutex.clear_poison();
            }
            guard
        }
        Err(error) => return Err(format!("lock: {error}")),
    };
    let data = guard.get();
    if depth == 8 && data != [data[0]; 8] {
        return Err(format!("half changed and not poisoned: {data:?}"));
    }
    guard.update(|mut data| {
        data[8 - depth] += 1;
        data
    });
    if depth > 1 { count_one(mutex, depth - 1) } else { Ok(()) }
}

#[test]
fn reentrant_mutex_weathers_a_storm() {
    isolated(900, || {
        let mutex = ReentrantMutex::new([0; 8]).expect("a mutex");
        let own = mutex.clone();
        let Storm { kills, rounds } = storm(3, scaled(20_000), 41, move |_| count_one(&own, 8));
        measured(&format!("reentrant mutex, 3 processes: {rounds} rounds, {kills} kills"));
        let counted = mutex.lock().or_else(LockError::recover).expect("the lock").get()[0];
        assert!((rounds..=rounds + kills).contains(&counted), "{counted} rounds counted, {rounds} done");
    });
}
