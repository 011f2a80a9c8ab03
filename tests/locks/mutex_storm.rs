//! A mutex in a storm of kills: whole data or poison, never both wrong, and nobody waits for the dead.

use procshare::{
    Value,
    sync::{CauseKind, LockError, Mutex},
};

use crate::{
    crew::{Storm, storm},
    support::{isolated, measured, os, scaled},
};

/// 64 bytes, of which all words are the same while the data is whole.
type Data = [u64; 8];

/// Locks, checks, and counts one on in every word.
///
/// `inside` is the process that has the lock, as it says itself: 0 for a moment at either end.
fn count_one(mutex: &Mutex<Data>, inside: &Value<u32>, poisonings: &Value<u64>) -> Result<(), String> {
    let before = |cause: Option<u32>| match (inside.get(), cause) {
        (0, _) => Ok(()),
        (holder, Some(pid)) if holder == pid => Ok(()),
        (holder, cause) => Err(format!("process {holder} was inside, and the lock blames {cause:?}")),
    };
    let mut guard = match mutex.lock() {
        Ok(guard) => {
            before(None)?;
            if guard.iter().any(|word| *word != guard[0]) {
                return Err(format!("half changed and not poisoned: {:?}", *guard));
            }
            guard
        }
        Err(LockError::Poisoned(poisoned)) => {
            let cause = poisoned.cause();
            before(Some(cause.pid))?;
            if cause.kind != CauseKind::Died || cause.pid == 0 || cause.pid == os::pid() {
                return Err(format!("poisoned by {cause}"));
            }
            let mut guard = poisoned.into_inner();
            inside.set(os::pid());
            poisonings.fetch_add(1);
            let most = guard.iter().copied().max().unwrap_or(0);
            guard.fill(most);
            mutex.clear_poison();
            guard
        }
        Err(error) => return Err(format!("lock: {error}")),
    };
    inside.set(os::pid());
    for word in guard.iter_mut() {
        *std::hint::black_box(word) += 1;
    }
    inside.set(0);
    Ok(())
}

fn weather(workers: usize, seed: u64) {
    let mutex = Mutex::new([0; 8]).expect("a mutex");
    let (inside, poisonings) = (Value::new(0).expect("4 bytes"), Value::new(0).expect("8 bytes"));
    let work = {
        let (mutex, inside, poisonings) = (mutex.clone(), inside.clone(), poisonings.clone());
        move |_| count_one(&mutex, &inside, &poisonings)
    };
    let Storm { kills, rounds } = storm(workers, scaled(100_000), seed, work);
    let poisonings = poisonings.get();
    measured(&format!(
        "mutex, {workers} processes: {rounds} rounds, {kills} kills, {poisonings} found it poisoned"
    ));
    // One who mends and is killed before it says so leaves the same poison to the next.
    assert!(poisonings <= 2 * kills, "{poisonings} poisonings by {kills} kills");
    let counted = mutex.lock().or_else(LockError::recover).expect("the lock")[0];
    assert!((rounds..=rounds + kills).contains(&counted), "{counted} rounds counted, {rounds} done");
}

#[test]
fn mutex_of_two_processes_weathers_a_storm() {
    isolated(900, || weather(2, 1));
}

#[test]
fn mutex_of_three_processes_weathers_a_storm() {
    isolated(900, || weather(3, 2));
}

#[test]
fn mutex_of_four_processes_weathers_a_storm() {
    isolated(900, || weather(4, 3));
}
