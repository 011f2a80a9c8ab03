//! Nothing that several processes add is lost.

use bytemuck::{Pod, Zeroable};
use procshare::{Process, Value, scope};

use crate::support::{os, scaled, wait_until, watchdog};

/// 32 bytes: larger than a word, so not an atomic of the machine's.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
struct Tally {
    count: u64,
    sum: u64,
    last: [u32; 2],
    negated: u64,
}

impl Tally {
    fn plus(self, n: u32) -> Tally {
        let count = self.count + 1;
        Tally { count, sum: self.sum + u64::from(n), last: [n, !n], negated: !count }
    }

    fn is_whole(&self) -> bool {
        self.negated == !self.count && self.last[1] == !self.last[0]
    }
}

fn empty() -> Tally {
    Tally { count: 0, sum: 0, last: [0, !0], negated: !0 }
}

#[test]
fn three_children_add_200_000_each_to_a_word() {
    watchdog!(240);
    let each = scaled(200_000) as u64;
    let count = Value::new(0_u64).expect("8 bytes");
    let ended = scope(|s| {
        for _ in 0..3 {
            let work = || {
                for _ in 0..each {
                    count.fetch_add(1);
                }
            };
            s.spawn(work).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(count.get(), 3 * each);
}

#[test]
fn three_children_update_a_word_200_000_times_each() {
    watchdog!(240);
    let each = scaled(200_000) as u64;
    let sum = Value::new(0.0_f64).expect("8 bytes");
    let ended = scope(|s| {
        for _ in 0..3 {
            let work = || {
                for _ in 0..each {
                    sum.update(|sum| sum + 1.0);
                }
            };
            s.spawn(work).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(sum.get(), 3.0 * each as f64);
}

#[test]
fn three_children_update_32_bytes_200_000_times_each() {
    watchdog!(360);
    let each = scaled(200_000) as u32;
    let tally = Value::new(empty()).expect("32 bytes");
    let ended = scope(|s| {
        for _ in 0..3 {
            let work = || {
                for n in 0..each {
                    tally.update(|tally| tally.plus(n));
                }
            };
            s.spawn(work).expect("spawn");
        }
    });
    ended.expect("no failure");
    let (tally, each) = (tally.get(), u64::from(each));
    assert_eq!((tally.count, tally.sum), (3 * each, 3 * (each * (each - 1) / 2)));
}

#[test]
fn reader_beside_three_writers_never_sees_a_torn_value() {
    watchdog!(360);
    let each = scaled(200_000) as u32;
    let tally = Value::new(empty()).expect("32 bytes");
    let over = Value::new(0_u32).expect("4 bytes");
    let torn = scope(|s| {
        let read = || {
            let (mut torn, mut last) = (0_u64, 0);
            while over.get() == 0 {
                let seen = tally.get();
                torn += u64::from(!seen.is_whole() || seen.count < last);
                last = seen.count;
            }
            torn
        };
        let reader = s.spawn(read).expect("spawn");
        let write = || {
            for n in 0..each {
                tally.update(|tally| tally.plus(n));
            }
        };
        let writers = [(); 3].map(|()| s.spawn(write).expect("spawn"));
        for writer in writers {
            writer.join().expect("join");
        }
        over.set(1);
        reader.join().expect("join")
    });
    assert_eq!(torn.expect("no failure"), 0);
}

#[test]
fn update_that_kept_losing_is_repeated_until_it_wins() {
    watchdog!(240);
    let each = scaled(20_000) as u64;
    let count = Value::new([0_u64; 5]).expect("40 bytes");
    let ended = scope(|s| {
        for _ in 0..3 {
            let work = || {
                for _ in 0..each {
                    let before = count.update(|words| words.map(|word| word + 1));
                    assert_eq!(before, [before[0]; 5], "the previous value is a whole one");
                }
            };
            s.spawn(work).expect("spawn");
        }
    });
    ended.expect("no failure");
    assert_eq!(count.get(), [3 * each; 5]);
}

#[test]
fn compare_exchange_lets_exactly_one_of_three_win_each_round() {
    watchdog!(240);
    let rounds = scaled(20_000) as u64;
    let turn = Value::new(0_u64).expect("8 bytes");
    let wins = scope(|s| {
        let work =
            || (0..rounds).filter(|round| turn.compare_exchange(*round, round + 1).is_ok()).count() as u64;
        let children = [(); 3].map(|()| s.spawn(work).expect("spawn"));
        children.map(|child| child.join().expect("join")).iter().sum::<u64>()
    });
    assert_eq!(wins.expect("no failure"), turn.get());
    assert_eq!(turn.get(), rounds);
}

#[test]
fn threads_and_processes_count_together() {
    watchdog!(240);
    let each = scaled(50_000) as u64;
    let count = Value::new([0_u64; 2]).expect("16 bytes");
    let add = || {
        for _ in 0..each {
            count.update(|[a, b]| [a + 1, b + 2]);
        }
    };
    let ended = scope(|s| {
        std::thread::scope(|threads| {
            threads.spawn(add);
            threads.spawn(add);
            s.spawn(add).expect("spawn");
            s.spawn(add).expect("spawn");
        });
    });
    ended.expect("no failure");
    assert_eq!(count.get(), [4 * each, 8 * each]);
}

#[test]
fn what_a_killed_child_added_before_is_kept() {
    watchdog!(60);
    let count = Value::new(0_u64).expect("8 bytes");
    let own = count.clone();
    let work = move || -> () {
        own.fetch_add(1);
        os::sleep_for_ever()
    };
    let child = Process::spawn(work).expect("spawn");
    wait_until(|| count.get() == 1);
    child.kill().expect("kill");
    assert!(child.join().is_err());
    assert_eq!(count.get(), 1);
}
