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

/// Runs `body`, and waits until nothing is left of it: no process, descriptor, entry of `/dev/shm`, or block of the arena. To be used alone in a
/// process.
pub(crate) fn leaving_nothing(body: impl FnOnce()) {
    warm_up();
    warm_up();
    let (before, left) = (arena::check().expect("a sound arena"), Leftovers::now());
    body();
    left.assert_nothing_new();
    eventually(|| {
        let children = table::own_children();
        if !children.is_empty() {
            return Err(format!("children: {children:?}"));
        }
        let now = arena::check().expect("a sound arena");
        let counts = |stats: &arena::Stats| (stats.used, stats.blocks, stats.participants);
        if counts(&now) == counts(&before) {
            return Ok(());
        }
        Err(format!(
            "the arena has (bytes, blocks, participants) {:?}, and had {:?}",
            counts(&now),
            counts(&before)
        ))
    });
}
