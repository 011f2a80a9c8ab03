//! The fork: what the parent prepares, and what each side does right after.
//!
//! ```text
//!   parent: luggage, stdio flushed and locked, seat kept ─▶ fork ─▶ unlock, pidfd, custody
//!                                                             └──▶ child: see `child`
//! ```
//!
//! Whatever can fail without a process is tried before the fork. The standard streams are locked across it, so that no
//! other thread is in the middle of a line, and the child's own flush finds them free.

#![allow(unsafe_code)] // forks, and lets the child take the closure out of its copy of the parent's box

use std::cell::Cell;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use super::child::{self, Manner, Origin};
use super::custody::{self, Closure, Custody, Kept, Luggage};
use super::failure::{SpawnError, Worker};
use super::runtime::{Runtime, runtime};
use crate::message::Message;
use crate::segment::AllocError;
use crate::segment::container::Container;
use crate::segment::member::{self, Reservation};
use crate::sys::{self, Forked, Identity, PidFd, SignalsBlocked};

thread_local! {
    static SPAWNING: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is between the two sides of a fork of ours.
pub(super) fn is_spawning() -> bool {
    SPAWNING.get()
}

/// The name of the process that is the `number`th of its parent.
pub(super) fn default_name(number: u64) -> String {
    format!("process-{number}")
}

/// Why no process was spawned, and its argument back.
pub(super) type NotSpawned = (SpawnError, Option<Box<Container>>);

/// What can fail before the fork: signals are blocked, a seat is kept, and the child has an ear for our death, of which the
/// number is the pidfd's afterwards.
fn prepare(runtime: &Runtime) -> Result<(SignalsBlocked, Reservation, Option<OwnedFd>), SpawnError> {
    let ear = match runtime.pipe.ear() {
        Ok(ear) => Some(ear),
        Err(error) if error.is_descriptor_shortage() => return Err(error.into()),
        Err(_) => None, // no `/proc`
    };
    let blocked = sys::block_signals()?;
    let reservation = member::expect_child()?;
    Ok((blocked, reservation, ear))
}

/// Forks a child that runs `body`, and watches it. Returns the custody, and the token by which the runtime knows it. Does not
/// wait for the child.
///
/// # Safety
/// - `body` must stay valid as long as the child lives: whoever shortens a lifetime here waits for the child first.
pub(super) unsafe fn spawn<'a, F, R>(
    name: Option<String>,
    manner: Manner,
    body: F,
    argument: Option<Box<Container>>,
) -> Result<(Arc<Custody>, u64), NotSpawned>
where
    F: FnOnce() -> R + Send + 'a,
    R: Message,
{
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return Err((error, argument)),
    };
    let Some(parent) = member::seat() else { return Err((AllocError::Excluded.into(), argument)) };
    let number = runtime.next_number();
    let body = Box::new(body);
    // The child finds the body here, in its copy of this memory.
    let found: *const F = &raw const *body;

    // Both at once, in this order, as everybody who wants both should; standard error has no buffer.
    let mut out = std::io::stdout().lock();
    let err = std::io::stderr().lock();
    // What can not be written now both processes will try to write again.
    let _ = out.flush();
    let prepared = prepare(runtime);
    let (_blocked, reservation, ear) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Err((error, argument)),
    };
    let manner = Manner { keep_signals: manner.keep_signals || !sys::handles_signals(), ..manner };
    let parent_pid = sys::pid();
    SPAWNING.set(true);
    // SAFETY: the child goes on in `child::run` only, which uses nothing that another thread may have held and never
    // returns.
    let forked = unsafe { sys::fork() };
    SPAWNING.set(false);
    let pid = match forked {
        Ok(Forked::Child) => {
            drop((out, err)); // locked by this thread, before the fork
            // SAFETY: the box lives in the parent's frame, of which this process has its own copy; it is never dropped here,
            // since `child::run` does not return. So the body is read, and owned, once in this process.
            let take = move || unsafe { found.read() };
            let origin = Origin {
                pipe: runtime.pipe,
                ear,
                dev_null: runtime.dev_null.as_fd(),
                parent,
                reservation,
                pid: parent_pid,
            };
            child::run(origin, manner, name, number, take)
        }
        Ok(Forked::Parent { pid }) => pid,
        Err(error) => {
            member::cancel_child(reservation);
            return Err((error.into(), argument));
        }
    };
    drop((out, err, ear));
    let pidfd = match PidFd::of_child(pid) {
        Ok(pidfd) => pidfd,
        Err(error) => {
            // Another thread took the spare number. The child may have begun, and taken its argument over.
            sys::abandon(pid);
            drop(argument);
            custody::bury(reservation, pid);
            return Err((error.into(), None));
        }
    };
    // Now or never: the child waits for nobody. If it can not be known here, it says so itself.
    if let Ok(identity) = Identity::of(&pidfd, pid) {
        member::register_child(reservation, identity);
    }
    let closure: Box<dyn Kept + 'a> = body;
    // SAFETY: only the lifetime changes; the caller promises that the closure outlives the custody's use of it.
    let closure: Closure = unsafe { std::mem::transmute::<Box<dyn Kept + 'a>, Closure>(closure) };
    let name = name.unwrap_or_else(|| default_name(number));
    let worker = Worker { name, pid: pid.cast_unsigned() };
    let simple = !std::mem::needs_drop::<F>() && argument.is_none();
    let custody =
        Arc::new(Custody::new(worker, pidfd, reservation, Box::new(Luggage { closure, argument }), simple));
    runtime.adopt(number, &custody);
    Ok((custody, number))
}
