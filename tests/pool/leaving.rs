//! What a pool leaves behind: nothing.

use std::time::Duration;

use procshare::{Array, Pool, arena, pool::Shutdown};

use crate::support::{Leftovers, eventually, table};

/// Long enough for whatever a test waits for; the watchdog is the bound on time.
pub(crate) const LONG: Duration = Duration::from_secs(600);

/// Makes what the crate makes once.
pub(crate) fn warm_up() {
    let pool = Pool::new(2).expect("a pool");
    let task = pool.submit(|bytes: Vec<u8>| bytes.len(), vec![1; 10_000]).expect("submit");
    assert_eq!(task.get(), Ok(10_000));
    let died = pool.submit(|code: i32| -> () { std::process::exit(code) }, 3).expect("submit");
    let died = died.get();
    assert!(died.is_err());
    let mut array = Array::<u64>::zeroed(100_000).expect("an array");
    pool.for_each_chunk_mut(&mut array, 1000, |_, _| {}).expect("a map");
    pool.shutdown(Shutdown::Finish { within: LONG }).expect("the parent's pool");
}

/// Waits until the arena has as many bytes and blocks as it had then.
fn settle(then: &arena::Stats) {
    eventually(|| {
        let now = arena::check().expect("a sound arena");
        if (now.used, now.blocks) == (then.used, then.blocks) {
            return Ok(());
        }
        let (bytes, blocks) = (then.used, then.blocks);
        Err(format!("the arena has {} bytes in {} blocks, and had {bytes} in {blocks}", now.used, now.blocks))
    });
}

/// Runs `body`, and waits until nothing is left of it: no process, descriptor, entry of `/dev/shm`, or block of the arena. To be used alone in a
/// process.
pub(crate) fn leaving_nothing(body: impl FnOnce()) {
    let before = arena::check().expect("a sound arena");
    warm_up();
    warm_up();
    settle(&before);
    let (participants, left) = (arena::stats().participants, Leftovers::now());
    body();
    left.assert_nothing_new();
    settle(&before);
    eventually(|| {
        let (children, now) = (table::own_children(), arena::stats().participants);
        if children.is_empty() && now == participants {
            return Ok(());
        }
        Err(format!("{now} participants, {participants} before; children: {children:?}"))
    });
}
