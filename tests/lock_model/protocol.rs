//! The lock's protocol and its variants, step by step.

/// How many processes there are.
const PROCESSES: usize = 3;
/// How often each of them takes the lock.
const ROUNDS: u8 = 2;

/// What a lock does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    /// A release with waiters stores and wakes in one call; otherwise it stores, then wakes.
    pub(crate) one_step_release: bool,
    /// Who takes the lock keeps WAITERS.
    pub(crate) sticky: bool,
    /// Sleeps end by themselves, and the sleeper then asks whether the owner is dead.
    pub(crate) bounded: bool,
    /// The answer to that question counts.
    pub(crate) evidence: bool,
    /// The kernel marks the word of who dies owning it, and wakes a sleeper, as for a robust mutex.
    pub(crate) assisted: bool,
}

/// The protocol that ships.
pub(crate) const OWNER_LOCK: Protocol =
    Protocol { one_step_release: true, sticky: true, bounded: true, evidence: true, assisted: false };

/// The lock's word. The sequence number wraps at 4, which is enough: no process is further behind than that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Word {
    /// The thread in the low half; 0 is nobody, else a process plus 1.
    owner: u8,
    waiters: bool,
    died: bool,
    /// The slot in the high half: the process that took the lock last.
    slot: u8,
    seq: u8,
}

impl Word {
    const FREE: Self = Self { owner: 0, waiters: false, died: false, slot: 0, seq: 0 };

    fn held_by(self, me: usize, protocol: Protocol) -> Self {
        let me = me as u8;
        let waiters = self.waiters && protocol.sticky;
        Self { owner: me + 1, waiters, died: false, slot: me, seq: (self.seq + 1) % 4 }
    }

    fn free(self) -> Self {
        Self { owner: 0, waiters: false, died: false, ..self }
    }

    fn with_waiters(self) -> Self {
        Self { waiters: true, ..self }
    }

    /// What the kernel compares before it lets somebody sleep.
    fn low(self) -> (u8, bool, bool) {
        (self.owner, self.waiters, self.died)
    }
}

/// The next step of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    /// Starts a round, or is done.
    Begin,
    /// `lock`: takes a free lock that nobody waits for.
    Fast,
    /// `lock_slow`: looks at the word.
    Look,
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
    Asleep,
    /// In the guarded section; then `unlock` looks at the word.
    Guarded,
    /// Exchanges the word that it holds for a free one.
    Release(Word),
    /// Releases and wakes.
    Wake(Word),
    /// The two-step control: has released, and will wake.
    WakeLate,
    /// Takes WAITERS off, nobody having been asleep.
    Tidy(Word),
    Done,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Process {
    next: Next,
    rounds: u8,
    /// The word that it slept on last in this round.
    slept_on: Option<Word>,
}

/// All that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    word: Word,
    processes: [Process; PROCESSES],
    /// The kernel's queue of sleepers, first come first woken.
    sleepers: [Option<u8>; PROCESSES],
    kills: u8,
}

impl State {
    pub(crate) const START: Self = Self {
        word: Word::FREE,
        processes: [Process { next: Next::Begin, rounds: ROUNDS, slept_on: None }; PROCESSES],
        sleepers: [None; PROCESSES],
        kills: 0,
    };

    /// How many of the living are in the guarded section, and have not begun to leave it by a releasing store.
    pub(crate) fn inside(&self) -> usize {
        let guarded =
            |process: &&Process| matches!(process.next, Next::Guarded | Next::Release(_) | Next::Wake(_));
        self.processes.iter().filter(guarded).count()
    }

    /// Whether every process is done or dead.
    pub(crate) fn settled(&self) -> bool {
        self.processes.iter().all(|process| matches!(process.next, Next::Done | Next::Dead))
    }

    /// Adds the states that one step of one living process leads to.
    pub(crate) fn steps(&self, protocol: Protocol, to: &mut Vec<State>) {
        to.extend((0..PROCESSES).filter_map(|me| self.step(me, protocol)));
    }

    /// Adds the states that a kill leads to, and, some process being dead, what the sweep after a death does.
    pub(crate) fn events(&self, protocol: Protocol, kills: u8, to: &mut Vec<State>) {
        if self.kills < kills {
            to.extend((0..PROCESSES).filter_map(|me| self.kill(me, protocol)));
        }
        if protocol.evidence && self.owner_is_dead() {
            // `orphan`; its wake is one of the spurious ends of a bounded sleep.
            to.push(State { word: Word { owner: 0, died: true, ..self.word }, ..*self });
        }
    }

    fn owner_is_dead(&self) -> bool {
        self.word.owner != 0 && self.processes[usize::from(self.word.owner) - 1].next == Next::Dead
    }

