//! What a process that has children keeps: who they are, the pipe by which its death kills them, and the thread that
//! notices theirs.
//!
//! Made at the first spawn; a child begins without one and never touches its parent's, whose locks may be held for
//! ever there. The watcher only learns that a child is gone; settling one that nobody joins is the work of
//! another thread if a user's destructor has to run, which may take its time.

#![allow(unsafe_code)] // one leaked box behind a pointer that a fork resets

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::ptr;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::custody::Custody;
use super::failure::SpawnError;
use super::{panics, spawn};
use crate::error::OsError;
use crate::segment::member::{self, Latch};
use crate::shim::{
    AtomicPtr, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use crate::sys::{Deadline, DeathPipe, Watch, open_dev_null};

/// The runtime of this process.
pub(super) struct Runtime {
    pub(super) pipe: DeathPipe,
    pub(super) dev_null: OwnedFd,
    watch: Watch,
    children: Mutex<HashMap<u64, Arc<Custody>>>,
    numbers: AtomicU64,
}

static RUNTIME: AtomicPtr<Runtime> = AtomicPtr::new(ptr::null_mut());

/// Held while a thread makes the runtime.
static MAKING: Latch = Latch::new();

/// The runtime of this process, made at the first call.
pub(super) fn runtime() -> Result<&'static Runtime, SpawnError> {
    panics::set_hook(); // at every spawn, since the first may have been too early for it
    if let Some(runtime) = existing() {
        return Ok(runtime);
    }
    member::join()?;
    member::in_every_child(forget);
    MAKING.enter();
    let runtime = existing().map_or_else(make, Ok);
    MAKING.leave();
    runtime
}

fn make() -> Result<&'static Runtime, SpawnError> {
    let (dev_null, watch) = (open_dev_null()?, Watch::new()?);
    // The thread first, since what follows lives for ever: it waits to hear what to watch.
    let (tell, told) = channel::<&'static Runtime>();
    let watcher = move || told.recv().into_iter().for_each(Runtime::watch_for_ever);
    let thread = std::thread::Builder::new().name(String::from("procshare-watch"));
    let error =
        |error: std::io::Error| OsError::new("pthread_create", "watcher", error.raw_os_error().unwrap_or(0));
    thread.spawn(watcher).map_err(error)?;
    let pipe = DeathPipe::new()?;
    let (children, numbers) = (Mutex::default(), AtomicU64::new(0));
    let runtime: &'static Runtime = Box::leak(Box::new(Runtime { pipe, dev_null, watch, children, numbers }));
    let _ = tell.send(runtime);
    RUNTIME.store(ptr::from_ref(runtime).cast_mut(), Release); // W1
    Ok(runtime)
}

/// The runtime of this process, if it ever spawned.
pub(super) fn existing() -> Option<&'static Runtime> {
    // W1 acquire: the runtime that the pointer leads to is whole.
    let runtime = RUNTIME.load(Acquire);
    // SAFETY: null, or leaked by `runtime()` and never freed; shared references only.
    unsafe { runtime.as_ref() }
}

/// In every child: it has no runtime. A fork of the program's own must not hold our pipe open either: its parent's death
/// would go unnoticed.
fn forget() {
    let runtime = existing();
    RUNTIME.store(ptr::null_mut(), Relaxed); // the only thread there is
    MAKING.leave();
    panics::leave_body();
    super::child::forget_parent();
    if let Some(runtime) = runtime
        && !spawn::is_spawning()
    {
        runtime.pipe.let_go();
    }
}

impl Runtime {
    fn children(&self) -> MutexGuard<'_, HashMap<u64, Arc<Custody>>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number for the next child, from 1.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Relaxed) + 1
    }

    /// Begins to watch the child of that number, which is settled when it is gone even if nobody joins it.
    pub(super) fn adopt(&'static self, number: u64, custody: &Arc<Custody>) {
        self.children().insert(number, Arc::clone(custody));
        self.watch(number, custody);
    }

    fn watch(&'static self, token: u64, custody: &Arc<Custody>) {
        if self.watch.add(custody.pidfd(), token).is_err() {
            // It can not be watched: a thread waits for it, whatever it takes.
            self.settle_unwatched(token, Arc::clone(custody));
        }
    }

    /// Waits for a child until `deadline`, in place of the watcher. `false`: the deadline came first.
    pub(super) fn settle(
        &'static self,
        token: u64,
        custody: &Arc<Custody>,
        deadline: Deadline,
    ) -> Result<bool, OsError> {
        let unwatched = self.watch.remove(custody.pidfd()).is_ok();
        let settled = custody.settle(deadline);
        if settled == Ok(true) {
            self.children().remove(&token);
        } else if unwatched {
            self.watch(token, custody);
        }
        settled
    }

    /// The living children.
    pub(super) fn living(&self) -> Vec<Arc<Custody>> {
        let mut living: Vec<_> =
            self.children().iter().map(|(token, custody)| (*token, Arc::clone(custody))).collect();
        living.sort_by_key(|(token, _)| *token);
        living.into_iter().map(|(_, custody)| custody).filter(|custody| custody.is_alive()).collect()
    }

    fn watch_for_ever(&'static self) {
        let mut tokens = [0; 32];
        loop {
            let Ok(ready) = self.watch.wait(&mut tokens, Duration::from_secs(60)) else {
                // Our descriptor was closed behind our back: joins still work, each on its own.
                return;
            };
            for token in &tokens[..ready] {
                let Some(custody) = self.children().get(token).cloned() else { continue };
                self.settle_unwatched(*token, custody);
            }
        }
    }

    /// Settles a child that nobody waits for: at once if no user's destructor can run and nobody must be waited for, else
    /// on a thread of its own, where a destructor that blocks is in nobody's way.
    fn settle_unwatched(&'static self, number: u64, custody: Arc<Custody>) {
        let simple = custody.is_simple();
        let settle = move |deadline| {
            let settled = custody.settle(deadline) == Ok(true);
            if settled {
                self.children().remove(&number);
            }
            settled
        };
        if simple && settle(Deadline::after(Duration::ZERO)) {
            return;
        }
        let thread = std::thread::Builder::new().name(String::from("procshare-settle"));
        // Without a thread the child stays unsettled until somebody joins it.
        let _ = thread.spawn(move || settle(Deadline::never()));
    }
}
