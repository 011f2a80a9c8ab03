//! A semaphore in a storm of kills: no permit is lost, none is doubled, and nobody waits for the dead.

use procshare::{
    Value,
    sync::{Semaphore, TryAcquireError},
};

use crate::{
    crew::{Storm, storm},
    support::{isolated, measured, os, scaled},
};

/// All permits can be taken again, and not one more.
fn assert_all_there(semaphore: &Semaphore, all: u32) {
    let permits = semaphore.acquire_many(all).expect("no permit is lost");
    assert!(matches!(semaphore.try_acquire(), Err(TryAcquireError::NoPermits)), "a permit was doubled");
    drop(permits);
    assert_eq!(semaphore.available_permits(), all);
}

#[test]
fn permits_weather_a_storm() {
    isolated(900, || {
        let semaphore = Semaphore::new(3).expect("a semaphore");
        let (own, turn) = (semaphore.clone(), Value::new(0_u32).expect("4 bytes"));
        let work = move |_| {
            let count = 1 + turn.fetch_add(1) % 3;
            own.acquire_many(count).map(drop).map_err(|error| error.to_string())
        };
        let Storm { kills, rounds } = storm(4, scaled(50_000), 21, work);
        measured(&format!("semaphore, 4 processes: {rounds} rounds, {kills} kills"));
        assert_all_there(&semaphore, 3);
    });
}

#[test]
fn one_permit_is_held_by_one_process_through_a_storm() {
    isolated(900, || {
        let semaphore = Semaphore::new(1).expect("a semaphore");
        let (own, holder) = (semaphore.clone(), Value::new(0_u32).expect("4 bytes"));
        let work = move |_| {
            let permit = own.acquire().map_err(|error| error.to_string())?;
            let me = os::pid();
            holder.set(me);
            for _ in 0..20 {
                let other = holder.get();
                if other != me {
                    return Err(format!("{me} and {other} hold the only permit"));
                }
            }
            drop(permit);
            Ok(())
        };
        let Storm { kills, rounds } = storm(3, scaled(50_000), 22, work);
        measured(&format!("semaphore of one, 3 processes: {rounds} rounds, {kills} kills"));
        assert_all_there(&semaphore, 1);
    });
}
