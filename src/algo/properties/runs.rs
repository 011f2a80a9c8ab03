//! The runs against a list of intervals.

use proptest::prelude::*;

use crate::algo::{Kind, Refusal, Runs, Word};
use crate::shim::AtomicU64;

const PAGES: usize = 200;
const ME: u16 = 3;

#[derive(Clone, Debug)]
enum Op {
    Take { pages: u64, prefer_warm: bool },
    Release { which: usize, warm: bool },
    MakeSlab { which: usize },
    Dissolve { which: usize },
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1..40u64, any::<bool>()).prop_map(|(pages, prefer_warm)| Op::Take { pages, prefer_warm }),
        3 => (any::<usize>(), any::<bool>()).prop_map(|(which, warm)| Op::Release { which, warm }),
        1 => any::<usize>().prop_map(|which| Op::MakeSlab { which }),
        1 => any::<usize>().prop_map(|which| Op::Dissolve { which }),
    ]
}

fn heads() -> Vec<AtomicU64> {
    (0..PAGES).map(|_| AtomicU64::new(0)).collect()
}

/// The heap is legal and holds exactly `live`, in order.
fn assert_holds(runs: Runs<'_>, live: &[(usize, Word)]) {
    let mut expected = live.to_vec();
    expected.sort_by_key(|(index, _)| *index);
    let mut end = 0;
    let mut used = Vec::new();
    for step in runs.walk(0) {
        let (index, word) = step.expect("every run begins where the one before it ends");
        assert_eq!(index, end);
        end += word.extent() as usize;
        if !word.is_free() {
            used.push((index, word));
        }
    }
    assert_eq!(end, PAGES);
    assert_eq!(used, expected);
}

proptest! {
    #[test]
    fn random_use_leaves_a_legal_heap(ops in prop::collection::vec(op(), 1..200)) {
        let heads = heads();
        let runs = Runs::new(&heads);
        runs.format();
        let mut live: Vec<(usize, Word)> = Vec::new();
        let mut lowest = 0;
        for op in ops {
            match op {
                Op::Take { pages, prefer_warm } => {
                    let longest = longest_free(runs);
                    match runs.take(lowest, pages, ME, prefer_warm, PAGES) {
                        Ok(taken) => {
                            lowest = taken.lowest;
                            let word = runs.load(taken.index);
                            prop_assert_eq!(word, Word::private(pages, ME, taken.tag, false));
                            live.push((taken.index, word));
                        }
                        Err(refusal) => {
                            prop_assert_eq!(refusal, Refusal::Full);
                            prop_assert!(longest < pages, "a run of {} was free", longest);
                        }
                    }
                }
                Op::Release { which, warm } if !live.is_empty() => {
                    let (index, word) = live.swap_remove(which % live.len());
                    if word.kind() == Kind::Private {
                        lowest = lowest.min(index);
                        prop_assert!(runs.release(index, word, warm));
                        prop_assert!(!runs.release(index, word, warm), "freed twice");
                    } else {
                        live.push((index, word));
                    }
                }
                Op::MakeSlab { which } if !live.is_empty() => {
                    let at = which % live.len();
                    let (index, word) = live[at];
                    if word.kind() == Kind::Private && word.extent() > 2 {
                        let slab = Word::slab(word.extent(), 1);
                        prop_assert!(runs.make_slab(index, word, slab));
                        live[at].1 = slab;
                        for page in index..index + word.extent() as usize {
                            prop_assert_eq!(runs.slab_around(page), Some((index, slab)));
                        }
                        prop_assert!(runs.had_free(index));
                        prop_assert!(!runs.had_free(index));
                        runs.note_free(index);
                        prop_assert!(runs.had_free(index));
                    }
                }
                Op::Dissolve { which } if !live.is_empty() => {
                    let at = which % live.len();
                    let (index, word) = live[at];
                    if word.kind() == Kind::Slab {
                        let private = Word::private(word.extent(), ME, 0, false);
                        prop_assert!(runs.exchange(index, word, private));
                        live[at].1 = private;
                        prop_assert_eq!(runs.slab_around(index + 1), None);
                    }
                }
                _ => {}
            }
            assert_holds(runs, &live);
        }
        for (index, word) in live.drain(..) {
            if word.kind() == Kind::Slab {
                runs.exchange(index, word, Word::private(word.extent(), ME, 0, false));
            }
            runs.release(index, runs.load(index), false);
        }
        // Freed runs lie side by side until a walk joins them, one kind at a time.
        let mut index = 0;
        while let Ok(taken) = runs.take(index, 1, ME, false, PAGES) {
            index = taken.index + 1;
        }
        assert_eq!(runs.walk(0).count(), PAGES, "every page was taken once");
    }
}

