//! The crate `raw_sync`: mutex, rwlock and event.

use std::time::Duration;

use super::accident::Accident;
use super::cast::Forks;
use super::script;
use crate::peers::raw_sync::{Event, Mutex, RwLock};

/// Kept for good: everybody of a case uses it, and nobody outlives the case.
fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Returns whether there is something to play it with.
pub(super) fn play(accident: Accident) -> bool {
    match accident {
        Accident::Holder => {
            let mutex = kept(Mutex::new(0_u64));
            script::holder_killed(&Forks, "lock()", || mutex.lock_for_good(), || said(mutex.try_out(None)));
        }
        Accident::Timeout => {
            let mutex = kept(Mutex::new(0_u64));
            let timeout = Some(Duration::from_millis(900));
            script::timed_out(&Forks, || mutex.lock_for_good(), || said(mutex.try_out(timeout)));
        }
        Accident::Reader => {
            let lock = kept(RwLock::new(0_u64));
            script::holder_killed(&Forks, "write()", || lock.read_for_good(), || said(lock.try_out(None)));
        }
        Accident::Event => {
            let event = kept(Event::new(false));
            let (wait, set) = (|| said(event.wait_for_it()), || said(event.set()));
            script::waiter_killed(&Forks, wait, &[("set()", &set), ("set()", &set)], || event.clear());
        }
        Accident::Permit | Accident::Condition | Accident::Barrier | Accident::Absent => return false,
    }
    true
}

fn said(result: Result<(), String>) -> String {
    match result {
        Ok(()) => "ok".to_owned(),
        Err(text) => format!("error \"{text}\""),
    }
}
