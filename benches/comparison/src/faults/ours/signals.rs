//! `Event`, `Condvar`: waiters are killed.

use procshare::sync::{Condvar, Event, Mutex};

use super::cast::Processes;
use super::words::{locked, ok};
use crate::faults::script::{self, Wake};

pub(super) fn event() {
    let event = Event::new().expect("an event");
    let waited = event.clone();
    let wait = move || {
        waited.wait();
        ok()
    };
    let set = || {
        event.set();
        ok()
    };
    script::waiter_killed(&Processes, wait, &[("set()", &set), ("set()", &set)], || event.reset());
}

/// A waiter waits for a token, as a program would: the death of another waiter may wake it, which is no notification.
pub(super) fn condition() {
    let tokens = Mutex::new(0_u64).expect("a mutex");
    let more = Condvar::new().expect("a condition");
    let (taken_from, waited) = (tokens.clone(), more.clone());
    let wait = move || match taken_from.lock() {
        Ok(guard) => locked(waited.wait_while(guard, |tokens| *tokens == 0).map(|mut tokens| *tokens -= 1)),
        error => locked(error),
    };
    let notify = |verb: fn(&Condvar)| match tokens.lock() {
        Ok(mut guard) => {
            *guard += 1;
            verb(&more);
            ok()
        }
        error => locked(error),
    };
    let (one, all) = (|| notify(Condvar::notify_one), || notify(Condvar::notify_all));
    let wakes: [Wake<'_>; 3] = [("notify_one()", &one), ("notify_one()", &one), ("notify_all()", &all)];
    script::waiter_killed(&Processes, wait, &wakes, || {});
}
