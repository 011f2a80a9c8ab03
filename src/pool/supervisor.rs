//! The thread that looks after a pool: it buries the dead, has others take their place, keeps to the time limit, moves tasks into the
//! ring, passes notices on, and ends the pool.
//!
//! ```text
//!   sleeps ◀──────────────────────────────────────────────────────────────┐
//!     │ a notice, a knell, a ring, or 250 ms                              │
//!     ▼                                                                   │
//!   who is gone? ─▶ notices ─▶ bury ─▶ time limit ─▶ refill ─▶ hire ──────┘
//! ```
//!
//! | edge | release side          | acquire side     | publishes                                    |
//! |------|-----------------------|------------------|----------------------------------------------|
//! | T9   | `work`, claim, `began`| `keep_to_limit`  | that what it reads is of the task it looks at |
//!
//! I1. Who is gone is learned before the notices are taken, and buried after that: what a dead worker put on the stack has been passed on
//!     when it is asked whether its last task was.
//! I2. Nothing here runs users' code (unless the system refuses the threads that should), and nothing here should panic. If it does, the pool ends.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crew::Gone;
use super::failure::Rejection;
use super::office::Office;
use super::shutdown::Shutdown;
use crate::algo::{Left, Phase, Records};
use crate::segment::member;
use crate::shim::Ordering::{Acquire, Relaxed};
use crate::sys;

/// How long workers that were killed may take to be gone: only one that the kernel holds on to takes so long.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// The longest nap. A death rings; that it did not, as when a process that the worker forked lives on, is found out then.
const LONGEST_NAP: Duration = Duration::from_millis(250);
/// The round whose nap is the longest where a worker is missing: some 30 ms.
const SHORT: u32 = 5;
/// The longest nap where a time limit is to be kept.
const LONGEST_WITH_LIMIT: Duration = Duration::from_millis(50);

/// Looks after the pool until it has ended.
pub(super) fn supervise(office: Arc<Office>) {
    let ended = Arc::clone(&office.ended);
    let _ = office.supervisor.set(std::thread::current().id());
    let longest = if office.terms.limit.is_some() { LONGEST_WITH_LIMIT } else { LONGEST_NAP };
    let park = member::idle_park(longest, None);
    let mut supervisor = Supervisor { office: &office, round: 0, end: End::No, has_fallen: false };
    loop {
        let goes_on = catch_unwind(AssertUnwindSafe(|| supervisor.look_around())).unwrap_or_else(|payload| {
            std::mem::forget(payload);
            supervisor.fall_over()
        });
        if !goes_on {
            break;
        }
        office.board.dispatch().await_notice(&park, supervisor.round);
        supervisor.round += 1;
    }
    supervisor.write_off();
    drop(office); // so that whoever waits for the end has everything back
    ended.say();
}

struct Supervisor<'a> {
    office: &'a Arc<Office>,
    /// Naps since something happened.
    round: u32,
    end: End,
    /// Something here panicked.
    has_fallen: bool,
}

/// How far the pool's end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    No,
    /// What is left to do is done, until then.
    Finishing(Option<Instant>),
    /// Workers that find nothing more to do end, until then.
    Leaving(Option<Instant>),
    /// They were killed, and have until then to be gone.
    Killed(Instant),
}

