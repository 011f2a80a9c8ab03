use std::os::fd::AsFd;
use std::time::Duration;

use super::{Child, WATCHDOG};
use crate::sys::epoll::Watch;

#[test]
fn watch_names_the_child_that_ended_and_not_the_other() {
    let watch = Watch::new().expect("epoll");
    let ending = Child::running(|| 0);
    let living = Child::living();
    watch.add(living.pidfd.as_fd(), 1).expect("add");
    watch.add(ending.pidfd.as_fd(), u64::MAX).expect("add");
    let mut tokens = [0; 4];
    assert_eq!(watch.wait(&mut tokens, WATCHDOG), Ok(1));
    assert_eq!(tokens[0], u64::MAX);
}

#[test]
fn what_was_reported_is_reported_again_only_when_it_is_added_again() {
    let watch = Watch::new().expect("epoll");
    let child = Child::running(|| 0);
    watch.add(child.pidfd.as_fd(), 7).expect("add");
    let mut tokens = [0; 1];
    for _ in 0..2 {
        assert_eq!(watch.wait(&mut tokens, WATCHDOG), Ok(1));
        assert_eq!(watch.wait(&mut tokens, Duration::ZERO), Ok(0));
        watch.remove(child.pidfd.as_fd()).expect("remove");
        watch.add(child.pidfd.as_fd(), 7).expect("add again");
    }
    watch.remove(child.pidfd.as_fd()).expect("remove");
    assert_eq!(watch.wait(&mut tokens, Duration::ZERO), Ok(0));
    assert_eq!(watch.remove(child.pidfd.as_fd()).expect_err("removed twice").errno(), libc::ENOENT);
}

#[test]
fn more_events_than_there_is_room_for_are_not_lost() {
    let watch = Watch::new().expect("epoll");
    let children: Vec<Child> = (0..5).map(|_| Child::running(|| 0)).collect();
    for (token, child) in (0..).zip(&children) {
        watch.add(child.pidfd.as_fd(), token).expect("add");
    }
    let mut seen = [false; 5];
    let mut tokens = [0; 2];
    for child in &children {
        assert_eq!(child.pidfd.wait_gone(Some(WATCHDOG)), Ok(true));
    }
    while seen.contains(&false) {
        let found = watch.wait(&mut tokens, WATCHDOG).expect("wait");
        assert!((1..=2).contains(&found));
        for &token in &tokens[..found] {
            assert!(!seen[token as usize]);
            seen[token as usize] = true;
            watch.remove(children[token as usize].pidfd.as_fd()).expect("remove");
        }
    }
}

#[test]
fn thread_that_waits_already_sees_what_is_added() {
    let watch = Watch::new().expect("epoll");
    let child = Child::running(|| 0);
    let mut tokens = [0; 1];
    std::thread::scope(|threads| {
        let waiting = threads.spawn(|| watch.wait(&mut tokens, WATCHDOG));
        std::thread::sleep(Duration::from_millis(20));
        watch.add(child.pidfd.as_fd(), 3).expect("add");
        assert_eq!(waiting.join().expect("join"), Ok(1));
    });
    assert_eq!(tokens, [3]);
}
