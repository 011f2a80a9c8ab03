//! What is claimed of the queue, and the controls that differ from it in one point each.

use super::State;
use super::protocol::{Announces, Clears, Commits, Does, Ends, Part, Protocol, QUEUE};
use crate::graph::{Fault, Findings, explore};
use crate::locker::{Locking, OWNER_LOCK};

type Cast = &'static [Part];

const fn part(does: Does, items: u8) -> Part {
    Part { does, items }
}

const CLOSER: Part = part(Does::Close, 0);

const ONE_EACH: Cast = &[part(Does::Send, 2), part(Does::Receive, 2)];
const TOO_FEW: Cast = &[part(Does::Send, 1), part(Does::Receive, 2)];
const TOO_MANY: Cast = &[part(Does::Send, 3), part(Does::Receive, 1)];
const SLICES: Cast = &[part(Does::SendSlices, 3), part(Does::ReceiveSlices, 3)];
const TWO_SENDERS: Cast = &[part(Does::Send, 1), part(Does::Send, 1), part(Does::Receive, 2)];
const TWO_RECEIVERS: Cast = &[part(Does::Send, 2), part(Does::Receive, 1), part(Does::Receive, 1)];
const ONE_TOO_MANY: Cast = &[part(Does::Send, 1), part(Does::Receive, 1), part(Does::Receive, 1)];
const SENT_SLICE: Cast = &[part(Does::SendSlices, 2), part(Does::Receive, 1), part(Does::Receive, 1)];
const RECEIVED_SLICE: Cast = &[part(Does::Send, 1), part(Does::Send, 1), part(Does::ReceiveSlices, 2)];
const RECEIVER_OUT_OF_TIME: Cast =
    &[part(Does::Send, 1), part(Does::ReceiveInTime, 1), part(Does::Receive, 1)];
const SENDER_OUT_OF_TIME: Cast = &[part(Does::SendInTime, 1), part(Does::Send, 1), part(Does::Receive, 1)];
const CLOSED: Cast = &[part(Does::Send, 2), part(Does::Receive, 2), CLOSER];
const CLOSED_EMPTY: Cast = &[part(Does::Receive, 1), part(Does::Receive, 1), CLOSER];
const CLOSED_FULL: Cast = &[part(Does::Send, 2), part(Does::Send, 1), CLOSER];
/// Who wants room for two may be woken in place of one for whom there is enough.
const PAIRS_BESIDE_SINGLES: Cast = &[part(Does::Send, 1), part(Does::SendPairs, 4), part(Does::Receive, 1)];

const PLAIN: [Cast; 3] = [ONE_EACH, TOO_FEW, TOO_MANY];
const CROWDED: [Cast; 10] = [
    SLICES,
    TWO_SENDERS,
    TWO_RECEIVERS,
    SENT_SLICE,
    RECEIVED_SLICE,
    RECEIVER_OUT_OF_TIME,
    SENDER_OUT_OF_TIME,
    CLOSED,
    CLOSED_EMPTY,
    CLOSED_FULL,
];
const FOUR: [Cast; 3] = [
    &[part(Does::Send, 1), part(Does::Send, 1), part(Does::Receive, 1), part(Does::Receive, 1)],
    &[part(Does::Send, 1), part(Does::SendInTime, 1), part(Does::Receive, 1), CLOSER],
    &[part(Does::Send, 1), part(Does::Receive, 1), part(Does::ReceiveInTime, 1), CLOSER],
];

const UNBOUNDED: Protocol = Protocol { locking: Locking { bounded: false, ..OWNER_LOCK }, ..QUEUE };
/// Nobody gives its end up: a wake that was lost is not made up for by that.
const STAYING: Protocol = Protocol { leaves: false, ..UNBOUNDED };

fn findings(name: &str, protocol: Protocol, kills: u8) -> Findings {
    explore::<State>(name, protocol, kills)
}

#[track_caller]
fn control(name: &str, protocol: Protocol, kills: u8, shows: Fault) {
    findings(name, protocol, kills).expect_only(shows);
}

#[track_caller]
fn sound(name: &str, protocol: Protocol, kills: u8) {
    findings(name, protocol, kills).expect_none(500);
}

#[test]
fn no_wake_and_no_item_is_lost_while_all_live_even_without_the_bound() {
    for cast in PLAIN {
        for capacity in [1, 2] {
            sound("queue, unbounded", Protocol { cast, capacity, ..UNBOUNDED }, 0);
            sound("queue, unbounded, nobody leaves", Protocol { cast, capacity, ..STAYING }, 0);
        }
    }
    for cast in [TWO_SENDERS, RECEIVER_OUT_OF_TIME, CLOSED_EMPTY, CLOSED_FULL] {
        sound("queue, unbounded, nobody leaves", Protocol { cast, ..STAYING }, 0);
    }
    for cast in [SLICES, SENT_SLICE, RECEIVED_SLICE, CLOSED] {
        sound("queue, unbounded, nobody leaves", Protocol { cast, capacity: 2, ..STAYING }, 0);
    }
}

