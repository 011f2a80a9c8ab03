//! How a block that moved into a child's closure and came back as its result changes hands.
//!
//! The parent keeps the closure until the child is gone, and drops it then. If the child returned an array that it
//! found in the closure, dropping the closure would free it. So while the parent drops the closure, the blocks that
//! the result names are caught: their handles end without giving them back, and go on as the result's. That proves at the
//! same time that the closure held them: what is not caught was only lent, or is still in use here, and the result is
//! refused.

use std::cell::Cell;
use std::ptr::NonNull;

use super::block::Block;

/// A block to catch, and its handle once it was caught.
pub(super) struct Wanted {
    unit: u64,
    caught: Cell<Option<Block>>,
}

impl Wanted {
    pub(super) fn new(unit: u64) -> Self {
        Self { unit, caught: Cell::new(None) }
    }

    pub(super) fn into_caught(self) -> Option<Block> {
        self.caught.into_inner()
    }
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

/// Whether the handle that is being dropped was wanted; it is the wanting one's then.
#[inline]
pub(super) fn caught(handle: &Block) -> bool {
    match WANTED.get() {
        None => false,
        Some(wanted) => catch(wanted, handle),
    }
}

#[cold]
#[allow(unsafe_code)] // the list of the call of `catching` further up this thread's stack
fn catch(wanted: NonNull<[Wanted]>, handle: &Block) -> bool {
    // SAFETY: `catching` set the pointer from a borrowed slice and takes it away before the borrow ends, whether it returns
    // or unwinds; it is thread-local, so that call is still on this stack. `Cell` allows the shared access.
    let wanted = unsafe { wanted.as_ref() };
    let found = wanted.iter().find(|wanted| {
        let caught = wanted.caught.take();
        let vacant = caught.is_none();
        wanted.caught.set(caught);
        vacant && wanted.unit == handle.unit()
    });
    match found {
        Some(wanted) => {
            wanted.caught.set(Some(handle.continued()));
            true
        }
        None => false,
    }
}
