//! What the C library has: pthread with a robust mutex, and POSIX semaphores.

use std::time::Duration;

use super::accident::Accident;
use super::cast::Forks;
use super::script::{self, Wake};
use crate::peers::pthread::{Barrier, Bell, Kind, Mutex, RwLock};
use crate::peers::semaphore::Semaphore;
use crate::shared::Shared;

/// Kept for good: everybody of a case uses it, and nobody outlives the case.
fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Returns whether there is something to play it with.
pub(super) fn play(accident: Accident) -> bool {
    let timeout = Duration::from_millis(900);
    match accident {
        Accident::Holder => {
            let mutex = robust();
            let hold = || {
                mutex.lock();
            };
            script::holder_killed(&Forks, "lock()", hold, || take(mutex, mutex.lock()));
        }
        Accident::Timeout => {
            let mutex = robust();
            let hold = || {
                mutex.lock();
            };
            script::timed_out(&Forks, hold, || take(mutex, mutex.lock_timeout(timeout)));
        }
        Accident::Reader => {
            let lock = kept(RwLock::shared(0_u64));
            let hold = || {
                lock.read();
            };
            script::holder_killed(&Forks, "write()", hold, || said(lock.write()));
        }
        Accident::Permit => {
            let semaphore = kept(Semaphore::shared(1, ()));
            let take = || {
                semaphore.acquire();
                said(0)
            };
            script::holder_killed(&Forks, "acquire()", || semaphore.acquire(), take);
        }
        Accident::Event => return false,
        Accident::Condition => {
            let bell = kept(Bell::new(Kind::Robust));
            let one = || said(bell.notify_one());
            let all = || said(bell.notify_all());
            let wakes: [Wake<'_>; 3] = [("signal()", &one), ("signal()", &one), ("broadcast()", &all)];
            script::waiter_killed(&Forks, || said(bell.wait_once()), &wakes, || {});
        }
        Accident::Barrier => script::party_killed(&Forks, meeting()),
        Accident::Absent => script::party_absent(&Forks, meeting()),
    }
    true
}

fn robust() -> &'static Shared<Mutex<u64>> {
    kept(Mutex::shared(Kind::Robust, 0))
}

/// Mends and unlocks what was taken.
fn take(mutex: &Mutex<u64>, taken: i32) -> String {
    match taken {
        0 => mutex.unlock(),
        libc::EOWNERDEAD => mutex.mend() | mutex.unlock(),
        _ => 0,
    };
    said(taken)
}

fn meeting() -> impl Fn() -> String + Clone + Send + 'static {
    let barrier = kept(Barrier::shared(3));
    || said(barrier.wait())
}

/// The number in words.
fn said(number: i32) -> String {
    match number {
        // One of those who meet at a barrier gets another number than the others.
        0 | libc::PTHREAD_BARRIER_SERIAL_THREAD => "ok".to_owned(),
        libc::EOWNERDEAD => "EOWNERDEAD".to_owned(),
        libc::ETIMEDOUT => "ETIMEDOUT".to_owned(),
        other => format!("error {other}"),
    }
}
