//! Claims against a set of taken objects.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::algo::slab::{CLASSES, Claims, LARGEST, SLAB_PAGES, UNIT, class_of, objects};
use crate::algo::{Kind, Word};
use crate::shim::AtomicU64;

const PAGE: usize = 4096;
const ME: u16 = 9;

fn claims() -> Vec<AtomicU64> {
    (0..SLAB_PAGES * PAGE / UNIT).map(|_| AtomicU64::new(0)).collect()
}

#[test]
fn every_size_fits_its_class_and_no_smaller_one() {
    for bytes in 0..=LARGEST {
        let class = class_of(bytes).unwrap();
        assert!(bytes <= UNIT << class);
        assert!(class == 0 || bytes > UNIT << (class - 1), "{bytes} bytes");
    }
    assert_eq!(class_of(LARGEST + 1), None);
    assert_eq!(class_of(LARGEST), Some(CLASSES - 1));
}

#[test]
fn closed_claims_can_not_be_taken() {
    let words = claims();
    let claims = Claims::new(&words);
    assert_eq!(claims.take(0, 0, ME), None);
    assert_eq!(claims.take(words.len(), 0, ME), None, "no unit has that number");
}

#[test]
fn a_claim_of_another_class_can_not_be_taken() {
    let words = claims();
    let claims = Claims::new(&words);
    claims.open(objects(0, SLAB_PAGES, 2, PAGE), 2);
    assert_eq!(claims.take(0, 1, ME), None);
    assert!(claims.take(0, 2, ME).is_some());
    assert_eq!(claims.take(1, 2, ME), None, "no object begins there");
}

#[test]
fn a_half_closed_slab_is_opened_again() {
    let words = claims();
    let claims = Claims::new(&words);
    let all = objects(0, SLAB_PAGES, 0, PAGE);
    claims.open(all.clone(), 0);
    // What a closer leaves that is killed half way.
    for unit in all.clone().take(100) {
        words[unit].store(Word::CLOSED.bits(), crate::shim::Ordering::Relaxed);
    }
    claims.open(all.clone(), 0);
    assert!(all.clone().all(|unit| claims.load(unit).kind() == Kind::Free));
    let tag = claims.take(500, 0, ME).unwrap();
    assert!(!claims.close(all.clone(), 0), "one object is in use");
    assert!(all.clone().filter(|unit| *unit != 500).all(|unit| claims.load(unit).kind() == Kind::Free));
    assert!(claims.release(500, Word::private(0, ME, tag, false)));
    assert!(claims.close(all.clone(), 0));
    assert!(all.clone().all(|unit| claims.load(unit).kind() == Kind::Closed));
}

proptest! {
    #[test]
    fn an_object_has_one_owner_at_a_time(
        class in 0..CLASSES,
        ops in prop::collection::vec((0..64usize, any::<bool>()), 1..300),
    ) {
        let words = claims();
        let claims = Claims::new(&words);
        let all: Vec<usize> = objects(0, SLAB_PAGES, class, PAGE).collect();
        claims.open(all.iter().copied(), class);
        let mut taken = BTreeMap::new();
        for (at, take) in ops {
            let unit = all[at % all.len()];
            if take {
                match claims.take(unit, class, ME) {
                    Some(tag) => prop_assert_eq!(taken.insert(unit, tag), None),
                    None => prop_assert!(taken.contains_key(&unit)),
                }
            } else if let Some(tag) = taken.remove(&unit) {
                let mine = Word::private(class as u64, ME, tag, false);
                prop_assert!(claims.release(unit, mine));
                prop_assert!(!claims.release(unit, mine), "freed twice");
            }
            prop_assert_eq!(claims.seems_empty(all.iter().copied()), taken.is_empty());
        }
    }
}
