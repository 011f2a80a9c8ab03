//! What results are called in the table: the names of the errors, as a program would match them.

use procshare::sync::{AcquireError, BarrierError, Cause, LockError, TimedLockError};

pub(super) fn ok() -> String {
    "ok".to_owned()
}

/// The number differs from run to run; that there is one is what counts.
fn who(pid: u32) -> &'static str {
    if pid == 0 { "somebody" } else { "PID" }
}

fn poisoned(cause: Cause) -> String {
    format!("Poisoned: {:?} {}", cause.kind, who(cause.pid))
}

pub(super) fn locked<R, G>(result: Result<R, LockError<G>>) -> String {
    match result {
        Ok(_) => ok(),
        Err(LockError::Poisoned(poison)) => poisoned(poison.cause()),
        Err(LockError::WouldDeadlock) => "WouldDeadlock".to_owned(),
        Err(_) => "another error".to_owned(),
    }
}

pub(super) fn tried<R, G>(result: Result<R, TimedLockError<G>>) -> String {
    match result {
        Ok(_) => ok(),
        Err(TimedLockError::TimedOut) => "TimedOut".to_owned(),
        Err(_) => "another error".to_owned(),
    }
}

pub(super) fn acquired<P>(result: Result<P, AcquireError>) -> String {
    result.map_or_else(|error| format!("{error:?}"), |_| ok())
}

pub(super) fn met<R>(result: Result<R, BarrierError>) -> String {
    match result {
        Ok(_) => ok(),
        Err(BarrierError::PartyDied { pid }) => format!("PartyDied: {}", who(pid)),
        Err(error) => format!("{error:?}"),
    }
}
