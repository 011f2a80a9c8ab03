//! Bugs that the model checker must find: without them, a model that passes could be a model that sees nothing.
//!
//! Each machine asks [`planted`] where a bug could sit. In an ordinary build the answer is the constant `false`
//! and costs nothing; in the model checker's build a test plants one bug at a time and expects a failure.

/// A mistake that a machine makes when a test asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(all(test, loom)), allow(dead_code, reason = "some sit in the checker's own kernel"))]
pub(crate) enum Bug {
    /// `OwnerLock::unlock` does not order the guarded writes before the release.
    RelaxedRelease,
    /// `OwnerLock::lock` does not order the guarded reads after the acquisition.
    RelaxedAcquire,
    /// The kernel's one-step release wakes nobody (planted in the checker's own kernel).
    MissingWake,
    /// `OwnerLock::lock` drops the WAITERS bit that it found.
    ForgottenWaiters,
    /// `OwnerLock::lock` takes from an owner without asking whether it is dead.
    StealFromTheLiving,
    /// `OwnerLock::orphan` does not hand on what the dead owner did.
    RelaxedOrphan,
    /// `PoisonLock::lock` does not note that the last owner died.
    CauseForgotten,
    /// `Snapshot::read` does not look at the version again after copying.
    VersionNotReread,
    /// `Snapshot::read` looks at the version again, but nothing orders that after the copying.
    RereadUnordered,
    /// `Snapshot::write` writes the copy that readers are directed to.
    CurrentCopyWritten,
    /// `Snapshot::write` starts on a copy without ordering that after the version that retired it.
    CopyUnordered,
    /// `Snapshot::write` publishes the version without ordering the copy before it.
    RelaxedCommit,
    /// `Seat::close` does not order its store before the scan that follows.
    CloseUnfenced,
    /// `OutcomeWord::commit` does not order the bytes before the word.
    RelaxedOutcome,
    /// `Held::commit` does not order the items before the position.
    PositionUnordered,
    /// `Held::look` does not order what it goes by after the position of the other side.
    LookUnordered,
    /// `Held::commit` finds somebody waiting, and does not change the bell.
    BellUnchanged,
    /// Nobody is woken when a queue's side is released.
    RungForNobody,
    /// `Held::ring` erases whatever `awaited` says, also of who came later.
    AwaitedErased,
    /// `Fifo::wait` says that somebody waits without holding the side.
    AwaitedUnlocked,
    /// `Fifo::wait` sleeps without a second look at the position.
    NoSecondLook,
    /// `Fifo` looks whether it is closed, but nothing that was sent before is ordered before that.
    ClosedUnordered,
    /// `Fifo::announce` reads the bell, but nothing orders the look at the reasons after that.
    BellLooksRelaxed,
    /// `Fifo::wait` looks for a reason not to sleep before it looks at the bell.
    ReasonsFirst,
    /// `Fifo::is_deserted` does not look whether somebody came while it counted.
    HandedOnUnseen,
    /// `TaskState::look` does not order the result after the word.
    ResultUnordered,
    /// `TaskState::queue` does not order the argument before the word.
    QueueUnordered,
    /// `TaskState` exchanges the word, but orders nothing by that.
    TaskUnordered,
    /// `TaskState::end` ends a task that its worker was condemned for.
    CondemnedEnds,
    /// `TaskState::wait` sleeps without having said so.
    WaitedUnsaid,
    /// `Dispatch` does not order the record before the entry, nor after it.
    EntryUnordered,
    /// `Dispatch::summon` looks for idle workers, but nothing orders that after the entry.
    PostUnfenced,
    /// `Dispatch::take` says what it takes after it has taken it.
    LeaseLate,
    /// `Dispatch::next` sleeps without a look at the ring after it said so.
    IdleWithoutLook,
    /// `Dispatch::next` says that it is idle, but may look at the ring before that is seen.
    IdleUnfenced,
    /// `Dispatch::call` does not order what it calls for before the call.
    CallUnordered,
    /// A worker that stops spinning does not look whether there is more than it took.
    SpinnerLeaves,
    /// `Dispatch::post_or_ask` does not look for room after it asked.
    AskedTooLate,
    /// `Dispatch::push` does not order the end of the task before the notice.
    NoticeUnordered,
    /// `Dispatch::push` does not wake who is told.
    NoticeUnheard,
    /// `Dispatch::take_notices` does not order what it reads after the stack.
    NoticesTakenUnordered,
    /// `Dispatch::ring` does not order the reason before the ring.
    RingUnordered,
    /// `Dispatch::answer` does not order the looks that follow after the ring.
    AnswerUnordered,
    /// `Dispatch::take_notices` takes the ring as well, which nobody has answered.
    RingTaken,
    /// `Tasks::done` looks whether somebody waits before what is done can be seen.
    DoneLooksRelaxed,
    /// `Tasks::unfinished` looks at the head after it has counted what is in hand.
    HeadReadLate,
    /// A model counts what it takes after the head has moved.
    TakenLate,
    /// `Completion::commit` does not order the work before `done`.
    DoneUnordered,
    /// `Completion::commit` stores `done` before the last of the work.
    DoneTooEarly,
    /// `Completion::commit` wakes nobody of those who only wait.
    DoneUnheard,
    /// `Completion::fail` wakes those who wait, but does not change the word that they are about to sleep on.
    FailureUncounted,
    /// `Completion::fail` changes the word before the cause can be seen.
    FailureUnordered,
    /// `Completion::begin` takes any dead holder for one that had begun.
    FailureOfNobody,
    /// `Completion::begin` goes on waiting for the lock when the work is done.
    DoneOverlooked,
    /// `Reentrant::lock` goes on counting where the last owner stopped.
    DepthKept,
    /// `Reentrant::unlock` releases the lock at the first unlocking.
    DepthIgnored,
    /// `RwLock::read` goes in without a look at the lock.
    ReaderBlind,
    /// `RwLock::read` looks at the lock, but nothing that was written under it is ordered before that.
    ReaderLooksRelaxed,
    /// `RwLock::read` looks at the lock, but may do so before its count is seen.
    ReaderUnordered,
    /// `RwLock::leave` does not order what was read before the count.
    RelaxedLeave,
    /// `RwLock::read` keeps to itself that it was woken.
    WokenReaderWakesNobody,
    /// `RwLock::read` takes a lock for free that somebody died with.
    DeadWriterForgotten,
    /// `RwLock::write` looks at the cells, but nothing that was read is ordered before that.
    WriterScansRelaxed,
    /// `RwLock::write` looks at the cells, but may do so before its lock is seen.
    WriterUnordered,
    /// `RwLock::write` sleeps on a cell without saying so.
    CellNotMarked,
    /// `RwLock::leave` does not wake the writer that waits.
    WriterNotWoken,
    /// `RwLock::write` passes over a cell without asking whether its process is dead.
    LivingReaderPassedOver,
    /// `RwLock::write` does not say that it writes.
    WritingUnsaid,
    /// `RwLock::unlock` does not say that nobody writes any more.
    WritingNotTakenBack,
    /// `RwLock::downgrade` counts the reader after the lock is released.
    DowngradeCountsLate,
    /// `RwLock`'s burial does not hand on what the dead reader did.
    RelaxedBurial,
    /// `Permits::enter` does not recount when the last holder of the lock died.
    HeirTrusts,
    /// `Permits::recount` takes the mark off when it has counted, not before.
    RecountEndsLate,
    /// `Permits::empty` does not hand on what the dead one did.
    EmptiedUnordered,
    /// `Permits::announce` does not order the emptied cell before the mark.
    RecountUnordered,
    /// `Permits::wait` goes to sleep although a recount is due.
    RecountOverslept,
    /// `Permits::look` may ask about a former occupant of the seat whose cell it read.
    SuccessorRobbed,
    /// `Permits::call` wakes nobody.
    NobodyCalled,
    /// `Permits::call` wakes as many as permits came free, whatever they want.
    FewCalled,
    /// `Permits::tidy` takes WAITERS off whoever joined since.
    TidiedBlindly,
    /// `Permits::wait` keeps a wake to itself although it can not look any more.
    WakeKept,
    /// `Event::set` does not order what was done before it.
    SetUnordered,
    /// `Event::set` wakes nobody.
    SetUnheard,
    /// `Event::wait` does not order what is done after it.
    PassUnordered,
    /// `Event::wait` takes SET back by a store, whoever did so before.
    PassedByStore,
    /// `Event::wait` takes WAITERS back along with SET.
    WaitersTaken,
    /// `Event::wait` does not look whether the event was set and reset meanwhile.
    PulseMissed,
    /// `Event::wait` and `Permits::wait` leave without a last look when the time is up.
    NoLastLook,
    /// `Berths::take` counts the arrival before the berth is taken.
    ArrivalEarly,
    /// `Berths::take` counts the arrival, but nothing orders the berth before that.
    ArrivalUnordered,
    /// A model releases the mutex before it takes a berth.
    UnlockedEarly,
    /// `Berths::wait` goes to sleep without saying so.
    SleeperUnsaid,
    /// `Berths::wait` drops the grant of a thread that is out of time.
    GrantDropped,
    /// `Berths::wait` keeps the berth of a thread that is out of time.
    BerthKept,
    /// `Berths::wait` never looks whether somebody died.
    DeathOverlooked,
    /// `Berths::notify` grants and wakes nobody.
    GrantUnheard,
    /// `Berths::notify` goes on when it has granted as many as it was to.
    CountIgnored,
    /// `Berths::notify` grants by a store.
    GrantByStore,
    /// `Berths::notify` does not call those for whom no berth was left.
    CrowdUncalled,
    /// `Berths`' burial drops the grants of the dead.
    GrantsBuried,
    /// `Berths`' burial tells nobody that somebody died out of order.
    DeathUnheard,
    /// `Berths`' burial empties the cell before the others are told.
    BuriedFirst,
    /// `Crossing::arrive` does not order what the earlier ones did before their arrival.
    ArriveRelaxed,
    /// `Crossing::arrive`, the last one's, does not order what all did before the crossing.
    CrossRelaxed,
    /// `Crossing::wait` does not order what is done after the crossing.
    CrossedUnordered,
    /// `Crossing::arrive` wakes nobody when it crosses.
    CrossingUnheard,
    /// `Crossing::wait` goes to sleep without saying so.
    PartySleepsUnsaid,
    /// `Crossing::arrive` says whose death would matter after it is counted.
    EnlistedLate,
    /// `Crossing::arrive` writes its epoch over a later one that another thread wrote.
    EnlistedBlindly,
    /// `Crossing::wait` leaves at its deadline and tells nobody.
    LeftUnbroken,
    /// `Crossing::wait` never looks whether a member died.
    MemberOverlooked,
    /// `Crossing::wait` takes a reset for a crossing.
    ResetForCrossing,
    /// `Crossing::reset` does not write down which generation it ended.
    EndUnwritten,
    /// `Crossing::reset` writes down which generation it ended when the next one has begun.
    EndWrittenLate,
    /// `Crossing::reset` writes over what another one wrote, having looked at the word before it did.
    EndUnordered,
    /// `Crossing`'s burial does not break what the dead one was a member of.
    MemberBuried,
    /// `Chunks::take` looks whether the chunk is open, then takes it by a store.
    ChunkTakenByStore,
    /// `Chunks::take` does not order the work after what was put right before the chunk was reopened.
    ChunkTakenUnordered,
    /// `Chunks::done` does not order the work before the chunk's word.
    ChunkDoneUnordered,
    /// `Chunks::reopen` does not order what was put right before the chunk's word.
    ReopenUnordered,
    /// `Hold::pass` commits before the slots are used.
    LaneCommitEarly,
    /// `Hold::commit` does not order the use of the slots before the position.
    LaneCommitUnordered,
    /// `Hold::look` does not order the use of the slots after the position.
    LaneLookUnordered,
    /// `Hold::look` believes any position.
    RangeUnchecked,
    /// `Hold::commit` looks whether somebody sleeps before the position can be seen.
    NotifierUnfenced,
    /// `Hold::wait` looks at the position before it can be seen that it sleeps.
    SleeperUnfenced,
    /// `Hold::wait` does not look once more when the other end is gone.
    RestOverlooked,
    /// `Hold::claim` takes an end from a living owner.
    EndTakenFromTheLiving,
    /// `Hold::claim_again` takes the end, whoever else did.
    ForkUnnoticed,
    /// `Hold::release` and the burial of an owner wake nobody.
    PartingUnheard,
}

/// Returns whether the running test planted `bug`: never, outside the model checker's build.
#[cfg(not(all(test, loom)))]
#[inline(always)]
pub(super) const fn planted(_bug: Bug) -> bool {
    false
}

#[cfg(all(test, loom))]
pub(super) use super::tests::planted;
