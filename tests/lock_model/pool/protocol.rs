//! What the parent does, and which points of the protocol a control leaves out.

/// What the submitting thread does, one after the other. Tasks are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Posts a task.
    Submit(u8),
    /// Asks for the delivery of its end; it still has the handle.
    Notice(u8),
    /// Waits for its end, and has done with it.
    Wait(u8),
    /// Has done with it when it finds that it has ended, and sleeps for that nowhere.
    Poll(u8),
    /// Drops the handle: the record is freed when the end is delivered, or at once if there was one.
    Release(u8),
    Cancel(u8),
    /// Condemns who runs it, and kills that worker: the supervisor's part in truth, which here may come at any time.
    Condemn(u8),
    /// Has the pool do what is left, and end; waits for that.
    Finish,
}

/// Who looks whether there is more, having found something or nothing, and wakes somebody for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LooksForMore {
    Nobody,
    /// Who gives its spinner slot back.
    WhoSpun,
    /// It, and who has slept since it last did so, or is new.
    WhoSlept,
    /// The same, and who has set its idle bit since, and did not sleep.
    WhoWasIdle,
}

/// What a worker is doing in the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Spinning,
    Asleep,
}

/// Who fills the ring from the backlog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refills {
    /// The supervisor whenever it is awake.
    ComingBy,
    /// It, and who takes a task rings it if `head` has come to where it asked for that.
    Asked,
    /// The same, and who asks looks behind that whether there is room.
    AskedAndLooks,
}

/// How a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    /// By an exchange of exactly what was seen.
    Exchange,
    /// By a store of what was seen, ended.
    Store,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    pub(super) acts: &'static [Act],
    pub(super) workers: &'static [From],
    pub(super) records: u8,
    /// Tasks from that number on run for ever.
    pub(super) endless: u8,
    /// Room in the ring: 2 or 4.
    pub(super) ring: u8,
    /// How many may spin at once.
    pub(super) slots: u8,
    /// A look at the ring is one step: see the module.
    pub(super) looks_whole: bool,
    /// Nobody is killed or leaves, so nobody asks for a lease.
    pub(super) lives: bool,
    /// States that differ only in the workers' numbers are one: see the module.
    pub(super) alike: bool,
    /// Who sleeps though its idle bit was taken wakes by itself once somebody has died.
    pub(super) naps: bool,
    /// A task whose worker died is posted again, once.
    pub(super) retries: bool,
    /// Who posts writes the entry before it looks at spinners and idle bits.
    pub(super) publishes_first: bool,
    /// Who wants to sleep looks at the ring behind its idle bit.
    pub(super) looks_again: bool,
    pub(super) looks_for_more: LooksForMore,
    /// The lease is written before the claim.
    pub(super) lease_first: bool,
    /// `head` moves behind the claim.
    pub(super) claims_first: bool,
    /// A claim that failed while the record is still Queued is tried again.
    pub(super) claims_again: bool,
    pub(super) ends: Ends,
    /// A record is pushed behind its final state.
    pub(super) commits_first: bool,
    /// Who has ended a task keeps its lease until it has woken and pushed.
    pub(super) keeps_lease: bool,
    /// A record whose end is to be delivered is not free before.
    pub(super) frees_late: bool,
    /// A delivery is remembered, and not made twice.
    pub(super) marks: bool,
    /// What the burial delivers of a lease bears the dead worker's name.
    pub(super) compares_worker: bool,
    /// And it is of the use of the record that the dead worker ended.
    pub(super) compares_use: bool,
    /// The list is taken between hearing of a death and the burial.
    pub(super) takes_between: bool,
    /// RUNG is taken with the list, behind hearing of deaths, rather than before that.
    pub(super) rung_with_list: bool,
    /// The burial wakes who waits for what the dead worker ended.
    pub(super) wakes_for_the_dead: bool,
    /// A place is not filled before who had it is buried.
    pub(super) buries_first: bool,
    pub(super) refills: Refills,
    /// Who rings wakes the supervisor also if ASLEEP is not set.
    pub(super) ring_wakes_always: bool,
    /// Whoever says that there is nothing more to come calls the sleepers behind that, and not before.
    pub(super) over_first: bool,
    /// Who finds that there is nothing more to come looks at the ring behind that.
    pub(super) looks_at_the_end: bool,
}

/// The machine, with every point.
pub(super) const POOL: Protocol = Protocol {
    acts: &[],
    workers: &[From::Asleep],
    records: 2,
    endless: u8::MAX,
    ring: 2,
    slots: 1,
    looks_whole: false,
    lives: false,
    alike: false,
    naps: true,
    retries: false,
    publishes_first: true,
    looks_again: true,
    looks_for_more: LooksForMore::WhoWasIdle,
    lease_first: true,
    claims_first: true,
    claims_again: true,
    ends: Ends::Exchange,
    commits_first: true,
    keeps_lease: true,
    frees_late: true,
    marks: true,
    compares_worker: true,
    compares_use: true,
    takes_between: true,
    rung_with_list: false,
    wakes_for_the_dead: true,
    buries_first: true,
    refills: Refills::AskedAndLooks,
    ring_wakes_always: true,
    over_first: true,
    looks_at_the_end: true,
};
