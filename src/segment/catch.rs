//! How a block that moved into a child's closure and came back as its result changes hands.
//!
//! The parent keeps the closure until the child is gone, and drops it then. If the child returned an array that it
//! found in the closure, dropping the closure would free it. So while the parent drops the closure, the blocks that
//! the result names are caught: their handles end without giving them back, which proves at the same time that the closure
//! was their only owner. What is not caught is still in use here, and the result is refused.

use std::cell::Cell;
use std::ptr::NonNull;

/// A block to catch, and the birth of its handle once it was caught.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) unit: u64,
    pub(super) caught: Cell<Option<u64>>,
}

thread_local! {
    static WANTED: Cell<Option<NonNull<[Wanted]>>> = const { Cell::new(None) };
}

/// Runs `drop_them`, catching the handles of `wanted` that it drops on this thread.
pub(super) fn catching(wanted: &[Wanted], drop_them: impl FnOnce()) {
    struct Restore(Option<NonNull<[Wanted]>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            WANTED.set(self.0); // also when a destructor panics: the slice must not be reached after this call
        }
    }
    let _restore = Restore(WANTED.replace(Some(NonNull::from(wanted))));
    drop_them();
}

/// Whether the handle of `unit` that is being dropped was wanted; it is the wanting one's then.
#[inline]
pub(super) fn caught(unit: u64, birth: u64) -> bool {
    match WANTED.get() {
        None => false,
        Some(wanted) => catch(wanted, unit, birth),
    }
}

#[cold]
#[allow(unsafe_code)] // the list of the call of `catching` further up this thread's stack
fn catch(wanted: NonNull<[Wanted]>, unit: u64, birth: u64) -> bool {
    // SAFETY: `catching` set the pointer from a borrowed slice and takes it away before the borrow ends, whether it returns
    // or unwinds; it is thread-local, so that call is still on this stack. `Cell` allows the shared access.
    let wanted = unsafe { wanted.as_ref() };
    match wanted.iter().find(|wanted| wanted.unit == unit && wanted.caught.get().is_none()) {
        Some(wanted) => {
            wanted.caught.set(Some(birth));
            true
        }
        None => false,
    }
}
