//! The shim in the model checker's build: loom's atomics under our names.
//!
//! loom decides which interleavings differ by looking at the last access to each object. A thread that loads a word
//! before it stores to it so hides the loads of the others, and orders in which they come after the store are never
//! tried (<https://github.com/tokio-rs/loom/issues/392>, <https://github.com/tokio-rs/loom/issues/166>). Since
//! nearly every machine of ours loads before it exchanges, each word stands beside a turnstile here: a relaxed
//! read-modify-write before every access, by which any two accesses of two threads are in each other's way. It
//! orders nothing by itself, and what an access returns stays loom's choice.
//!
//! loom takes `SeqCst` accesses for `AcqRel` ones. Here a fence stands on the side of each where the total order matters:
//! before a load, behind a store or a read-modify-write. So the store-buffer pattern is told apart from one that is broken.

use super::Ordering;

macro_rules! atomic {
    ($name:ident, $value:ty) => {
        #[derive(Debug)]
        pub(crate) struct $name {
            word: loom::sync::atomic::$name,
            turnstile: loom::sync::atomic::AtomicU8,
        }

        #[allow(dead_code, reason = "core's atomics offer them, and not every machine calls them")]
        impl $name {
            pub(crate) fn new(value: $value) -> Self {
                let turnstile = loom::sync::atomic::AtomicU8::new(0);
                Self { word: loom::sync::atomic::$name::new(value), turnstile }
            }

            fn turn(&self) -> &loom::sync::atomic::$name {
                self.turnstile.fetch_add(0, Ordering::Relaxed);
                &self.word
            }

            pub(crate) fn load(&self, order: Ordering) -> $value {
                if order == Ordering::SeqCst {
                    fence(Ordering::SeqCst);
                }
                self.turn().load(order)
            }

            pub(crate) fn store(&self, value: $value, order: Ordering) {
                self.turn().store(value, order);
                fence_behind(order);
            }

            pub(crate) fn swap(&self, value: $value, order: Ordering) -> $value {
                let before = self.turn().swap(value, order);
                fence_behind(order);
                before
            }

            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                let found = self.turn().compare_exchange(current, new, success, failure);
                fence_behind(success);
                found
            }

            pub(crate) fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                let before = self.turn().fetch_add(value, order);
                fence_behind(order);
                before
            }

            pub(crate) fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                let before = self.turn().fetch_sub(value, order);
                fence_behind(order);
                before
            }

            pub(crate) fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                let before = self.turn().fetch_and(value, order);
                fence_behind(order);
                before
            }

            pub(crate) fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                let before = self.turn().fetch_or(value, order);
                fence_behind(order);
                before
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);

fn fence_behind(order: Ordering) {
    if order == Ordering::SeqCst {
        fence(Ordering::SeqCst);
    }
}

/// A fence that the model checker sees.
#[inline]
pub(crate) fn fence(order: Ordering) {
    loom::sync::atomic::fence(order);
}