impl Supervisor<'_> {
    /// Does what is to be done. `false`: nobody is left.
    fn look_around(&mut self) -> bool {
        self.office.board.dispatch().answer();
        let gone = self.office.crew().dismiss_gone(self.office);
        let records = self.office.desk().records();
        let mut noticed: Vec<u32> = self.office.board.dispatch().take_notices(records).collect();
        noticed.reverse(); // the first one first
        for index in noticed {
            self.office.notice(index, None);
            self.round = 0;
        }
        for gone in &gone {
            self.bury(gone);
            // Its lease is settled: else it would seem to have something in hand until the next one comes.
            if let Some(words) = self.office.board.workers().get(usize::from(gone.number)) {
                words.reset();
            }
            self.office.crew().bury(gone.number);
            self.round = 0;
        }
        let hopeless = self.office.crew().why_hopeless();
        if let Some(reason) = hopeless.filter(|_| matches!(self.end, End::No | End::Finishing(_))) {
            self.give_up(reason);
        }
        self.keep_to_limit();
        let refilled = self.office.desk().refill(&self.office.board);
        if !gone.is_empty() {
            self.office.board.dispatch().call_all(&member::park()); // whom the dead may have been about to call
        } else if refilled {
            self.office.board.dispatch().summon(&member::park());
        }
        self.come_to_an_end();
        if matches!(self.end, End::No | End::Finishing(_)) {
            self.office.hire_soon();
        }
        match self.end {
            End::No => {
                if self.office.crew().is_short() {
                    self.round = self.round.min(SHORT);
                }
                true
            }
            End::Finishing(_) => {
                self.round = 0; // nobody rings when the last task has ended
                true
            }
            End::Leaving(_) => self.office.crew().has_members(),
            End::Killed(until) => self.office.crew().has_members() && Instant::now() < until,
        }
    }

    /// Something here panicked, which nothing should: the pool ends, so that nobody waits for it. `false`: it panicked even then.
    fn fall_over(&mut self) -> bool {
        self.office.desk().closed.get_or_insert(Rejection::Damaged);
        self.office.orders().end = Some((Shutdown::Abort, None));
        !std::mem::replace(&mut self.has_fallen, true)
    }

    /// Ends the tasks of workers that the kernel holds on to. They were killed, and run nothing any more.
    fn write_off(&self) {
        self.office.crew().kill_all();
        let left = self.office.crew().left();
        for gone in &left {
            self.bury(gone);
        }
    }

    /// Sees to what a worker had in hand that is gone.
    fn bury(&self, Gone { number, pid, how }: &Gone) {
        let (office, died) = (self.office, (*number, *pid, *how));
        match office.board.dispatch().bury(*number) {
            Left::Nothing => {}
            Left::Ended(index, sequence) => {
                // It may have been killed before it told anybody.
                if let Some(task) = office.task(index) {
                    task.state.wake(&member::park());
                }
                office.notice(index, Some(sequence));
            }
            Left::Running(index) => {
                let repeats = self.end == End::No || matches!(self.end, End::Finishing(_));
                let retries = if repeats { office.terms.retries } else { 0 };
                if retries > 0
                    && let Some(task) = office.task(index)
                {
                    // Before the record is another use's: what was half written is not taken for that one's result.
                    office.discard_result(task, index, task.state.look());
                }
                if retries == 0 || !office.desk().repeat(&office.board, index, *number, retries) {
                    // It may have taken one more between the look at its lease and the kill.
                    let to = if matches!(self.end, End::Killed(_)) { Phase::Cancelled } else { Phase::Died };
                    office.conclude_for(died, index, Phase::Running, to);
                }
            }
            Left::Condemned(index) => {
                let to = if matches!(self.end, End::Killed(_)) { Phase::Cancelled } else { Phase::TimedOut };
                office.conclude_for(died, index, Phase::Condemned, to);
            }
        }
    }

    /// Condemns and kills who runs a task for too long.
    fn keep_to_limit(&self) {
        let Some(limit) = self.office.terms.limit else { return };
        for (number, words) in (0_u16..).zip(self.office.board.workers()) {
            let Some(index) = words.lease() else { continue };
            let Some(task) = self.office.board.record(index) else { continue };
            let seen = task.state.look();
            let began = words.began.load(Acquire); // T9
            let took = sys::milliseconds().saturating_sub(began);
            if seen.phase() == Phase::Running
                && seen.worker() == number
                && began != 0
                && u128::from(took) >= limit.as_millis()
                && task.state.condemn(number, seen.sequence())
            {
                self.office.crew().kill(number);
            }
        }
    }

    /// Nobody lives long enough to work: takes no more tasks, and says so to those that wait.
    fn give_up(&mut self, reason: String) {
        let queued = {
            let mut desk = self.office.desk();
            desk.closed.get_or_insert(Rejection::NoWorkers { reason });
            desk.take_queued(&self.office.board)
        };
        for index in queued {
            self.office.withdraw(index, Phase::Unstaffed);
        }
        self.leave(None);
    }

    /// Who finds nothing more to do ends, and nobody takes his place.
    fn leave(&mut self, by: Option<Instant>) {
        self.office.crew().close();
        self.office.board.dispatch().end_work(&member::park());
        self.end = End::Leaving(by);
    }

    fn come_to_an_end(&mut self) {
        if self.end == End::No {
            let ordered = self.office.orders().end;
            let Some((how, by)) = ordered else { return };
            match how {
                Shutdown::Finish { .. } => {}
                Shutdown::CancelQueued { .. } | Shutdown::Abort => self.cancel_queued(),
            }
            self.end = End::Finishing(by);
        }
        let is_late = |by: Option<Instant>| {
            // A shutdown may have become an abort meanwhile.
            by.is_some_and(|by| Instant::now() >= by)
                || matches!(self.office.orders().end, Some((Shutdown::Abort, _)))
        };
        match self.end {
            End::Finishing(by) | End::Leaving(by) if is_late(by) => self.kill(),
            End::Finishing(by) if self.office.desk().is_drained(&self.office.board) => self.leave(by),
            _ => {}
        }
    }

    fn cancel_queued(&self) {
        let queued = self.office.desk().take_queued(&self.office.board);
        for index in queued {
            self.office.withdraw(index, Phase::Cancelled);
        }
    }

    fn kill(&mut self) {
        self.end = End::Killed(Instant::now() + LAST_WAIT);
        self.cancel_queued();
        for (number, words) in (0_u16..).zip(self.office.board.workers()) {
            // Relaxed: whether it is still so, the exchange tells.
            let running = words.lease().and_then(|index| self.office.board.record(index));
            if let Some(task) = running {
                task.state.condemn(number, task.state.look().sequence());
            }
            words.began.store(0, Relaxed);
        }
        let mut crew = self.office.crew();
        crew.close();
        crew.kill_all();
    }
}
