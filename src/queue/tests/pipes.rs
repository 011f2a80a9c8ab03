//! Pipes.

use crate::queue::{RecvError, SendError};
use crate::{Process, pipe};

#[test]
fn both_ends_talk() {
    let (here, there) = pipe::<u32, String>().unwrap();
    let child = Process::spawn(move || {
        while let Ok(number) = there.recv() {
            there.send(number.to_string()).unwrap();
        }
    })
    .unwrap();
    for number in 0..100 {
        here.send(number).unwrap();
        assert_eq!(here.recv(), Ok(number.to_string()));
    }
    drop(here);
    child.join().unwrap();
}

#[test]
fn last_words_of_a_dead_end_are_received() {
    let (here, there) = pipe::<(), u8>().unwrap();
    let child = Process::<()>::spawn(move || {
        (0..5).for_each(|i| there.send(i).unwrap());
        std::process::abort()
    })
    .unwrap();
    for i in 0..5 {
        assert_eq!(here.recv(), Ok(i));
    }
    assert_eq!(here.recv(), Err(RecvError::Disconnected));
    assert_eq!(here.send(()), Err(SendError::Disconnected(())));
    assert!(child.join().is_err());
}

#[test]
fn end_that_is_handed_over_belongs_to_the_receiver() {
    let (here, there) = pipe::<u8, u8>().unwrap();
    let child = Process::spawn_with(there, |there| {
        let got = there.recv().unwrap();
        there.send(got + 1).unwrap();
    })
    .unwrap();
    here.send(1).unwrap();
    assert_eq!(here.recv(), Ok(2));
    child.join().unwrap();
    assert_eq!(here.recv(), Err(RecvError::Disconnected));
}
