//! Pipes: both ways, small ones, and other ends that are gone.

use std::time::Duration;

use procshare::{
    Array, Process, pipe,
    pipe::pipe_of,
    queue::{RecvError, SendError, TimedRecvError, TimedSendError, TryRecvError},
};

use crate::support::{os, scaled, watchdog};

const BRIEFLY: Duration = Duration::from_millis(20);

#[test]
fn pipe_carries_all_sizes_both_ways() {
    watchdog!(120);
    let (here, there) = pipe::<Vec<u8>, (usize, Vec<u8>)>().expect("a pipe");
    let child = Process::spawn(move || {
        while let Ok(bytes) = there.recv() {
            there.send((bytes.len(), bytes)).expect("the parent");
        }
    })
    .expect("spawn");
    for round in 0..scaled(200) {
        let size = [0, 1, 7, 8, 100, 4000, 4096, 5000, 65_000][round % 9];
        here.send(vec![round as u8; size]).expect("the child");
        assert_eq!(here.recv(), Ok((size, vec![round as u8; size])));
    }
    assert!(!here.is_readable());
    drop(here);
    child.join().expect("the child");
}

#[test]
fn message_that_a_small_pipe_can_not_carry_is_kept() {
    watchdog!(60);
    let (here, there) = pipe_of::<Vec<u8>, ()>(64).expect("a pipe");
    assert_eq!(here.send(vec![1; 500]), Err(SendError::TooLarge(vec![1; 500])));
    let mut sent = 0;
    while here.try_send(vec![2; 30]).is_ok() {
        sent += 1;
    }
    assert!(sent >= 1);
    assert_eq!(here.send_timeout(vec![3; 30], BRIEFLY), Err(TimedSendError::TimedOut(vec![3; 30])));
    (0..sent).for_each(|_| assert_eq!(there.recv(), Ok(vec![2; 30])));
    assert_eq!(there.try_recv(), Err(TryRecvError::Empty));
    here.send(vec![4; 30]).expect("room again");
    assert!(there.is_readable());
}

#[test]
fn other_end_that_exits_is_gone_after_its_last_message() {
    watchdog!(60);
    let (here, there) = pipe::<u8, String>().expect("a pipe");
    let child = Process::<()>::spawn(move || {
        there.send(String::from("last words")).expect("the parent");
        os::exit_now(3)
    })
    .expect("spawn");
    assert_eq!(here.recv().as_deref(), Ok("last words"));
    assert_eq!(here.recv(), Err(RecvError::Disconnected));
    assert_eq!(here.recv_timeout(BRIEFLY), Err(TimedRecvError::Disconnected));
    assert_eq!(here.send(1), Err(SendError::Disconnected(1)));
    assert!(child.join().is_err());
}

#[test]
fn array_goes_to_a_worker_and_comes_back() {
    watchdog!(60);
    let (here, there) = pipe::<Array<u64>, Array<u64>>().expect("a pipe");
    let child = Process::spawn(move || {
        while let Ok(mut array) = there.recv() {
            array.iter_mut().for_each(|x| *x *= 2);
            there.send(array).expect("the parent");
        }
    })
    .expect("spawn");
    let mut array = Array::from_fn(10_000, |i| i as u64).expect("an array");
    for _ in 0..5 {
        here.send(array).expect("the child");
        array = here.recv().expect("the child");
    }
    assert!(array.iter().enumerate().all(|(i, x)| *x == 32 * i as u64));
    drop(here);
    child.join().expect("the child");
}
