//! Why a lock was not taken, or was taken with a warning.

use std::fmt;

use crate::algo::Failing;

/// How the holder of a lock failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CauseKind {
    /// Its process was killed, or ended, while it held the lock.
    Died,
    /// It panicked while it held the lock.
    Panicked,
}

/// Whose failure poisoned a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Cause {
    /// The process id of the holder; 0 if nobody knows. The system may have given the number to another process since.
    pub pid: u32,
    /// How it failed.
    pub kind: CauseKind,
}

impl From<Failing> for Cause {
    fn from(failing: Failing) -> Self {
        let kind = if failing.panicked { CauseKind::Panicked } else { CauseKind::Died };
        Self { pid: failing.pid, kind }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.kind {
            CauseKind::Died => "died",
            CauseKind::Panicked => "panicked",
        };
        write!(f, "process {} {how} while it held the lock", self.pid)
    }
}

/// A lock that was taken although somebody failed while holding it: the data may be half changed.
///
/// The lock is held; it is released when the guard inside is dropped. It stays poisoned until `clear_poison` is called.
pub struct Poisoned<G> {
    guard: G,
    cause: Cause,
}

impl<G> Poisoned<G> {
    pub(super) fn new(guard: G, cause: Cause) -> Self {
        Self { guard, cause }
    }

    /// Returns whose failure it was, and how it failed.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// Returns the guard: the lock is held as if nothing had happened.
    pub fn into_inner(self) -> G {
        self.guard
    }

    /// Returns a reference to the guard.
    pub fn get_ref(&self) -> &G {
        &self.guard
    }

    /// Returns a mutable reference to the guard.
    pub fn get_mut(&mut self) -> &mut G {
        &mut self.guard
    }
}

impl<G> fmt::Debug for Poisoned<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poisoned").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<G> fmt::Display for Poisoned<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "poisoned lock: {}", self.cause)
    }
}

/// Defines the error of one way to lock: `Poisoned`, `WouldDeadlock`, and what else can happen there.
macro_rules! lock_error {
    ($(#[$doc:meta])* $name:ident $(, $(#[$other_doc:meta])* $other:ident: $text:literal)?) => {
        $(#[$doc])*
        #[non_exhaustive]
        pub enum $name<G> {
            /// The lock was taken and is held, but somebody failed while holding it before.
            Poisoned(Poisoned<G>),
            /// The calling thread holds the lock already, and still does. Nothing was changed.
            WouldDeadlock,
            $($(#[$other_doc])* $other,)?
        }

        impl<G> $name<G> {
            /// Returns the guard if the lock was taken, poisoned or not.
            ///
            /// # Errors
            /// The error itself, if the lock is not held.
            pub fn recover(self) -> Result<G, Self> {
                match self {
                    Self::Poisoned(poisoned) => Ok(poisoned.into_inner()),
                    other => Err(other),
                }
            }

            /// Returns why the lock is poisoned, if that is the matter.
            pub fn cause(&self) -> Option<Cause> {
                match self {
                    Self::Poisoned(poisoned) => Some(poisoned.cause()),
                    _ => None,
                }
            }

            /// The same with another guard, or what else the lock lends.
            #[allow(dead_code, reason = "not every kind is mapped")]
            pub(super) fn map<H>(self, guard: impl FnOnce(G) -> H) -> $name<H> {
                match self {
                    Self::Poisoned(Poisoned { guard: old, cause }) => {
                        $name::Poisoned(Poisoned { guard: guard(old), cause })
                    }
                    Self::WouldDeadlock => $name::WouldDeadlock,
                    $(Self::$other => $name::$other,)?
                }
            }
        }

        impl<G> fmt::Debug for $name<G> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Poisoned(poisoned) => poisoned.fmt(f),
                    Self::WouldDeadlock => f.write_str("WouldDeadlock"),
                    $(Self::$other => f.write_str(stringify!($other)),)?
                }
            }
        }

        impl<G> fmt::Display for $name<G> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Poisoned(poisoned) => fmt::Display::fmt(poisoned, f),
                    Self::WouldDeadlock => f.write_str("this thread holds the lock already"),
                    $(Self::$other => f.write_str($text),)?
                }
            }
        }

        impl<G> std::error::Error for $name<G> {}
    };
}

lock_error! {
    /// What there is to say of a lock that was waited for.
    LockError
}

lock_error! {
    /// What there is to say of a lock that was only tried.
    TryLockError,
    /// Somebody else holds it. Nothing was changed.
    WouldBlock: "the lock is held by somebody else"
}

lock_error! {
    /// What there is to say of a lock that was waited for with a limit.
    TimedLockError,
    /// The time was up before the lock came free. It is not held.
    TimedOut: "the lock did not come free in time"
}