/// The longest run that a search can find: neighbours of one kind count as one.
fn longest_free(runs: Runs<'_>) -> u64 {
    let mut longest = 0;
    let mut current: Option<(Kind, u64)> = None;
    for (_, word) in runs.walk(0).map(Result::unwrap) {
        current = match current {
            Some((kind, length)) if kind == word.kind() && word.is_free() => {
                Some((kind, length + word.extent()))
            }
            _ if word.is_free() => Some((word.kind(), word.extent())),
            _ => None,
        };
        longest = longest.max(current.map_or(0, |(_, length)| length));
    }
    longest
}

#[test]
fn a_tail_beyond_the_ready_heads_is_not_touched() {
    let heads = heads();
    let runs = Runs::new(&heads);
    runs.format();
    let before: Vec<Word> = (0..PAGES).map(|page| runs.load(page)).collect();
    assert_eq!(runs.take(0, 10, ME, false, 10), Err(Refusal::NeedsHeads(10)));
    assert_eq!((0..PAGES).map(|page| runs.load(page)).collect::<Vec<_>>(), before);
    assert_eq!(runs.take(0, 10, ME, false, 11).unwrap().index, 0);
}

#[test]
fn a_heap_cut_off_between_split_and_commit_is_legal() {
    let heads = heads();
    let runs = Runs::new(&heads);
    runs.format();
    // What a taker of 5 pages leaves that is killed after it wrote the tail's head.
    heads[5].store(Word::free(PAGES as u64 - 5, 0).bits(), crate::shim::Ordering::Relaxed);
    assert_holds(runs, &[]);
    assert_eq!(runs.take(0, PAGES as u64, ME, false, PAGES).unwrap().index, 0);
}

#[test]
fn a_warm_run_is_preferred_when_asked_for() {
    let heads = heads();
    let runs = Runs::new(&heads);
    runs.format();
    let first = runs.take(0, 10, ME, false, PAGES).unwrap();
    let kept = runs.take(0, 10, ME, false, PAGES).unwrap();
    let second = runs.take(0, 10, ME, false, PAGES).unwrap();
    let _barrier = runs.take(0, 10, ME, false, PAGES).unwrap();
    runs.release(first.index, runs.load(first.index), false);
    runs.release(second.index, runs.load(second.index), true);
    assert_ne!(kept.index, second.index);
    let warm = runs.take(0, 10, ME, true, PAGES).unwrap();
    assert_eq!((warm.index, warm.warm), (second.index, true));
    let cold = runs.take(0, 10, ME, true, PAGES).unwrap();
    assert_eq!((cold.index, cold.warm), (first.index, false));
}

proptest! {
    #[test]
    fn scribbled_heads_are_refused_not_followed(words in prop::collection::vec(any::<u64>(), PAGES), pages in 1..40u64) {
        let heads: Vec<AtomicU64> = words.into_iter().map(AtomicU64::new).collect();
        let runs = Runs::new(&heads);
        let steps = runs.walk(0).count();
        prop_assert!(steps <= PAGES + 1);
        if let Ok(taken) = runs.take(0, pages, ME, true, PAGES) {
            prop_assert!(taken.index + pages as usize <= PAGES);
        }
        for page in 0..PAGES {
            if let Some((head, slab)) = runs.slab_around(page) {
                prop_assert!(head <= page && page < head + slab.extent() as usize);
            }
        }
    }
}
