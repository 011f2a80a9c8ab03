//! Threads on which the caller's code runs: never the one that looks after the workers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

type Callback = Box<dyn FnOnce() + Send>;

/// Runs callbacks one after the other, on a thread that the first one starts.
pub(super) struct Callbacks {
    name: &'static str,
    queue: Mutex<Option<Sender<Callback>>>,
}

impl Callbacks {
    pub(super) const fn new(name: &'static str) -> Self {
        Self { name, queue: Mutex::new(None) }
    }

    /// Has `callback` run. Does not wait for it. A panic in it has spoken through the hook, and ends with it.
    pub(super) fn run(&self, callback: Callback) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            *queue = self.start();
        }
        match &*queue {
            Some(queue) => {
                let _ = queue.send(callback); // the thread lives as long as the queue does
            }
            // There is no thread to be had: better here than never.
            None => {
                drop(queue);
                contain(callback);
            }
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
