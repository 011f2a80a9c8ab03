//! A descriptor that is readable when there is something to be received: for event loops and async runtimes.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::any::Receive;
use super::conduit::Conduit;
use crate::error::OsError;
use crate::segment::member;
use crate::shim::{AtomicU64, Ordering::Relaxed};
use crate::sys::{Deadline, EventFd};

/// A descriptor (an eventfd) that becomes readable when a queue has something to be received, or is over.
///
/// It is fed by a thread that it has in this process, made with it and ended when it is dropped: nothing else of a queue needs a
/// descriptor or a thread. Wait until it is readable, with `poll`, `epoll` or an async runtime; then receive by `try_recv` until that
/// says that nothing is left; then [`rearm`](Readiness::rearm) it, and wait again.
///
/// A child that fork made of this process has the descriptor, but not the thread: it should make one of its own.
///
/// # Examples
/// As an async runtime does it, but by `poll(2)`; `examples/async_receive.rs` has it with tokio's `AsyncFd`:
/// ```
/// use std::os::fd::AsFd;
/// use procshare::{Process, Queue, queue::{Readiness, TryRecvError}};
/// # fn wait_readable(fd: std::os::fd::BorrowedFd<'_>) {
/// #     use std::io::Read;
/// #     let mut file = std::fs::File::from(fd.try_clone_to_owned().unwrap());
/// #     while file.read(&mut [0; 8]).is_err() { std::thread::sleep(std::time::Duration::from_millis(1)); }
/// # }
///
/// let (sender, receiver) = Queue::bounded(4)?.split();
/// let child = Process::spawn(move || (0..10).for_each(|i| sender.send(i).unwrap()))?;
/// let readiness = Readiness::of(&receiver)?;
/// let mut sum = 0;
/// let end = loop {
///     match receiver.try_recv() {
///         Ok(value) => sum += value,
///         Err(TryRecvError::Empty) => {
///             readiness.rearm();
///             wait_readable(readiness.as_fd());
///         }
///         Err(end) => break end,
///     }
/// };
/// assert_eq!((sum, end), (45, TryRecvError::Disconnected));
/// child.join()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Readiness {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    /// Of the process that has the thread.
    generation: u64,
}

#[derive(Debug)]
struct Shared {
    event: EventFd,
    conduit: Conduit,
    ends: bool,
    /// Not 0: the thread is to end.
    stop: AtomicU64,
    /// Whether the thread is to look for something to be received.
    armed: Mutex<bool>,
    rearmed: Condvar,
}

impl Readiness {
    /// Makes a descriptor for what `receiver` receives, with its thread.
    ///
    /// # Errors
    /// [`OsError`] if there is no descriptor or no thread to be had.
    pub fn of<S: Receive>(receiver: &S) -> Result<Self, OsError> {
        let (conduit, ends) = receiver.source();
        let shared = Arc::new(Shared {
            event: EventFd::new()?,
            conduit: conduit.clone(),
            ends,
            stop: AtomicU64::new(0),
            armed: Mutex::new(true),
            rearmed: Condvar::new(),
        });
        let feed = {
            let shared = shared.clone();
            move || shared.feed()
        };
        let thread = std::thread::Builder::new().name(String::from("procshare-ready")).spawn(feed);
        let thread = thread.map_err(|error| {
            OsError::new("pthread_create", "readiness", error.raw_os_error().unwrap_or(0))
        })?;
        Ok(Self { shared, thread: Some(thread), generation: member::generation() })
    }

    /// Makes the descriptor unreadable, until there is something to be received: if there is already, at once.
    ///
    /// Never blocks. In a child that fork made it does nothing.
    pub fn rearm(&self) {
        if self.generation == member::generation() {
            self.shared.event.clear();
            *self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.shared.rearmed.notify_one();
        }
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed) != 0
    }

    /// The thread: makes the descriptor readable whenever it is armed and there is something.
    fn feed(&self) {
        loop {
            {
                let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
                while !*armed && !self.is_stopped() {
                    armed = self.rearmed.wait(armed).unwrap_or_else(PoisonError::into_inner);
                }
                *armed = false;
            }
            loop {
                if self.is_stopped() {
                    return;
                }
                let nap = Deadline::after(Duration::from_secs(1));
                if Conduit::await_any(&[(&self.conduit, self.ends)], 0, nap, |_| self.is_stopped()).is_some()
                {
                    self.event.set();
                    break;
                }
            }
        }
    }
}

impl Drop for Readiness {
    fn drop(&mut self) {
        let thread = self.thread.take();
        if self.generation != member::generation() {
            std::mem::forget(thread); // this process has no such thread
            return;
        }
        self.shared.stop.store(1, Relaxed); // the lock, or the bell, tells the thread to look
        // Under the lock, so that the thread is either asleep or has yet to look.
        drop(self.shared.armed.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.rearmed.notify_one();
        self.shared.conduit.fifo().ring_all(&member::park());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

impl AsFd for Readiness {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.event.as_fd()
    }
}

impl AsRawFd for Readiness {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