#[test]
fn nobody_waits_for_ever_and_no_item_is_lost_when_some_are_killed() {
    for cast in PLAIN {
        for capacity in [1, 2] {
            sound("queue", Protocol { cast, capacity, ..QUEUE }, 2);
        }
    }
    sound("queue, slices", Protocol { cast: SLICES, capacity: 2, ..QUEUE }, 2);
    sound("queue, closed", Protocol { cast: CLOSED_FULL, ..QUEUE }, 1);
    sound("queue, nobody leaves", Protocol { cast: TWO_SENDERS, capacity: 2, leaves: false, ..QUEUE }, 1);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn nobody_of_three_waits_for_ever_and_no_item_is_lost_when_two_are_killed() {
    for cast in CROWDED {
        for leaves in [false, true] {
            for capacity in [1, 2] {
                sound("queue, unbounded", Protocol { cast, capacity, leaves, ..UNBOUNDED }, 0);
                sound("queue", Protocol { cast, capacity, leaves, ..QUEUE }, 2);
            }
        }
    }
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn nobody_of_four_waits_for_ever_and_no_item_is_lost() {
    for cast in FOUR {
        sound("queue, four, unbounded", Protocol { cast, ..STAYING }, 0);
    }
    let [two_each, closed, _] = FOUR;
    sound("queue, four", Protocol { cast: two_each, capacity: 2, leaves: false, ..QUEUE }, 1);
    sound("queue, four, closed", Protocol { cast: closed, capacity: 2, leaves: false, ..QUEUE }, 3);
}

#[test]
#[ignore = "minutes without optimisation; ci/full runs it"]
fn who_wants_room_for_several_at_once_is_not_forgotten_where_all_are_woken() {
    let all = Protocol { cast: PAIRS_BESIDE_SINGLES, capacity: 2, wakes_all: true, ..STAYING };
    sound("queue, pairs", all, 0);
    sound("queue, pairs", Protocol { locking: OWNER_LOCK, ..all }, 1);
}

#[test]
fn control_that_wakes_as_many_as_it_took_items_forgets_one_where_another_wants_more() {
    let few = Protocol { cast: PAIRS_BESIDE_SINGLES, capacity: 2, ..STAYING };
    control("pairs, as many", few, 0, Fault::Stuck);
}

#[test]
fn control_that_waits_without_the_other_lock_hangs_with_all_alive() {
    control("awaited unlocked", Protocol { cast: ONE_EACH, waits_locked: false, ..STAYING }, 0, Fault::Stuck);
}

#[test]
fn control_that_does_not_look_again_under_the_lock_hangs_with_all_alive() {
    control("no second look", Protocol { cast: ONE_EACH, looks_again: false, ..STAYING }, 0, Fault::Stuck);
}

#[test]
fn control_that_does_not_say_that_it_waits_hangs_with_all_alive() {
    let silent = Protocol { cast: ONE_EACH, announces: Announces::Not, ..STAYING };
    control("unsaid", silent, 0, Fault::Stuck);
}

#[test]
fn control_that_says_it_by_a_flag_without_the_bell_is_forgotten() {
    let flag = Protocol { cast: ONE_EACH, announces: Announces::Flag, ..STAYING };
    control("flag", flag, 0, Fault::Stuck);
}

#[test]
fn control_that_clears_awaited_by_a_store_forgets_a_waiter() {
    let blind = Protocol { cast: ONE_EACH, clears: Clears::StoreIfFewer, ..STAYING };
    control("cleared by a store", blind, 0, Fault::Stuck);
}

#[test]
fn control_that_clears_awaited_though_it_woke_all_it_wanted_forgets_a_sleeper() {
    let hasty = Protocol { cast: TWO_RECEIVERS, capacity: 2, clears: Clears::Exchange, ..STAYING };
    control("cleared always", hasty, 0, Fault::Stuck);
}

#[test]
fn control_that_sleeps_without_a_comparison_hangs_with_all_alive() {
    control("blind sleep", Protocol { cast: ONE_EACH, compared: false, ..STAYING }, 0, Fault::Stuck);
}

#[test]
fn control_that_wakes_and_does_not_ring_hangs_with_all_alive() {
    control("bell unchanged", Protocol { cast: ONE_EACH, rings: false, ..STAYING }, 0, Fault::Stuck);
}

#[test]
fn control_that_rings_and_wakes_nobody_hangs_with_all_alive() {
    control("wakes nobody", Protocol { cast: ONE_EACH, wakes: false, ..STAYING }, 0, Fault::Stuck);
}

#[test]
fn control_that_wakes_one_for_two_items_leaves_one_lying() {
    let one = Protocol { cast: SENT_SLICE, capacity: 2, wakes_as_many: false, ..STAYING };
    control("one for two", one, 0, Fault::Stuck);
}

#[test]
fn control_that_trusts_what_it_remembers_of_the_other_side_hangs_with_all_alive() {
    control("stale", Protocol { cast: ONE_EACH, refreshes: false, ..STAYING }, 0, Fault::Stuck);
}

#[test]
fn control_that_leaves_without_a_last_look_takes_the_wake_along() {
    let hasty = Protocol { cast: RECEIVER_OUT_OF_TIME, last_look: false, ..STAYING };
    control("no last look", hasty, 0, Fault::Stuck);
}

#[test]
fn control_that_reads_the_bell_after_the_flags_sleeps_through_the_end() {
    let (closed, left) =
        (Protocol { cast: CLOSED_EMPTY, ..STAYING }, Protocol { cast: TOO_FEW, ..UNBOUNDED });
    control("bell late, closed", Protocol { bell_read_first: false, ..closed }, 0, Fault::Stuck);
    control("bell late, left", Protocol { bell_read_first: false, ..left }, 0, Fault::Stuck);
}

#[test]
fn control_that_does_not_try_again_at_the_end_leaves_an_item_lying() {
    let (closed, left) = (Protocol { cast: CLOSED, ..STAYING }, Protocol { cast: TOO_FEW, ..UNBOUNDED });
    control("one try, closed", Protocol { tries_again: false, capacity: 2, ..closed }, 0, Fault::Lost);
    control("one try, left", Protocol { tries_again: false, ..left }, 0, Fault::Lost);
}

#[test]
fn control_that_closes_without_the_lock_leaves_an_item_lying() {
    let unlocked = Protocol { cast: CLOSED, capacity: 2, closes_locked: false, ..STAYING };
    control("closes unlocked", unlocked, 0, Fault::Lost);
}

#[test]
fn control_that_tells_of_the_end_otherwise_hangs_with_all_alive() {
    for (cast, ends) in [
        (CLOSED_EMPTY, Ends::RingsThenSays),
        (CLOSED_EMPTY, Ends::Silent),
        (CLOSED_EMPTY, Ends::WakesOne),
        (CLOSED_FULL, Ends::RingsOnce),
    ] {
        control("closes otherwise", Protocol { cast, ends, ..STAYING }, 0, Fault::Stuck);
    }
    for (cast, ends) in [(TOO_FEW, Ends::Silent), (TOO_MANY, Ends::RingsOnce)] {
        control("leaves otherwise", Protocol { cast, ends, ..UNBOUNDED }, 0, Fault::Stuck);
    }
}

#[test]
fn control_that_commits_before_it_writes_hands_out_what_nobody_sent() {
    let early = Protocol { cast: ONE_EACH, send_commits: Commits::First, ..STAYING };
    control("commits, then writes", early, 0, Fault::Doubled);
}

#[test]
fn control_that_commits_before_it_copies_out_loses_an_item() {
    let early = Protocol { cast: ONE_EACH, receive_commits: Commits::First, ..STAYING };
    control("commits, then copies", early, 0, Fault::Lost);
}

#[test]
fn control_that_unlocks_before_it_commits_loses_or_doubles_an_item() {
    let bounded = Protocol { capacity: 2, leaves: false, ..QUEUE };
    let sends = Protocol { cast: TWO_SENDERS, send_commits: Commits::Unlocked, ..bounded };
    control("sends, unlocks, commits", sends, 0, Fault::Lost);
    let receives = Protocol { cast: ONE_TOO_MANY, receive_commits: Commits::Unlocked, ..bounded };
    control("receives, unlocks, commits", receives, 0, Fault::Doubled);
}

#[test]
fn control_that_steals_a_lock_without_evidence_overlaps() {
    let thief = Locking { evidence: false, ..OWNER_LOCK };
    control("thief", Protocol { cast: ONE_EACH, locking: thief, leaves: false, ..QUEUE }, 0, Fault::Overlap);
}

#[test]
fn control_that_completes_what_a_dead_sender_began_hands_out_what_nobody_sent() {
    let helpful = Protocol { cast: TWO_SENDERS, capacity: 2, completes: true, leaves: false, ..QUEUE };
    control("completes", helpful, 1, Fault::Doubled);
}

#[test]
fn control_without_a_bound_on_sleep_hangs_after_a_kill() {
    control("unbounded", Protocol { cast: ONE_EACH, ..UNBOUNDED }, 1, Fault::Stuck);
    control("unbounded, nobody leaves", Protocol { cast: ONE_EACH, ..STAYING }, 1, Fault::Stuck);
}
