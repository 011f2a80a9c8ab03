//! `Mutex`, `RwLock`.

use procshare::Element;
use procshare::sync::{Mutex, RwLock};

use crate::locks::roles::{Lock, ReadLock};
use crate::report::Row;
use crate::support::nanoseconds_each;

pub(in crate::locks) fn mutex<T: Element>(data: T) -> Mutex<T> {
    Mutex::new(data).expect("a mutex")
}

impl<T: Element> Lock<T> for Mutex<T> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        match self.lock() {
            Ok(mut guard) => turn(&mut guard),
            Err(_) => panic!("nobody died, nobody holds it twice"),
        }
    }
}

/// The loop of the Python script.
pub(in crate::locks) fn locked_increments(name: &'static str, turns: u32) -> Row {
    let count = mutex(0_u64);
    Row::new(name, move || nanoseconds_each(turns, |_| count.with(|count| *count += 1)))
}

pub(in crate::locks) fn rw_lock<T: Element>(data: T) -> RwLock<T> {
    RwLock::new(data).expect("an rwlock")
}

impl<T: Element> ReadLock<T> for RwLock<T> {
    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        match self.read() {
            Ok(guard) => look(&guard),
            Err(_) => panic!("nobody died, nobody holds it twice"),
        }
    }
}
