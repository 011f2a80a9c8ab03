//! The participant table.

use crate::algo::{Kin, Occupant, Participants, Seat};
use crate::shim::AtomicU64;

const IDENTITY: u64 = 77 << 42 | 5;

fn table() -> (Vec<Seat>, AtomicU64) {
    ((0..8).map(|_| Seat::vacant()).collect(), AtomicU64::new(0))
}

#[test]
fn a_reserved_seat_is_the_childs_who_registers() {
    let (seats, high) = table();
    let table = Participants::new(&seats, &high);
    let parent = table.claim(IDENTITY, None, 0).unwrap();
    let (child, word) = table.reserve(parent, 1).unwrap();
    let seat = table.seat(child).unwrap();
    assert!(matches!(seat.occupant(), Occupant::Reserved { by, .. } if by == parent));
    assert!(seat.register(word, IDENTITY + 1));
    assert!(seat.register(word, IDENTITY + 1), "again by the other side");
    assert!(!seat.register(word, IDENTITY + 2), "by a stranger");
    assert_eq!(seat.occupant(), Occupant::Process(IDENTITY + 1));
    assert_eq!(seat.parent(), Some(parent));
    seat.set_birth(1);
    assert_eq!(table.youngest_child(parent, 9), 1);
    assert!(table.reserve(parent, 2).is_some());
    assert_eq!(table.youngest_child(parent, 9), 9, "one about to be forked");
}

#[test]
fn a_full_table_refuses_and_a_vacated_seat_is_taken_again() {
    let (seats, high) = table();
    let table = Participants::new(&seats, &high);
    let taken: Vec<u16> = (0..8).map(|n| table.claim(IDENTITY + n, None, 0).unwrap()).collect();
    assert_eq!(table.claim(IDENTITY + 9, None, 0), None);
    assert_eq!(table.reserve(0, 1), None);
    assert!(!table.seat(taken[3]).unwrap().vacate(IDENTITY + 9), "somebody else sits there");
    assert!(table.seat(taken[3]).unwrap().vacate(IDENTITY + 3));
    assert_eq!(table.claim(IDENTITY + 9, None, 0), Some(taken[3]));
}

#[test]
fn descent_is_followed_over_generations_and_never_for_ever() {
    let (seats, high) = table();
    let table = Participants::new(&seats, &high);
    let root = table.claim(IDENTITY, None, 0).unwrap();
    let child = table.claim(IDENTITY + 1, Some(root), 1).unwrap();
    let grandchild = table.claim(IDENTITY + 2, Some(child), 1).unwrap();
    let stranger = table.claim(IDENTITY + 3, None, 0).unwrap();
    assert!(table.descends(grandchild, root, Kin::All));
    assert!(!table.descends(root, grandchild, Kin::All));
    assert!(!table.descends(stranger, root, Kin::All));
    let below: Vec<u16> = table.below(root, Kin::All).map(|(number, ..)| number).collect();
    assert_eq!(below, [child, grandchild]);
    // A fork of the program's own was lent nothing, nor who is below it.
    table.seat(child).unwrap().mark_stray();
    assert!(table.descends(grandchild, child, Kin::Spawned));
    assert_eq!(table.below(root, Kin::Spawned).count(), 0);
    assert_eq!(table.below(root, Kin::All).count(), 2);
    // Damaged links: a circle.
    table.seat(root).unwrap().vacate(IDENTITY);
    let root = table.claim(IDENTITY, Some(grandchild), 1).unwrap();
    assert!(!table.descends(root, stranger, Kin::All));
}

#[test]
fn a_closed_seat_opens_again_for_its_next_occupant() {
    let (seats, high) = table();
    let table = Participants::new(&seats, &high);
    let number = table.claim(IDENTITY, None, 0).unwrap();
    let seat = table.seat(number).unwrap();
    assert!(seat.is_open());
    seat.close();
    assert!(!seat.is_open());
    assert!(seat.vacate(IDENTITY));
    assert_eq!(table.claim(IDENTITY + 1, None, 0), Some(number));
    assert!(seat.is_open());
}
