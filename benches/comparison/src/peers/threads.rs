//! std and `parking_lot`: they know threads only, and are what one compares with.

use crate::locks::roles::{Lock, ReadLock};

impl<T> Lock<T> for std::sync::Mutex<T> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        turn(&mut self.lock().expect("nobody panicked"))
    }
}

impl<T> Lock<T> for parking_lot::Mutex<T> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        turn(&mut self.lock())
    }
}

impl<T> ReadLock<T> for std::sync::RwLock<T> {
    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.read().expect("nobody panicked"))
    }
}

impl<T> ReadLock<T> for parking_lot::RwLock<T> {
    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.read())
    }
}
