//! Threads for what may take long: the caller's code, and forks. Not the one that looks after the workers, unless the system refuses others.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

pub(super) type Callback = Box<dyn FnOnce() + Send>;

/// Runs callbacks one after the other, on a thread that the first one starts.
pub(super) struct Callbacks {
    name: &'static str,
    queue: Mutex<Option<Sender<Callback>>>,
}

impl Callbacks {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, queue: Mutex::new(None) }
    }

    /// Has `callback` run. Does not wait for it, unless there is no thread to be had: then it runs here, better than never. A panic in it has spoken
    /// through the hook, and ends with it.
    pub(super) fn run(&self, callback: Callback) {
        if let Err(callback) = self.try_run(callback) {
            contain(callback);
        }
    }

    /// As [`run`](Self::run). `Err`: there is no thread to be had.
    pub(super) fn try_run(&self, callback: Callback) -> Result<(), Callback> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            *queue = self.start();
        }
        match &*queue {
            Some(queue) => queue.send(callback).map_err(|unsent| unsent.0),
            None => Err(callback),
        }
    }

    fn start(&self) -> Option<Sender<Callback>> {
        let (queue, callbacks) = channel::<Callback>();
        let run = move || callbacks.into_iter().for_each(contain);
        thread::Builder::new().name(String::from(self.name)).spawn(run).ok()?;
        Some(queue)
    }
}

/// Calls what is not ours.
pub(super) fn contain(callback: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) {
        std::mem::forget(payload); // its destructor might panic again
    }
}