    fn kill(&self, me: usize, protocol: Protocol) -> Option<State> {
        let mut after = *self;
        if matches!(self.processes[me].next, Next::Done | Next::Dead) {
            return None;
        }
        after.kills += 1;
        after.processes[me].next = Next::Dead;
        after.leave_queue(me);
        if protocol.assisted {
            let in_the_lock = self.processes[me].next != Next::Begin;
            if after.owner_is_dead() {
                after.word = Word { owner: 0, died: true, ..self.word };
                if self.word.waiters {
                    after.wake_one();
                }
            } else if in_the_lock && self.word.low() == Word::FREE.low() {
                after.wake_one();
            }
        }
        Some(after)
    }

    fn leave_queue(&mut self, me: usize) {
        let me = Some(me as u8);
        let mut left = [None; PROCESSES];
        let still = self.sleepers.into_iter().filter(|sleeper| sleeper.is_some() && *sleeper != me);
        for (place, sleeper) in left.iter_mut().zip(still) {
            *place = sleeper;
        }
        self.sleepers = left;
    }

    fn enter_queue(&mut self, me: usize) {
        let place = self.sleepers.iter().position(Option::is_none).expect("one place for each process");
        self.sleepers[place] = Some(me as u8);
    }

    fn wake_one(&mut self) -> bool {
        let Some(first) = self.sleepers[0] else { return false };
        self.get_up(usize::from(first));
        true
    }

    fn get_up(&mut self, me: usize) {
        self.leave_queue(me);
        self.processes[me].next = Next::Look;
    }

    /// The state after process `me` took its next step, if it can take one.
    fn step(&self, me: usize, protocol: Protocol) -> Option<State> {
        let word = self.word;
        let mut after = *self;
        let mut next = |to: Next| {
            after.processes[me].next = to;
            Some(after)
        };
        match self.processes[me].next {
            Next::Begin => {
                if self.processes[me].rounds == 0 {
                    return next(Next::Done);
                }
                after.processes[me] =
                    Process { next: Next::Fast, rounds: self.processes[me].rounds - 1, slept_on: None };
                Some(after)
            }
            Next::Fast if word.low() == Word::FREE.low() => {
                after.word = word.held_by(me, protocol);
                after.processes[me].next = Next::Guarded;
                Some(after)
            }
            Next::Fast => next(Next::Look),
            Next::Look if word.owner == 0 => next(Next::Take(word)),
            Next::Look if protocol.bounded && self.processes[me].slept_on == Some(word) => {
                next(Next::Ask(word))
            }
            Next::Look => next(Next::Announce(word)),
            Next::Ask(seen) => {
                let dead = self.processes[usize::from(seen.slot)].next == Next::Dead;
                next(if dead || !protocol.evidence { Next::Steal(seen) } else { Next::Announce(seen) })
            }
            Next::Take(seen) | Next::Steal(seen) if word == seen => {
                after.word = seen.held_by(me, protocol);
                after.processes[me].next = Next::Guarded;
                Some(after)
            }
            Next::Announce(seen) if seen.waiters => next(Next::Sleep(seen)),
            Next::Announce(seen) if word == seen => {
                after.word = seen.with_waiters();
                after.processes[me].next = Next::Sleep(seen.with_waiters());
                Some(after)
            }
            Next::Take(_) | Next::Steal(_) | Next::Announce(_) => next(Next::Look),
            Next::Sleep(seen) => {
                after.processes[me].slept_on = Some(seen);
                if word.low() == seen.low() {
                    after.enter_queue(me);
                    after.processes[me].next = Next::Asleep;
                } else {
                    after.processes[me].next = Next::Look;
                }
                Some(after)
            }
            Next::Asleep if protocol.bounded => {
                after.get_up(me);
                Some(after)
            }
            Next::Guarded => next(if word.waiters { Next::Wake(word) } else { Next::Release(word) }),
            Next::Release(held) if word == held => {
                after.word = held.free();
                after.processes[me].next = Next::Begin;
                Some(after)
            }
            Next::Release(held) => next(Next::Wake(held)),
            Next::Wake(held) if protocol.one_step_release => {
                after.word = held.free().with_waiters();
                after.processes[me].next =
                    if after.wake_one() { Next::Begin } else { Next::Tidy(after.word) };
                Some(after)
            }
            Next::Wake(held) => {
                after.word = held.free();
                after.processes[me].next = Next::WakeLate;
                Some(after)
            }
            Next::WakeLate => {
                after.wake_one();
                after.processes[me].next = Next::Begin;
                Some(after)
            }
            Next::Tidy(left) => {
                if word == left {
                    after.word = left.free();
                }
                after.processes[me].next = Next::Begin;
                Some(after)
            }
            Next::Asleep | Next::Done | Next::Dead => None,
        }
    }
}
