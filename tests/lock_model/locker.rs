//! The owner lock's word, and the steps of who takes it and gives it up, as in `src/algo/owner_lock.rs`.
//!
//! One step is one access to shared memory, or one call into the kernel. The models of whatever has an owner lock
//! in it are made of these.

/// What an owner lock does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Locking {
    /// A release with waiters stores and wakes in one call; otherwise it stores, then wakes.
    pub(crate) one_step_release: bool,
    /// Who takes the lock keeps WAITERS.
    pub(crate) sticky: bool,
    /// Sleeps end by themselves, and the sleeper then asks whether the owner is dead.
    pub(crate) bounded: bool,
    /// The answer to that question counts.
    pub(crate) evidence: bool,
}

/// The protocol that ships.
pub(crate) const OWNER_LOCK: Locking =
    Locking { one_step_release: true, sticky: true, bounded: true, evidence: true };

/// Who locks: a thread, and the slot of its process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Who {
    pub(crate) thread: u8,
    pub(crate) slot: u8,
}

/// The lock's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Word {
    held: bool,
    pub(crate) waiters: bool,
    pub(crate) died: bool,
    /// The high half, which names slot and thread, and stays when the kernel's one-step release frees the lower one.
    by: Who,
}

/// The next step of who takes the lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lock {
    /// `lock`: takes a free lock that nobody waits for.
    Fast,
    /// `lock_slow`: looks at the word, having slept on the one that it remembers.
    Look(Option<Word>),
    /// Exchanges the ownerless word that it saw.
    Take(Word),
    /// Asks whether the owner in the word that it slept on is dead.
    Ask(Word),
    /// Exchanges the word of an owner that it knows to be dead.
    Steal(Word),
    /// Adds WAITERS to the word that it saw.
    Announce(Word),
    /// Enters the kernel to sleep on the word that it saw.
    Sleep(Word),
    Asleep(Word),
    /// `try_lock`: looks at the word.
    Try,
    /// Exchanges the ownerless word that it saw, or tries again.
    TryTake(Word),
    /// Asks at once whether the owner is dead.
    TryAsk(Word),
    /// Exchanges the word of the dead, and tries no more.
    TrySteal(Word),
}

/// What a step of [`Lock`] led to.
pub(crate) enum Locked {
    Not(Lock),
    Clean,
    Recovered,
    /// `try_lock` found an owner.
    Refused,
}

/// The next step of who gives the lock up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Unlock {
    /// Looks at the word; the lock is still held.
    Look,
    /// Exchanges the word that it holds for a free one.
    Release(Word),
    /// Releases and wakes.
    Wake(Word),
    /// The two-step control: has released, and will wake.
    WakeLate,
    /// Takes WAITERS off, nobody having been asleep.
    Tidy(Word),
}

/// What a step of [`Unlock`] led to.
pub(crate) enum Unlocked {
    Not(Unlock),
    Done,
    /// A sleeper wakes, and that is all; if there is none, this comes next.
    WakesOneOr(Option<Unlock>),
}

impl Unlock {
    /// Whether the lock is still held.
    pub(crate) fn holds(self) -> bool {
        matches!(self, Unlock::Look | Unlock::Release(_) | Unlock::Wake(_))
    }
}

impl Word {
    pub(crate) const FREE: Self =
        Self { held: false, waiters: false, died: false, by: Who { thread: u8::MAX, slot: u8::MAX } };

    pub(crate) fn has_owner(self) -> bool {
        self.held
    }

    /// The process that has the lock, or had it last.
    pub(crate) fn slot(self) -> u8 {
        self.by.slot
    }

    /// What the kernel compares before it lets somebody sleep.
    pub(crate) fn low(self) -> (Option<u8>, bool, bool) {
        (self.held.then_some(self.by.thread), self.waiters, self.died)
    }

    /// What the sweep makes of it, and what the kernel does if the dead owner had a robust list.
    pub(crate) fn orphaned(self) -> Self {
        let by = Who { thread: u8::MAX, ..self.by };
        Self { held: false, waiters: self.waiters, died: true, by }
    }

