//! A reader-writer lock in a storm of kills: readers see whole data or poison, and nobody waits for the dead.

use procshare::{
    Value,
    sync::{LockError, RwLock, RwLockWriteGuard},
};

use crate::{
    crew::{Storm, storm},
    support::{isolated, measured, scaled},
};

type Data = [u64; 8];

fn is_whole(data: &Data) -> bool {
    data.iter().all(|word| *word == data[0])
}

fn read(lock: &RwLock<Data>, alone: &Value<u32>) -> Result<(), String> {
    match lock.read() {
        Ok(guard) => {
            // Copied word by word: a writer beside us would show.
            let first = *guard;
            let writer = alone.get();
            let again = *std::hint::black_box(&*guard);
            if first != again || writer != 0 {
                return Err(format!("written while read: {first:?}, {again:?}, by {writer}"));
            }
            if !is_whole(&first) {
                return Err(format!("half changed and not poisoned: {first:?}"));
            }
        }
        Err(LockError::Poisoned(_)) => {}
        Err(error) => return Err(format!("read: {error}")),
    }
    Ok(())
}

fn write(lock: &RwLock<Data>, alone: &Value<u32>, round: usize) -> Result<(), String> {
    let mut guard = match lock.write() {
        Ok(guard) if is_whole(&guard) => guard,
        Ok(guard) => return Err(format!("half changed and not poisoned: {:?}", *guard)),
        Err(LockError::Poisoned(poisoned)) => {
            let mut guard = poisoned.into_inner();
            let most = guard.iter().copied().max().unwrap_or(0);
            guard.fill(most);
            alone.set(0);
            lock.clear_poison();
            guard
        }
        Err(error) => return Err(format!("write: {error}")),
    };
    alone.set(std::process::id());
    for word in guard.iter_mut() {
        *std::hint::black_box(word) += 1;
    }
    alone.set(0);
    if round.is_multiple_of(2) {
        let guard = RwLockWriteGuard::downgrade(guard);
        if !is_whole(&guard) {
            return Err(format!("half changed by somebody else: {:?}", *guard));
        }
    }
    Ok(())
}

/// Each worker writes in every so-manieth of its rounds, and reads in the others.
fn weather(workers: usize, writes: u64, seed: u64) {
    let lock = RwLock::new([0; 8]).expect("a lock");
    let (alone, round) = (Value::new(0).expect("4 bytes"), Value::new(0_u64).expect("8 bytes"));
    let work = {
        let (lock, alone) = (lock.clone(), alone.clone());
        move |_| {
            let round = round.fetch_add(1);
            if round.is_multiple_of(writes) {
                write(&lock, &alone, round as usize)
            } else {
                read(&lock, &alone)
            }
        }
    };
    let Storm { kills, rounds } = storm(workers, scaled(50_000), seed, work);
    measured(&format!("rwlock, {workers} processes, 1 of {writes} writes: {rounds} rounds, {kills} kills"));
    let written = lock.write().or_else(LockError::recover).expect("the lock")[0];
    assert!(written > 0, "nobody wrote");
}

#[test]
fn lock_of_many_readers_weathers_a_storm() {
    isolated(900, || weather(4, 20, 11));
}

#[test]
fn lock_of_readers_and_writers_in_equal_parts_weathers_a_storm() {
    isolated(900, || weather(3, 2, 12));
}
