//! Processes that borrow: [`std::thread::scope`]'s twin.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::child::Manner;
use super::custody::Custody;
use super::failure::{Failure, SpawnError};
use super::handle::ScopedProcess;
use super::runtime;
use super::spawn::spawn;
use crate::message::Message;
use crate::segment::AbortOnUnwind;
use crate::sys::{Deadline, SIGKILL};

/// Where processes are spawned that borrow from their surroundings. See [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    /// Of the process that opened the scope.
    pid: u32,
    children: Mutex<Vec<(Arc<Custody>, u64)>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

/// Children of a scope failed, and nobody joined them: what they were to write is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScopeError {
    /// How each of them ended, in the order they were spawned; at least one.
    pub failures: Vec<Failure>,
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, failure) in self.failures.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            failure.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ScopeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.failures.first().map(|failure| failure as _)
    }
}

/// Runs `f`, which may spawn processes that borrow what outlives this call; all of them are gone when it returns.
///
/// The processes run in copies of this one. Shared are only the types of this crate: a chunk of an
/// [`Array`](crate::Array) that a child gets as `&mut [T]` it fills in place, while a captured `&mut i32` it changes in
/// its own copy:
///
/// ```
/// let mut array = procshare::Array::<u32>::zeroed(4)?;
/// let mut private = 0;
/// procshare::scope(|s| {
///     for chunk in array.chunks_mut(2) {
///         s.spawn(move || chunk.fill(7))?;
///     }
///     s.spawn(|| private += 1)?; // lost: the child's copy
///     Ok::<_, procshare::SpawnError>(())
/// })??;
/// assert_eq!(*array, [7, 7, 7, 7]);
/// assert_eq!(private, 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Blocks until every child, and everything those spawned, is gone. If `f` panics, the children are killed and awaited, and
/// the panic goes on.
///
/// # Errors
/// [`ScopeError`] with the failures of children that nobody joined: partial data must not pass for whole.
///
/// # Panics
/// If `f` panics.
pub fn scope<'env, F, T>(f: F) -> Result<T, ScopeError>
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope =
        Scope { pid: std::process::id(), children: Mutex::default(), scope: PhantomData, env: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    if result.is_err() {
        for (child, _) in scope.children().iter() {
            let _ = child.signal(SIGKILL);
        }
    }
    // What is borrowed ends with this frame: no unwinding may leave it before everyone is gone.
    let bomb = AbortOnUnwind;
    let mut failures = Vec::new();
    loop {
        let children = std::mem::take(&mut *scope.children());
        if children.is_empty() {
            break;
        }
        for (child, number) in children {
            if result.is_err() {
                let _ = child.signal(SIGKILL);
            }
            // The destructors of its closure run here at the latest, and may spawn into the scope again.
            await_end(&child, number);
            failures.extend(child.unnoticed_failure());
        }
    }
    std::mem::forget(bomb);
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if !failures.is_empty() => Err(ScopeError { failures }),
        Ok(value) => Ok(value),
    }
}

/// After so many children a scope forgets those that were joined.
const A_FEW: usize = 64;

/// Waits until a child is gone, whatever it takes: what it borrows is about to end.
fn await_end(child: &Arc<Custody>, number: u64) {
    loop {
        let settled = match runtime::existing() {
            Some(runtime) => runtime.settle(number, child, Deadline::never()),
            None => child.settle(Deadline::never()),
        };
        if settled == Ok(true) {
            return;
        }
        // The descriptor was closed behind our back, or there is no memory: nothing may go on before the child is gone.
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

impl<'scope> Scope<'scope, '_> {
    fn children(&self) -> MutexGuard<'_, Vec<(Arc<Custody>, u64)>> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Spawns a process that runs `body`, which may borrow what outlives the scope. The same holds as for
    /// [`Process::spawn`](crate::Process::spawn).
    ///
    /// # Errors
    /// [`SpawnError`]: no process was spawned, and `body` was dropped.
    pub fn spawn<F, R>(&'scope self, body: F) -> Result<ScopedProcess<'scope, R>, SpawnError>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Message + 'scope,
    {
        self.spawn_with_manner(None, Manner::default(), body)
    }

    #[allow(unsafe_code)] // the closure's lifetime is the scope's
    pub(super) fn spawn_with_manner<F, R>(
        &'scope self,
        name: Option<String>,
        manner: Manner,
        body: F,
    ) -> Result<ScopedProcess<'scope, R>, SpawnError>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Message + 'scope,
    {
        if self.pid != std::process::id() {
            return Err(SpawnError::ForeignScope);
        }
        // SAFETY: `scope` awaits every child in the list, and the settling of it, which drops the closure, before it returns
        // or unwinds; so before 'scope ends.
        let (custody, number) = unsafe { spawn(name, manner, body, None) }.map_err(|(error, _)| error)?;
        let mut children = self.children();
        if children.len().is_multiple_of(A_FEW) {
            children.retain(|(child, _)| !child.is_taken()); // whoever was joined is gone, and needs no descriptor any more
        }
        children.push((Arc::clone(&custody), number));
        drop(children);
        Ok(ScopedProcess::new(self, (custody, number)))
    }
}