    fn held_by(self, me: Who, how: Locking) -> Self {
        Self { held: true, waiters: self.waiters && how.sticky, died: false, by: me }
    }

    /// What the kernel's one-step release leaves.
    fn released(self) -> Self {
        Self { held: false, waiters: true, died: false, ..self }
    }

    fn with_waiters(self) -> Self {
        Self { waiters: true, ..self }
    }

    /// Takes the next step of `me`, who takes the lock.
    pub(crate) fn lock(&mut self, me: Who, at: Lock, how: Locking, is_dead: impl Fn(u8) -> bool) -> Locked {
        let word = *self;
        match at {
            Lock::Fast if word == Word::FREE => {
                *self = word.held_by(me, how);
                Locked::Clean
            }
            Lock::Fast => Locked::Not(Lock::Look(None)),
            Lock::Look(_) if !word.has_owner() => Locked::Not(Lock::Take(word)),
            Lock::Look(Some(slept_on)) if how.bounded && slept_on == word => Locked::Not(Lock::Ask(word)),
            Lock::Look(_) => Locked::Not(Lock::Announce(word)),
            Lock::Ask(seen) if is_dead(seen.by.slot) || !how.evidence => Locked::Not(Lock::Steal(seen)),
            Lock::Ask(seen) => Locked::Not(Lock::Announce(seen)),
            Lock::Take(seen) | Lock::Steal(seen) | Lock::TryTake(seen) | Lock::TrySteal(seen)
                if word == seen =>
            {
                *self = seen.held_by(me, how);
                let clean = matches!(at, Lock::Take(_) | Lock::TryTake(_)) && !seen.died;
                if clean { Locked::Clean } else { Locked::Recovered }
            }
            Lock::Announce(seen) if seen.waiters => Locked::Not(Lock::Sleep(seen)),
            Lock::Announce(seen) if word == seen => {
                *self = seen.with_waiters();
                Locked::Not(Lock::Sleep(*self))
            }
            Lock::Try if word.has_owner() => Locked::Not(Lock::TryAsk(word)),
            Lock::Try => Locked::Not(Lock::TryTake(word)),
            Lock::TryAsk(seen) if is_dead(seen.by.slot) => Locked::Not(Lock::TrySteal(seen)),
            Lock::TryTake(_) => Locked::Not(Lock::Try),
            Lock::TryAsk(_) | Lock::TrySteal(_) => Locked::Refused,
            Lock::Take(_) | Lock::Steal(_) | Lock::Announce(_) => Locked::Not(Lock::Look(None)),
            Lock::Sleep(seen) if word.low() == seen.low() => Locked::Not(Lock::Asleep(seen)),
            Lock::Sleep(seen) | Lock::Asleep(seen) => Locked::Not(Lock::Look(Some(seen))),
        }
    }

    /// Takes the next step of who gives the lock up.
    pub(crate) fn unlock(&mut self, at: Unlock, how: Locking) -> Unlocked {
        let word = *self;
        match at {
            Unlock::Look if word.waiters => Unlocked::Not(Unlock::Wake(word)),
            Unlock::Look => Unlocked::Not(Unlock::Release(word)),
            Unlock::Release(held) if word == held => {
                *self = Word::FREE;
                Unlocked::Done
            }
            Unlock::Release(held) => Unlocked::Not(Unlock::Wake(held)),
            Unlock::Wake(held) if how.one_step_release => {
                *self = held.released();
                Unlocked::WakesOneOr(Some(Unlock::Tidy(*self)))
            }
            Unlock::Wake(_) => {
                *self = Word::FREE;
                Unlocked::Not(Unlock::WakeLate)
            }
            Unlock::WakeLate => Unlocked::WakesOneOr(None),
            Unlock::Tidy(left) => {
                if word == left {
                    *self = Word::FREE;
                }
                Unlocked::Done
            }
        }
    }
}
