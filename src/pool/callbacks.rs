//! The thread on which a pool's callbacks run: never the one that looks after the workers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

type Callback = Box<dyn FnOnce() + Send>;

/// Runs callbacks one after the other, on a thread that the first one starts.
#[derive(Default)]
pub(super) struct Callbacks(Mutex<Option<Sender<Callback>>>);

impl Callbacks {
    /// Has `callback` run. Does not wait for it. A panic in it has spoken through the hook, and ends with it.
    pub(super) fn run(&self, callback: Callback) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.is_none() {
            *queue = start();
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
}

fn start() -> Option<Sender<Callback>> {
    let (queue, callbacks) = channel::<Callback>();
    let run = move || callbacks.into_iter().for_each(contain);
    thread::Builder::new().name(String::from("procshare-callbacks")).spawn(run).ok()?;
    Some(queue)
}

/// Calls what is not ours.
pub(super) fn contain(callback: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(callback)) {
        std::mem::forget(payload); // its destructor might panic again
    }
}
