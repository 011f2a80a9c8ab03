//! What the parent does, and which points of the protocol a control leaves out.

/// What the submitting thread does, one after the other. Tasks are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Posts a task whose result it waits for later.
    Submit(u8),
    /// Posts a task whose end the supervisor is to deliver, and which nobody waits for.
    SubmitNoticed(u8),
    /// Asks for the delivery of a task that it posted before, and still waits for.
    Notice(u8),
    /// Waits for its end, and has done with it.
    Wait(u8),
    Cancel(u8),
    /// Condemns who runs it, and kills that worker.
    Condemn(u8),
}

/// Who looks whether there is more, and wakes somebody for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LooksForMore {
    Nobody,
    /// Who gives its spinner slot back.
    WhoSpun,
    /// It, and who claims a task having slept, or being new.
    WhoIdled,
}

/// What a worker is doing in the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    New,
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
    /// Room in the ring: 2 or 4.
    pub(super) ring: u8,
    /// How many may spin at once.
    pub(super) slots: u8,
    /// Sleeps end by themselves once somebody has died.
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
    /// The list is taken between hearing of a death and the burial.
    pub(super) takes_between: bool,
    /// RUNG is taken with the list, behind hearing of deaths, rather than before that.
    pub(super) rung_with_list: bool,
    /// The burial wakes who waits for what the dead worker ended.
    pub(super) wakes_for_the_dead: bool,
    /// The burial wakes every sleeper if something is queued, whether it has an idle bit or not.
    pub(super) wakes_all: bool,
    /// The burial looks whether something is queued.
    pub(super) burial_looks: bool,
    pub(super) refills: Refills,
    /// Who pushes leaves ASLEEP to the supervisor.
    pub(super) keeps_asleep: bool,
    /// A death wakes the supervisor also if ASLEEP is not set.
    pub(super) death_wakes_always: bool,
}

/// The contract, to the letter where it has one.
pub(super) const CONTRACT: Protocol = Protocol {
    acts: &[],
    workers: &[From::New, From::New],
    records: 2,
    ring: 2,
    slots: 1,
    naps: false,
    retries: false,
    publishes_first: true,
    looks_again: true,
    looks_for_more: LooksForMore::WhoSpun,
    lease_first: true,
    claims_first: true,
    claims_again: true,
    ends: Ends::Exchange,
    commits_first: true,
    keeps_lease: true,
    frees_late: true,
    marks: true,
    compares_worker: false,
    takes_between: false,
    rung_with_list: true,
    wakes_for_the_dead: false,
    wakes_all: false,
    burial_looks: true,
    refills: Refills::ComingBy,
    keeps_asleep: false,
    death_wakes_always: true,
};

/// As it was built.
pub(super) const BUILT: Protocol =
    Protocol { compares_worker: true, takes_between: true, refills: Refills::Asked, ..CONTRACT };

/// The protocol with what the model showed to be missing.
pub(super) const POOL: Protocol = Protocol {
    looks_for_more: LooksForMore::WhoIdled,
    compares_worker: true,
    takes_between: true,
    rung_with_list: false,
    wakes_for_the_dead: true,
    wakes_all: true,
    refills: Refills::AskedAndLooks,
    keeps_asleep: true,
    ..CONTRACT
};
