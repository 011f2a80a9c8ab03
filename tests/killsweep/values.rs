//! Stores into values, killed at every instruction: the old value or the new one, and nobody waits for the dead.

use procshare::Value;

use crate::forked::{Forked, take_turn};
use crate::sweep::sweep;
use crate::table::Tally;
use crate::witness::Verdict;

type Wide = [u64; 4];
const OLD: Wide = [1, 2, 3, 4];
const NEW: Wide = [!1, !2, !3, !4];
/// What the survivor writes, to see that it still can.
const NEXT: Wide = [0x5555; 4];

/// Sweeps a store of `NEW` over `OLD` into a value that all share.
fn sweep_wide(name: &str, store: &dyn Fn(&Value<Wide>)) -> Tally {
    let turn = take_turn();
    let board = turn.board;
    let value = Value::new(OLD).expect("a value");
    let operation = || store(&value);
    let survive = || {
        let seen = value.get();
        value.set(NEXT);
        let torn = (seen != OLD && seen != NEW) || value.get() != NEXT;
        if torn {
            board.remark(&format!("reads {seen:x?}"));
        }
        Verdict { torn, ..Verdict::default() }
    };
    let before = || value.set(OLD);
    let mut subject = Forked::new(&turn, &operation).before(&before).after(&survive);
    sweep(name, &turn, &mut subject)
}

#[test]
fn a_wide_value_whose_writer_is_killed_reads_old_or_new() {
    sweep_wide("Value<[u64; 4]>::set", &|value| value.set(NEW)).assert_clean();
}

#[test]
fn a_wide_value_whose_updater_is_killed_reads_old_or_new() {
    let update = |value: &Value<Wide>| {
        let _ = value.update(|old| old.map(|word| !word));
    };
    sweep_wide("Value<[u64; 4]>::update", &update).assert_clean();
}

#[test]
fn a_wide_value_whose_swapper_is_killed_reads_old_or_new() {
    let swap = |value: &Value<Wide>| {
        let _ = value.swap(NEW);
    };
    sweep_wide("Value<[u64; 4]>::swap", &swap).assert_clean();
}

#[test]
fn a_wide_value_whose_exchanger_is_killed_reads_old_or_new() {
    let exchange = |value: &Value<Wide>| {
        let _ = value.compare_exchange(OLD, NEW);
    };
    sweep_wide("Value<[u64; 4]>::compare_exchange", &exchange).assert_clean();
}

#[test]
fn a_counter_whose_adder_is_killed_counts_once_or_not_at_all() {
    let turn = take_turn();
    let count = Value::new(0_u64).expect("a value");
    let add = || {
        let _ = count.fetch_add(1);
    };
    let survive = || Verdict { torn: count.swap(0) > 1, ..Verdict::default() };
    let mut subject = Forked::new(&turn, &add).after(&survive);
    sweep("Value<u64>::fetch_add", &turn, &mut subject).assert_clean();
}
