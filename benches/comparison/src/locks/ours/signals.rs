//! `Event`, `Semaphore`, `Condvar`.

use procshare::sync::{Condvar, Event, Mutex, Semaphore};

use super::mutex;
use crate::locks::roles::{Lock, Signal};
use crate::report::Row;
use crate::support::nanoseconds_each;

pub(in crate::locks) fn event() -> Event {
    Event::auto().expect("an event")
}

impl Signal for Event {
    fn send(&self) {
        self.set();
    }

    fn wait(&self) {
        Event::wait(self);
    }
}

pub(in crate::locks) fn semaphore() -> Semaphore {
    Semaphore::new(0).expect("a semaphore")
}

/// Acquiring a permit and giving it back.
pub(in crate::locks) fn permits(name: &'static str, turns: u32) -> Row {
    let semaphore = Semaphore::new(2).expect("a semaphore");
    Row::new(name, move || nanoseconds_each(turns, |_| drop(semaphore.acquire().expect("one to spare"))))
}

/// The permit goes from process to process: whoever waited does not give it back.
impl Signal for Semaphore {
    fn send(&self) {
        self.release(1).expect("there are few");
    }

    fn wait(&self) {
        self.acquire().expect("one will be there").forget();
    }
}

/// A flag under a mutex, with a condition.
pub(in crate::locks) struct Bell {
    flag: Mutex<u64>,
    rung: Condvar,
}

impl Bell {
    pub(in crate::locks) fn new() -> Self {
        Self { flag: mutex(0), rung: Condvar::new().expect("a condition") }
    }
}

impl Signal for Bell {
    fn send(&self) {
        self.flag.with(|flag| *flag = 1);
        self.rung.notify_one();
    }

    fn wait(&self) {
        let flag = self.flag.lock().expect("nobody died");
        *self.rung.wait_while(flag, |flag| *flag == 0).expect("nobody died") = 0;
    }
}
