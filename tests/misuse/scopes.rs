//! What a scope lends is the caller's alone when the scope is over, whatever its destructors do.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, panic_any},
    thread,
    time::Duration,
};

use procshare::{Array, Scope, scope};

use crate::support::{isolated, os, watchdog};

/// Long enough for a scope that does not wait to be over.
const A_WHILE: Duration = Duration::from_millis(200);

/// Spawns into the scope when it is dropped, with what it was lent.
struct Late<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    lent: Option<&'scope mut [u64]>,
}

impl Late<'_, '_> {
    fn touch(&self) {}
}

impl Drop for Late<'_, '_> {
    fn drop(&mut self) {
        let Some(lent) = self.lent.take() else { return };
        let work = move || {
            thread::sleep(A_WHILE);
            lent.fill(6);
        };
        // Refused in the child, whose scope it is not; there it is to be quiet.
        let _ = self.scope.spawn(work);
    }
}

#[test]
fn scope_waits_for_what_destructors_spawn() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(4).expect("32 bytes");
    let ended = scope(|s| {
        let late = Late { scope: s, lent: Some(&mut array) };
        s.spawn(move || late.touch()).expect("spawn");
    });
    ended.expect("no failure");
    assert_eq!(*array, [6; 4], "the scope was over before its last child");
}

#[test]
fn scope_that_unwinds_waits_for_what_destructors_spawn() {
    watchdog!(60);
    let mut array = Array::<u64>::zeroed(4).expect("32 bytes");
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _ = scope(|s| {
            let late = Late { scope: s, lent: Some(&mut array) };
            s.spawn(move || late.touch()).expect("spawn");
            panic!("leave early");
        });
    }));
    assert!(unwound.is_err());
    array.fill(1);
    thread::sleep(2 * A_WHILE);
    assert_eq!(*std::hint::black_box(&array), [1; 4], "somebody still writes");
}

/// What a destructor panics with: dropping it panics again.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("the payload's own");
        }
    }
}

/// Panics with a [`Bomb`] when it is dropped in the process that made it.
struct ThrowsAtHome(u32);

impl ThrowsAtHome {
    fn touch(&self) {}
}

impl Drop for ThrowsAtHome {
    fn drop(&mut self) {
        if os::pid() == self.0 {
            panic_any(Bomb);
        }
    }
}

#[test]
fn panicking_panic_payload_does_not_end_a_scope_early() {
    isolated(60, || {
        let mut array = Array::<u64>::zeroed(4).expect("32 bytes");
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let ended = scope(|s| {
                let throws = ThrowsAtHome(os::pid());
                s.spawn(move || throws.touch()).expect("spawn");
                let lent = &mut *array;
                let work = move || {
                    thread::sleep(A_WHILE);
                    lent.fill(6);
                };
                s.spawn(work).expect("spawn");
            });
            ended.expect("no failure");
        }));
        assert_eq!(*array, [6; 4], "the scope was over before its last child");
        assert!(ended.is_ok(), "a destructor's panic went on in the scope's caller");
    });
}
